// The output of one host: a terminal, what is missing from it, and whether it follows the end.

import { nameParts, show } from "console/cut_text";
import { openDiff } from "console/diff_view";
import * as format from "console/format";
import { isActive } from "console/host_store";
import { openTerminal } from "console/output_terminal";
import { offerCopy } from "console/pane_copy";
import { PaneSearch } from "console/pane_search";
import { blankWords, consoleWords, countLines, endSentence, progressSentence, startOf, startOfNewest } from "console/pane_words";
import { fadeSides } from "console/side_fade";
import { leaveGraphics, takeGraphics } from "console/terminal_graphics";

/** While following, a viewer further behind than this skips to the tail. */
const MAX_BEHIND = 4 * 1024 * 1024;
const SCROLLBACK = 20_000;
const SCROLLBACK_FOR_EVERYTHING = 50_000;
const RESET_STYLE = "\x1b[0m";

const LINE_FEED = 10;
const PARTS = ["badge", "name", "mode", "facts", "reason", "earlier", "earlier-text", "load", "all-lines", "dropped", "screen",
  "search", "blank", "blank-title", "blank-text", "jump", "jump-text", "follow", "find", "lines", "compare", "copy",
  "foot", "cancel", "download", "download-all"];

const encoder = new TextEncoder();

export class FocusPane {
  #parts;
  #page;
  #store;
  #socket;
  #settings;
  #search;
  #view = null;
  #host = null;
  #isFocused = false;

  /** `page` is what run_page.js gives to all; its socket is subscribed and acknowledged here. */
  constructor(root, page) {
    this.#page = page;
    this.#store = page.store;
    this.#socket = page.socket;
    this.#settings = page.settings;
    const found = PARTS.map((name) => [name, root.querySelector(`[data-pane="${name}"]`)]);
    this.#parts = { root, ...Object.fromEntries(found) };
    this.#search = new PaneSearch(this.#parts.search, () => this.focus());
    this.#listen();
  }

  #listen() {
    const { root, load, jump, follow, find, lines, compare } = this.#parts;
    load.addEventListener("click", () => this.loadEverything());
    jump.addEventListener("click", () => this.follow());
    follow.addEventListener("click", () => this.toggleFollow());
    find.addEventListener("click", () => this.find());
    for (const button of [lines, this.#parts["all-lines"]]) {
      button.addEventListener("click", () => this.#page.open(this.#host, { isAsked: true, view: "lines" }));
    }
    compare.addEventListener("click", () => openDiff(this.#page, { host: this.#host, against: "last-good" }));
    root.addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() !== "f" || event.altKey || event.shiftKey || event.ctrlKey === event.metaKey) return;
      event.preventDefault();
      this.find();
    });
  }

  /** Index of the host that is shown, or null. */
  get host() {
    return this.#host;
  }

  /** Bytes of the shown host that have been drawn. */
  get shown() {
    return this.#view?.parsed ?? 0;
  }

  get received() {
    return this.#view ? this.#socket.cursor(this.#view.host) : 0;
  }

