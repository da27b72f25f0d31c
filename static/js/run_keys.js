// Keys of the whole run page. A view may have actions of its own for them, which are asked first.

import { isFailure } from "console/host_store";

const isOnButton = (event) => event.target.closest?.("a, button, summary, input") != null;
const isOnField = (event) => event.target.matches?.("input, textarea, select") ?? false;
const isInPane = (event) => event.target.closest?.(".pane") != null;

/**
 * The table of keys: {key: action(event)}, for listenForKeys. `list` is the list of hosts, `filter` their FilterField,
 * `picked()` hears that somebody looks around by hand.
 */
export function runKeys(parts) {
  const { page, list, filter, focusHosts, picked, filterAsked, viewAsked, toggleSide, showKeys } = parts;
  const moveBy = (step) => (event) => {
    if (event.target.closest?.(".view") && event.key.startsWith("Arrow")) return false;
    picked();
    list.move(step);
    return true;
  };
  const openFailure = (step) => () => openNextFailure(page, step);
  return {
    "/": filterAsked,
    j: moveBy(1),
    k: moveBy(-1),
    ArrowDown: moveBy(1),
    ArrowUp: moveBy(-1),
    Enter: (event) => {
      if (isOnButton(event) || list.cursor === null) return false;
      page.open(list.cursor, { isAsked: true });
      return true;
    },
    x: () => list.chooseCursor(),
    X: () => page.chosen.set(page.store.ordered()),
    n: openFailure(1),
    N: openFailure(-1),
    o: () => viewAsked("focus"),
    l: () => viewAsked("lines"),
    v: () => viewAsked("grid"),
    g: () => viewAsked("grouped"),
    m: () => viewAsked("merged"),
    s: () => viewAsked("search"),
    i: () => toggleSide(),
    "?": showKeys,
    Escape: (event) => {
      // First out of a field, with what is written there left alone: then letters are keys again.
      if (isOnField(event) && !isInPane(event)) focusHosts();
      else if (!filter.clear() && isInPane(event)) page.show("hosts");
      return true;
    },
    F6: (event) => {
      if (isInPane(event)) {
        list.focus();
      } else {
        page.show("focus");
        page.views.get("focus")?.pane.focus();
      }
    },
  };
}

/** Open the next host that went wrong, or the one before. */
function openNextFailure(page, step) {
  const failures = page.store.ordered().filter((i) => isFailure(page.store.get(i).status));
  if (failures.length === 0) return;
  const at = failures.indexOf(page.opened);
  const next = at === -1 ? (step > 0 ? 0 : failures.length - 1) : (at + step + failures.length) % failures.length;
  page.open(failures[next], { isAsked: true });
}
