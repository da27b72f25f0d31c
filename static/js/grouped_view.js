// The grouped view: hosts that printed the same as one entry, live as hosts finish and the same for a finished run.

import * as format from "console/format";
import { GroupDetail } from "console/group_detail";
import { feedOf, hasEnded } from "console/group_feed";
import { GroupList } from "console/group_list";
import { problemNotice, setText } from "console/group_parts";
import { indexesOf, largestOf, summary, unfinishedText } from "console/group_text";

export class GroupedView {
  #root;
  #page;
  #feed;
  #parts = {};
  #list;
  #detail;
  #asked = null;
  #shown = [];

  constructor(root, page) {
    this.#root = root.querySelector(".grouped");
    this.#page = page;
    this.#feed = feedOf(page);
    for (const part of root.querySelectorAll("[data-grouped]")) this.#parts[part.dataset.grouped] = part;
    this.#list = new GroupList(this.#parts.list, page, (key) => this.openGroup(key));
    this.#detail = new GroupDetail(this.#parts.detail, page, () => this.#showList());
    this.#feed.onChange(() => this.#draw());
  }

  /** What this view does with keys; the output and the differences scroll by themselves. */
  get keys() {
    const isElsewhere = (event) => event.target.closest?.(".group-output, .diff-body, .group-hosts") != null;
    const move = (step) => (event) => {
      if (event.key.startsWith("Arrow") && isElsewhere(event)) return false;
      this.#list.move(step);
      return true;
    };
    const keys = {
      j: move(1),
      k: move(-1),
      ArrowDown: move(1),
      ArrowUp: move(-1),
      Enter: (event) => (event.target.closest?.("a, button, summary, input") ? false : this.#list.choose()),
      d: () => this.openGroup(this.#list.cursor, "diff"),
    };
    // Only while there is something to go back from: otherwise Escape is the page's own.
    if (this.#root.classList.contains("is-open") && this.#isNarrow) keys.Escape = () => this.#showList();
    return keys;
  }

  shown() {
    this.#feed.wanted(this, true);
    this.#draw();
    if (document.activeElement === document.body) this.#list.focus();
  }

  hidden() {
    this.#feed.wanted(this, false);
  }

  hostsChanged() {
    this.#drawRest();
  }

  filterChanged() {
    this.#draw();
  }

  /** Open the group called `key`, now or as soon as it is known; on `tab` if given. */
  openGroup(key, tab = null) {
    const groups = this.#feed.answer?.groups ?? [];
    const group = groups.find((one) => one.key === key);
    if (!group) return false;
    this.#asked = key;
    this.#list.open(key);
    this.#detail.open(group, largestOf(groups), tab);
    this.#root.classList.add("is-open");
    if (this.#isNarrow) this.#detail.focus();
    return true;
  }

  get #isNarrow() {
    return matchMedia("(max-width: 760px)").matches;
  }

  #showList() {
    this.#root.classList.remove("is-open");
    this.#list.focus();
  }

  #draw() {
    const { answer, problem } = this.#feed;
    const groups = answer?.groups ?? [];
    this.#shown = this.#page.store.isFiltered ? groups.filter((group) => this.#passes(group)) : groups;
    const total = groups.reduce((sum, group) => sum + group.count, 0);
    this.#list.draw(this.#shown, total);
    this.#drawSummary(groups, problem);
    this.#drawRest();
    this.#drawDetail(groups);
    this.#parts.empty.hidden = groups.length > 0 || Boolean(problem);
    this.#root.classList.toggle("is-empty", groups.length === 0);
    this.#drawEmpty();
  }

  /** A group passes the page's filter if one of its hosts does. */
  #passes(group) {
    const { store } = this.#page;
    return indexesOf(group.hosts).some((i) => store.get(i) && store.matches(store.get(i)));
  }

  #drawSummary(groups, problem) {
    setText(this.#parts.summary, summary(groups, this.#page.store.isOver));
    const left = groups.length - this.#shown.length;
    const count = `${format.plural(groups.length, "group")}`;
    const all = groups.length > 1 ? count : "";
    setText(this.#parts.filtered, left > 0 ? `${format.number(this.#shown.length)} of ${count} pass the filter` : all);
    const retry = () => this.#feed.retry();
    this.#parts.problem.replaceChildren(...(problem ? [problemNotice(problem, retry)] : []));
  }

  #drawRest() {
    const pending = this.#feed.answer?.pending ?? 0;
    const parts = [unfinishedText(new Map(this.#page.store.counts()))];
    if (pending > 0) parts.push(`comparing ${format.number(pending)} more`);
    const text = parts.filter(Boolean).join(", ");
    this.#parts.rest.hidden = text === "";
    setText(this.#parts.rest.querySelector("span"), text);
  }

  /** What is open stays open as it grows; before anybody has chosen it is the largest group. */
  #drawDetail(groups) {
    const key = this.#asked ?? (this.#isNarrow ? null : largestOf(groups)?.key);
    const group = groups.find((one) => one.key === key);
    if (!group) return;
    this.#list.open(key);
    this.#detail.open(group, largestOf(groups));
  }

  #drawEmpty() {
    const isWaiting = !this.#feed.answer && hasEnded(this.#page);
    setText(this.#parts["empty-title"], isWaiting ? "Comparing the outputs" : "No host has finished");
    const text = isWaiting
      ? "Each output is read once; what it comes to is kept."
      : "Hosts that printed the same appear here as one group, as soon as they finish.";
    setText(this.#parts["empty-text"], text);
  }
}
