// Copying from a terminal: what is selected as text, never its escape sequences, without the blanks at line ends.

const UNPRINTABLE = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** Selected text as it goes to the clipboard. */
export function textToCopy(selection) {
  const lines = selection.replace(/\r\n?/g, "\n").replace(UNPRINTABLE, "").split("\n");
  return lines.map((line) => line.trimEnd()).join("\n");
}

/**
 * Let what is selected in `terminal` be copied by `button`, which is there only then, by Ctrl+Shift+C or Cmd+C in
 * `root`, and by whatever the browser has for it. Gives back a function that ends it.
 */
export function offerCopy(terminal, root, button) {
  const copied = (event) => {
    const text = textToCopy(terminal.getSelection());
    if (!text) return;
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
    event.stopPropagation();
  };
  // Asking for a copy event works without HTTPS, too, and writes what the listener above says.
  const copy = () => {
    document.addEventListener("copy", copied, { capture: true, once: true });
    const isDone = document.execCommand("copy");
    document.removeEventListener("copy", copied, { capture: true });
    say(button, isDone ? "Copied" : "Press Ctrl+C");
  };
  const pressed = (event) => {
    if (!isCopyKey(event) || !terminal.hasSelection() || event.target.matches("input")) return;
    event.preventDefault();
    copy();
  };
  const changed = terminal.onSelectionChange(() => {
    button.hidden = !terminal.hasSelection();
    say(button, "Copy");
  });
  button.hidden = true;
  button.addEventListener("click", copy);
  root.addEventListener("keydown", pressed);
  root.addEventListener("copy", copied, { capture: true });
  return () => {
    changed.dispose();
    button.hidden = true;
    button.removeEventListener("click", copy);
    root.removeEventListener("keydown", pressed);
    root.removeEventListener("copy", copied, { capture: true });
  };
}

function isCopyKey({ key, ctrlKey, metaKey, shiftKey, altKey }) {
  if (key.toLowerCase() !== "c" || altKey) return false;
  return metaKey ? !ctrlKey && !shiftKey : ctrlKey && shiftKey;
}

function say(button, text) {
  button.querySelector("span").textContent = text;
}
