// The lines view: one host's log to read, line by line, however long it is.

import { FetchError, whileTrying } from "console/fetching";
import { isActive } from "console/host_store";
import { rowElement } from "console/line_elements";
import { LineFrame } from "console/line_frame";
import { LineList } from "console/line_list";
import { LineLog } from "console/line_log";
import { lineFrom } from "console/line_rows";
import { momentOf, rangeOf } from "console/line_targets";

/** A log this small is looked through for folds while its first lines are on their way; a larger one afterwards. */
const SMALL = 4_000_000;

export class LinesView {
  #page;
  #parts = {};
  #frame;
  #list;
  #log = null;
  #isShown = false;
  /** Hears that the console has answered, with lines or without. */
  #wasAnswered = () => {};
  /** Whether the end stays in sight, whatever is added. */
  #isFollowing = false;
  #chosen = null;
  #anchor = null;
  #isPlaced = false;
  /** Whether the reader has scrolled since the log was opened. */
  #hasMoved = false;
  #places = new Map();
  #rowHeight = 19;
  #notes = 0;
  #seen = 0;

  constructor(root, page) {
    this.#page = page;
    for (const part of root.querySelectorAll("[data-lines]")) this.#parts[part.dataset.lines] = part;
    this.#frame = new LineFrame(this.#parts, page);
    const { scroll } = this.#parts;
    this.#list = new LineList(scroll, {
      count: () => this.#log?.rows.count ?? 0,
      rowHeight: () => this.#rowHeight,
      element: (row, known) => this.#element(row, known),
      drawn: (first, last) => this.#drawn(first, last),
      moved: () => this.#moved(),
    });
    this.#list.isExactHeight = !this.#frame.isWrapped;
    this.#listen();
  }

  /** Keys that belong to this view while it is shown. */
  keys = {
    f: () => this.#toggleFollow(),
    t: () => this.#toggleTimes(),
    w: () => this.#toggleWrap(),
    ":": () => this.#parts.goto.focus(),
    Home: (event) => this.#scrollKey(event, () => this.#list.showAt(0)),
    End: (event) => this.#scrollKey(event, () => this.#list.showEnd()),
    PageUp: (event) => this.#scrollKey(event, () => this.#list.movePages(-1)),
    PageDown: (event) => this.#scrollKey(event, () => this.#list.movePages(1)),
  };

  // ---- What the page tells ----

  shown() {
    this.#isShown = true;
    this.#rowHeight = Number.parseFloat(getComputedStyle(this.#parts.scroll).lineHeight) || 19;
    if (this.#page.opened !== null) this.hostOpened(this.#page.opened, this.#page.lines);
    return this.#log?.rows.total ? new Promise((done) => (this.#wasAnswered = done)) : undefined;
  }

  hidden() {
    this.#isShown = false;
  }

  hostOpened(i, lines) {
    if (!this.#isShown) return;
    const host = this.#page.store.get(i);
    if (this.#log?.host.i !== i) this.#open(host, lines);
    else {
      this.#log.changed(host);
      if (lines) this.#showLines(lines);
      else if (this.#chosen) this.#choose(null, false);
    }
    this.#update();
  }

  hostsChanged(indexes) {
    if (!this.#log || !indexes.includes(this.#log.host.i)) return;
    const before = this.#log.rows.total;
    this.#keepPlace(() => this.#log.changed(this.#page.store.get(this.#log.host.i)));
    if (!this.#isFollowing) this.#seen += this.#log.rows.total - before;
    if (!this.#isPlaced) this.#placeFirst();
    this.#update();
  }

  notesChanged() {
    if (this.#log) this.#placeNotes();
  }

  tick() {
    if (!this.#log) return;
    if (isActive(this.#log.host.status)) this.#frame.drawHead(this.#log.host);
    if (this.#isPlaced) this.#log.findFolds();
    if (!this.#parts.problem.hidden) this.#list.redraw();
  }

  // ---- One host's log ----

  #open(host, lines) {
    if (this.#log) {
      this.#places.set(this.#log.host.i, { ...this.#lineAtTop(), isFollowing: this.#isFollowing });
      this.#log.dispose();
    }
    this.#parts.pane.classList.remove("is-empty");
    this.#frame.drawProblem("");
    this.#list.clear();
    this.#notes = this.#seen = 0;
    this.#chosen = lines;
    this.#isPlaced = this.#hasMoved = false;
    this.#isFollowing = !lines && host.status !== "succeeded";
    const log = new LineLog(host, (name) => this.#page.at(`hosts/${host.i}/${name}`), {
      loaded: () => this.#log === log && this.#loaded(),
      failed: (error) => this.#log === log && this.#failed(error),
      foldsFound: (isFirst) => this.#log === log && this.#foldsFound(isFirst),
    });
    this.#log = log;
    this.#setDigits();
    this.#placeFirst();
    this.#frame.waitFor(host.size > 0 && host.size < SMALL ? log.findFolds() : null);
    this.#placeNotes();
  }

  /** A log is opened at the lines asked for, where it was left, or where what matters is: failures at the end. */
  #placeFirst() {
    const { rows, host } = this.#log;
    if (rows.total === 0) return;
    this.#isPlaced = true;
    const left = this.#places.get(host.i);
    if (this.#chosen) this.#showLines(this.#chosen);
    else if (left && !left.isFollowing) {
      this.#isFollowing = false;
      this.#list.showAt(rows.rowOf(left.n), left.offset);
    } else if (this.#isFollowing) this.#list.showEnd();
    else this.#list.showAt(0);
  }

  #loaded() {
    this.#wasAnswered();
    this.#frame.drawProblem("");
    this.#log.findFolds();
    this.#setDigits();
    this.#list.takeScroll();
    if (this.#isFollowing) this.#list.showEnd();
    else if (this.#anchor) this.#showLines(this.#anchor);
    else this.#list.draw();
    this.#update();
  }

  #failed(error) {
    this.#wasAnswered();
    if (!(error instanceof FetchError)) throw error;
    this.#frame.drawProblem(whileTrying(error));
  }

  #foldsFound(isFirst) {
    const { rows } = this.#log;
    this.#keepPlace(() => {
      if (!isFirst) return;
      const before = this.#lineAtTop();
      if (this.#chosen && !this.#frame.isWaiting) return; // They are read already: what stands around them stays.
      this.#log.closeAtFirst();
      if (this.#chosen) rows.reveal(this.#chosen.from, this.#chosen.to);
      // What somebody reads already is not folded away under their eyes.
      else if (before.n > 1 && !this.#isFollowing) rows.reveal(before.n);
    });
    if (isFirst && this.#chosen && !this.#hasMoved) this.#showLines(this.#chosen);
    this.#update();
    this.#drawFoldButton();
  }

  async #placeNotes() {
    const notes = this.#page.notes?.() ?? [];
    if (notes.length === this.#notes) return;
    const log = this.#log;
    this.#notes = notes.length;
    const isPlaced = await log.place(notes);
    if (log !== this.#log) return;
    if (isPlaced) this.#keepPlace(() => {});
    else this.#notes = -1;
  }

  /** Change which rows there are by `change`; what is at the top, or the end, stays where it is. */
  #keepPlace(change) {
    this.#list.takeScroll();
    const { n, offset } = this.#lineAtTop();
    change();
    this.#setDigits();
    if (this.#isFollowing) this.#list.showEnd();
    else if (n > 1 || offset > 0) this.#list.showAt(this.#log.rows.rowOf(n), offset);
    else this.#list.draw();
  }

  #lineAtTop = () => lineFrom(this.#log.rows, this.#list.place);

  // ---- Rows ----

  #drawn(first, last) {
    if (!this.#isShown || last < 0) return;
    this.#log.want(first, last);
    this.#drawFollow();
  }

  #element(row, known) {
    const element = rowElement(this.#log, row, known);
    const { n } = element;
    const isChosen = n !== undefined && this.#chosen !== null && n >= this.#chosen.from && n <= this.#chosen.to;
    element.classList.toggle("is-marked", isChosen);
    return element;
  }

  #setDigits() {
    const { style } = this.#parts.pane;
    style.setProperty("--digits", Math.max(3, String(this.#log.rows.total).length));
    style.setProperty("--shown", `${this.#parts.scroll.clientWidth}px`);
  }

  // ---- Going to lines ----

  /** Show and mark `lines` {from, to}, as soon as they are there. */
  #showLines(lines) {
    const { rows } = this.#log;
    this.#isFollowing = false;
    this.#chosen = lines;
    this.#drawChosen();
    rows.reveal(lines.from, lines.to);
    this.#anchor = this.#log.blocks.line(Math.min(lines.from, rows.total)) ? null : lines;
    const share = lines.to - lines.from > 20 ? 0.1 : 0.33;
    this.#list.showAt(rows.rowOf(lines.from), 0, share);
  }

  #choose(lines, isPlace = true) {
    this.#chosen = lines;
    this.#anchor = null;
    this.#page.lines = lines;
    const { name } = this.#log.host;
    if (isPlace) this.#page.setPlace(lines ? { host: name, lines } : { host: name, view: "lines" });
    this.#drawChosen();
    this.#list.draw();
  }

  #numberClicked(event, n) {
    if (event.ctrlKey || event.metaKey || event.button !== 0) return;
    event.preventDefault();
    this.#isFollowing = false;
    const { from, to } = this.#chosen ?? {};
    if (event.shiftKey && this.#chosen) {
      getSelection()?.removeAllRanges();
      this.#choose({ from: Math.min(from, n), to: Math.max(n < from ? to : from, n) });
    } else this.#choose(from === n && to === n ? null : { from: n, to: n });
  }

  async #goto(text) {
    const { goto, scroll } = this.#parts;
    const range = rangeOf(text);
    const moment = range ? null : momentOf(text, this.#log.host.started ?? new Date(this.#page.now()).toISOString());
    goto.setAttribute("aria-invalid", String(!range && !moment));
    if (!range && !moment) return;
    const { total } = this.#log.rows;
    const line = moment ? Math.min(await this.#log.lineAt(moment), total) : 0;
    const lines = range ?? { from: line, to: line };
    const last = Math.max(1, total);
    this.#choose({ from: Math.min(lines.from, last), to: Math.min(lines.to, last) });
    this.#showLines(this.#chosen);
    goto.value = "";
    scroll.focus();
  }

  // ---- Toolbar ----

  #listen() {
    const { scroll, goto } = this.#parts;
    const actions = {
      follow: () => this.#toggleFollow(), times: () => this.#toggleTimes(), wrap: () => this.#toggleWrap(),
      jump: () => this.#follow(), folds: () => this.#toggleAllFolds(), clear: () => this.#choose(null),
      copy: () => this.#frame.copyText(this.#log, this.#chosen), again: () => this.#list.redraw(),
      link: () => this.#frame.copyLink("link", this.#log.host, this.#chosen),
      "chosen-link": () => this.#frame.copyLink("chosen-link", this.#log.host, this.#chosen),
    };
    for (const [name, action] of Object.entries(actions)) this.#parts[name].addEventListener("click", action);
    this.#parts["goto-form"].addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#log) this.#goto(goto.value).catch((error) => this.#page.notice(error.message));
    });
    goto.addEventListener("input", () => goto.removeAttribute("aria-invalid"));
    goto.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      goto.value = "";
      scroll.focus();
    });
    scroll.addEventListener("click", (event) => this.#clicked(event));
    scroll.addEventListener("keydown", (event) => this.#arrow(event));
  }

  #clicked(event) {
    const number = event.target.closest(".line-number");
    const fold = event.target.closest("[data-fold]");
    const more = event.target.closest("[data-more]");
    if (number) this.#numberClicked(event, Number(number.dataset.n));
    else if (fold) this.#toggleFold(Number(fold.dataset.fold));
    else if (more) this.#frame.showWhole(this.#log, more).then(() => this.#list.draw());
  }

  #arrow(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.target !== this.#parts.scroll || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#list.moveBy(step * this.#rowHeight);
    this.#moved();
  }

  #scrollKey(event, action) {
    if (event.target.closest?.(".host-panel, .run-side, .menu")) return false;
    action();
    this.#moved();
    return true;
  }

  #toggleFold(from) {
    const { rows } = this.#log;
    this.#isFollowing = false;
    this.#keepPlace(() => rows.close([from], !rows.isClosed(from)));
    this.#list.reveal(rows.rowOf(from));
    this.#parts.scroll.querySelector(`[data-fold="${from}"]`)?.focus();
    this.#drawFoldButton();
  }

  #toggleAllFolds() {
    const { rows } = this.#log;
    const close = !rows.areAllClosed;
    this.#keepPlace(() => rows.close(rows.folds.map((fold) => fold.from), close));
    this.#drawFoldButton();
  }

  #toggleTimes() {
    this.#frame.toggleTimes();
    if (this.#log) this.#keepPlace(() => {});
  }

  #toggleWrap() {
    this.#list.isExactHeight = !this.#frame.toggleWrap();
    if (this.#log) this.#keepPlace(() => {});
  }

  // ---- Following ----

  #moved() {
    if (!this.#log) return;
    this.#anchor = null;
    this.#hasMoved = true;
    this.#isFollowing = this.#list.isAtEnd;
    this.#drawFollow();
  }

  #follow() {
    this.#isFollowing = true;
    this.#list.showEnd();
    this.#drawFollow();
  }

  #toggleFollow() {
    if (!this.#log || !isActive(this.#log.host.status)) return;
    if (!this.#isFollowing) return this.#follow();
    this.#isFollowing = false;
    this.#drawFollow();
  }

  #drawFollow() {
    if (this.#isFollowing) this.#seen = 0;
    this.#frame.drawFollow(this.#log.host, this.#isFollowing, this.#seen);
  }

  #drawChosen() {
    this.#frame.drawChosen(this.#chosen, this.#log.host, this.#log.rows.total);
  }

  #drawFoldButton() {
    this.#frame.drawFoldButton(this.#log.rows.areAllClosed);
  }

  #update() {
    if (!this.#log) return;
    this.#frame.draw(this.#log.host, this.#log.rows);
    this.#drawFollow();
    this.#drawChosen();
  }
}
