// The list of groups: one option each, moved through by keyboard, kept up to date without being made anew.

import * as format from "console/format";
import { make, setText, statusIcon } from "console/group_parts";
import { alike } from "console/group_text";

export class GroupList {
  #root;
  #page;
  #chosen;
  #rows = new Map();
  #order = [];
  #cursor = null;
  #opened = null;

  /** `chosen(key)` hears which group was asked for. */
  constructor(root, page, chosen) {
    this.#root = root;
    this.#page = page;
    this.#chosen = chosen;
    root.addEventListener("click", (event) => {
      const row = event.target.closest("[data-key]");
      if (row) chosen(row.dataset.key);
    });
  }

  get cursor() {
    return this.#cursor;
  }

  focus() {
    this.#root.focus();
  }

  /** Draw `groups` in their order; `total` hosts have ended. */
  draw(groups, total) {
    const shown = new Set(groups.map((group) => group.key));
    for (const [key, row] of this.#rows) {
      if (shown.has(key)) continue;
      row.element.remove();
      this.#rows.delete(key);
    }
    groups.forEach((group, at) => {
      const row = this.#rows.get(group.key) ?? this.#newRow(group);
      drawRow(row, group, this.#says(group), total);
      const there = this.#root.children[at] ?? null;
      if (there !== row.element) this.#root.insertBefore(row.element, there);
    });
    this.#order = groups.map((group) => group.key);
  }

  /** Mark the opened group and put the cursor on it. */
  open(key) {
    this.#rows.get(this.#opened)?.element.setAttribute("aria-selected", "false");
    this.#opened = key;
    this.#rows.get(key)?.element.setAttribute("aria-selected", "true");
    if (key !== null) this.#moveTo(key);
  }

  /** Move the cursor by `step` groups. */
  move(step) {
    if (this.#order.length === 0) return;
    const at = this.#order.indexOf(this.#cursor);
    this.#moveTo(this.#order[at === -1 ? 0 : Math.min(Math.max(at + step, 0), this.#order.length - 1)]);
  }

  /** Open the group under the cursor. */
  choose() {
    if (!this.#rows.has(this.#cursor)) return false;
    this.#chosen(this.#cursor);
    return true;
  }

  #moveTo(key) {
    this.#rows.get(this.#cursor)?.element.classList.remove("is-cursor");
    this.#cursor = key;
    const row = this.#rows.get(key);
    if (!row) return;
    row.element.classList.add("is-cursor");
    row.element.scrollIntoView({ block: "nearest" });
    this.#root.setAttribute("aria-activedescendant", row.element.id);
  }

  #newRow(group) {
    const element = make("li", `group status-${group.status}`);
    element.id = `group-${group.key}`;
    element.dataset.key = group.key;
    element.setAttribute("role", "option");
    element.setAttribute("aria-selected", String(group.key === this.#opened));
    const row = {
      element,
      count: make("b", "group-count"),
      alike: make("span", "group-alike"),
      outcome: make("span", "group-outcome", format.outcome(group)),
      names: make("span", "group-names"),
      says: make("span", "group-says"),
      share: make("i", "group-share"),
    };
    const line = make("span", "group-line");
    line.append(row.count, row.alike, row.outcome);
    row.share.setAttribute("aria-hidden", "true");
    element.append(statusIcon(this.#page.icons, group.status), line, row.names, row.says, row.share);
    this.#rows.set(group.key, row);
    return row;
  }

  /** The first line that is different, or the last one, or why there is none: what tells groups apart at a glance. */
  #says(group) {
    if (group.differs) {
      const [sign, line] = group.differs;
      return { text: `${sign === "+" ? "+" : "−"} ${line.trim()}`, printed: true };
    }
    if (group.size === 0) return { text: group.reason, printed: false };
    return format.detail(this.#page.store.get(group.sample));
  }
}

/** Only what differs from what the row shows is touched. */
function drawRow(row, group, { text, printed }, total) {
  setText(row.count, format.plural(group.count, "host"));
  setText(row.alike, alike(group));
  setText(row.names, group.names);
  setText(row.says, text);
  row.says.classList.toggle("is-printed", printed);
  row.element.classList.toggle("is-largest", group.largest);
  row.share.style.width = `${(100 * group.count) / Math.max(total, 1)}%`;
}
