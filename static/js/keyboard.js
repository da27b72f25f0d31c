// Keys of a page in one table, so that the help and what happens cannot differ.

const isWriting = (element) => element.matches?.("input, textarea, select, [contenteditable]") && !element.readOnly;

/**
 * Listen for `keys`: {key: action}. Keys without a modifier stay letters in a field, and a dialog has its own.
 * An action that gives back false did not apply; the browser gets the key. `first(key)` may have an action of its own
 * for a key, which is asked before.
 */
export function listenForKeys(keys, first = () => undefined) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const action = first(event.key) ?? keys[event.key];
    if (!action || document.querySelector("dialog[open]")) return;
    const isInTerminal = event.target.closest?.(".xterm");
    if (isWriting(event.target) && !isInTerminal && !["Escape", "F6"].includes(event.key)) return;
    if (action(event) === false) return;
    event.preventDefault();
  });
}