  /** Show the output of host `i`; late data of the one before is dropped with its terminal. */
  open(i) {
    if (this.#view?.host === i) return;
    const host = this.#store.get(i);
    if (host) this.#show(host, startOf(host), MAX_BEHIND, SCROLLBACK);
  }

  /** Fetch as much of the log as a terminal can hold, and skip nothing of it. */
  loadEverything() {
    const host = this.#view && this.#store.get(this.#view.host);
    const most = SCROLLBACK_FOR_EVERYTHING;
    if (host) this.#show(host, startOfNewest(host, most), 0, most);
  }

  /** Draw the terminal anew, after a setting changed. */
  reopen() {
    const host = this.#view && this.#store.get(this.#view.host);
    if (host) this.#show(host, startOf(host), MAX_BEHIND, SCROLLBACK);
  }

  /** Nobody looks: get no bytes and hold none, until open() is called again. */
  suspend() {
    if (!this.#view) return;
    this.#socket.unsubscribe(this.#view.host);
    this.#search.use(null);
    this.#view.dispose();
    this.#view = null;
  }

  focus() {
    this.#view?.terminal.focus();
  }

  find() {
    if (this.#view) this.#search.open();
  }

  /** Whether the pane has the reader's attention: one of the panes, which draws with WebGL where there is any. */
  setFocused(isFocused) {
    this.#isFocused = isFocused;
    if (!this.#view) return;
    if (isFocused) takeGraphics(this.#view.terminal);
    else leaveGraphics(this.#view.terminal);
  }

  #show(host, from, maxBehind, scrollback) {
    this.suspend();
    this.#host = host.i;
    const { root, screen, copy } = this.#parts;
    root.classList.remove("is-empty");
    root.dataset.host = host.i;
    root.setAttribute("aria-label", `Output of ${host.name}`);
    const opened = openTerminal(screen, {
      scrollback, openLink: this.#page.openLink, screenReader: this.#settings.screenReader,
      fontSize: this.#settings.fontSize,
    });
    const endCopy = offerCopy(opened.terminal, root, copy);
    const endFade = fadeSides(screen.parentElement, screen);
    const dispose = () => {
      endFade();
      endCopy();
      opened.dispose();
    };
    const view = {
      terminal: opened.terminal, dispose, host: host.i, scrollback,
      parsed: from, notShown: from, cutFirstLine: from > 0, following: true, newLines: 0,
      ended: false, hasDrawn: false, isOverfull: false,
    };
    this.#view = view;
    this.#search.use(view.terminal);
    if (this.#isFocused) takeGraphics(view.terminal);
    this.#watchScrolling(view);
    this.#socket.subscribe(host.i, from, maxBehind);
    this.update();
    this.#drawFollow();
  }

  // ---- Output ----

  outputReceived(i, offset, data) {
    const view = this.#view;
    if (view?.host !== i) return;
    const end = offset + data.length;
    const text = view.cutFirstLine ? this.#withoutPartOfLine(view, data) : data;
    if (!view.following) view.newLines += countLines(text);
    this.#write(view, text, end);
  }

  gapReceived({ host, from, to }) {
    const view = this.#view;
    if (view?.host !== host) return;
    view.notShown += to - from;
    view.cutFirstLine = true;
    const mark = from === 0 ? "" : `${RESET_STYLE}\r\n[ ${format.plural(to - from, "byte")} not shown ]\r\n`;
    this.#write(view, encoder.encode(mark), to);
  }

  outputEnded({ host }) {
    if (this.#view?.host !== host) return;
    this.#view.ended = true;
    this.update();
  }

  /** A log that is entered in the middle begins with the rest of a line, perhaps of a character: leave that out. */
  #withoutPartOfLine(view, data) {
    const feed = data.indexOf(LINE_FEED);
    const skipped = feed === -1 ? 0 : feed + 1;
    view.cutFirstLine = false;
    view.notShown += skipped;
    return data.subarray(skipped);
  }

  #write(view, data, end) {
    view.terminal.write(data, () => {
      // An exception in here would stop this terminal for good.
      try {
        if (view !== this.#view) return;
        view.parsed = end;
        this.#socket.acknowledge(view.host, end);
        this.#outputDrawn(view);
      } catch (error) {
        console.error(error);
      }
    });
  }

  #outputDrawn(view) {
    const { length, type } = view.terminal.buffer.active;
    const isOverfull = type === "normal" && length >= view.scrollback + view.terminal.rows;
    const { size } = this.#store.get(view.host);
    const isComplete = view.ended && view.parsed >= size;
    if (!view.hasDrawn || isComplete || isOverfull !== view.isOverfull) {
      view.hasDrawn = true;
      view.isOverfull = isOverfull;
      this.update();
    }
    if (!view.following) this.#drawFollow();
  }

  // ---- Following ----

  follow() {
    if (!this.#view) return;
    this.#view.terminal.scrollToBottom();
    this.#setFollowing(this.#view, true);
  }

  toggleFollow() {
    const view = this.#view;
    if (!view) return;
    if (!view.following) this.follow();
    else {
      view.terminal.scrollLines(-1);
      this.#setFollowing(view, false);
    }
  }

  #watchScrolling(view) {
    let isDue = false;
    const check = () => {
      isDue = false;
      if (view === this.#view) this.#setFollowing(view, isAtEnd(view.terminal));
    };
    const later = () => {
      if (!isDue) requestAnimationFrame(check);
      isDue = true;
    };
    view.terminal.onScroll(later);
    for (const event of ["wheel", "touchmove", "pointerup", "keyup"]) {
      view.terminal.element.addEventListener(event, later, { passive: true });
    }
    view.terminal.element.addEventListener("keydown", (event) => scrollByKey(view.terminal, event));
  }

  #setFollowing(view, following) {
    if (view.following === following) return;
    view.following = following;
    if (following) view.newLines = 0;
    this.#drawFollow();
  }

  #drawFollow() {
    const { following, newLines } = this.#view;
    const { jump, follow } = this.#parts;
    follow.setAttribute("aria-pressed", String(following));
    jump.hidden = following;
    this.#parts["jump-text"].textContent =
      newLines > 0 ? `Jump to latest · ${format.plural(newLines, "new line")}` : "Jump to latest";
  }

  // ---- Around the terminal ----

  /** Draw everything around the terminal from what the store knows now. */
  update() {
    const view = this.#view;
    const host = view && this.#store.get(view.host);
    if (!host) return;
    this.#drawHead(host);
    this.#drawMissing(view, host);
    this.#drawBlank(view, host);
    const isComplete = !isActive(host.status) && view.parsed >= host.size;
    const { foot, follow } = this.#parts;
    follow.hidden = isComplete;
    // Always there: a line that appeared at the end would push the terminal up under the reader's eyes.
    foot.textContent = isComplete ? endSentence(host) : progressSentence(host);
    foot.hidden = !foot.textContent;
  }

  /** Only what changes with time. */
  tick() {
    const host = this.#view && this.#store.get(this.#view.host);
    if (host && isActive(host.status)) this.#drawHead(host);
  }

  #drawHead(host) {
    const { badge, name, mode, facts, reason, cancel, download, compare } = this.#parts;
    const shown = format.standing(host);
    badge.className = `status status-${shown}`;
    badge.querySelector("use").setAttribute("href", `#icon-${this.#settings.icons[shown]}`);
    badge.querySelector("span").textContent = format.outcome(host);
    show(name, nameParts(host.name));
    name.setAttribute("aria-label", host.name);
    const started = host.started && `started ${format.clock(host.started)}`;
    const elapsed = format.elapsedText(host, this.#page.now());
    facts.textContent = [host.address, started, elapsed].filter(Boolean).join(" · ");
    mode.hidden = host.mode !== "attached";
    reason.textContent = consoleWords(host, this.#page.now());
    reason.hidden = !reason.textContent;
    cancel.hidden = !this.#settings.mayCancel || !isActive(host.status);
    cancel.disabled = host.canceling;
    compare.hidden = isActive(host.status);
    download.href = this.#settings.outputAddress(host.i);
  }

  #drawMissing(view, host) {
    const { earlier, load, dropped } = this.#parts;
    const everythingAsked = view.scrollback === SCROLLBACK_FOR_EVERYTHING;
    earlier.hidden = view.notShown === 0 && !view.isOverfull;
    load.hidden = everythingAsked;
    this.#parts["download-all"].textContent = `Download all ${format.bytes(host.size)}`;
    this.#parts["download-all"].href = this.#settings.outputAddress(host.i);
    this.#parts["earlier-text"].textContent =
      view.notShown > 0 && !everythingAsked
        ? `${format.plural(view.notShown, "byte")} before this are stored and not shown here.`
        : `This view keeps the newest ${format.plural(view.scrollback, "line")}; all are stored.`;
    dropped.hidden = host.dropped === 0;
    dropped.querySelector("span").textContent =
      `${format.plural(host.dropped, "byte")} after offset ${format.number(host.size)} were not stored: output limit.`;
  }

  #drawBlank(view, host) {
    const isBlank = host.size === 0 && view.parsed === 0;
    this.#parts.blank.hidden = !isBlank;
    if (!isBlank) return;
    const [title, text] = blankWords(host);
    this.#parts["blank-title"].textContent = title;
    this.#parts["blank-text"].textContent = text;
    this.#parts.blank.querySelector("use").setAttribute("href", `#icon-${this.#settings.icons[format.standing(host)]}`);
  }
}

function isAtEnd({ buffer }) {
  return buffer.active.viewportY >= buffer.active.baseY;
}

const SCROLL_KEYS = {
  ArrowUp: (terminal) => terminal.scrollLines(-1),
  ArrowDown: (terminal) => terminal.scrollLines(1),
  PageUp: (terminal) => terminal.scrollPages(-1),
  PageDown: (terminal) => terminal.scrollPages(1),
  Home: (terminal) => terminal.scrollToTop(),
  End: (terminal) => terminal.scrollToBottom(),
};

function scrollByKey(terminal, event) {
  const scroll = SCROLL_KEYS[event.key];
  if (!scroll || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  scroll(terminal);
}
