// The output of one host: a terminal, what is missing from it, and whether it follows the end.

import * as format from "console/format";
import { isActive } from "console/host_store";
import { openTerminal } from "console/output_terminal";

/** Bytes of a finished log that are shown at first. */
const FIRST_SIGHT = 1024 * 1024;
/** While following, a viewer further behind than this skips to the tail. */
const MAX_BEHIND = 4 * 1024 * 1024;
const SCROLLBACK = 20_000;
const SCROLLBACK_FOR_EVERYTHING = 50_000;
const LINE_FEED = 10;
const RESET_STYLE = "\x1b[0m";

const encoder = new TextEncoder();

/** Where to begin with a host's log, so that the first screen comes at once. */
export function startOf(host) {
  return isActive(host.status) ? 0 : Math.max(0, host.size - FIRST_SIGHT);
}

/** How many line feeds `data` has. */
export function countLines(data) {
  let lines = 0;
  for (let at = data.indexOf(LINE_FEED); at !== -1; at = data.indexOf(LINE_FEED, at + 1)) lines += 1;
  return lines;
}

export class FocusPane {
  #parts;
  #store;
  #socket;
  #openLink;
  #now;
  #view = null;
  #settings;

  /**
   * `socket` is subscribed and acknowledged here. `openLink(address)` asks before leaving, `now()` is the server's time.
   */
  constructor(root, { store, socket, openLink, now, settings }) {
    this.#store = store;
    this.#socket = socket;
    this.#openLink = openLink;
    this.#now = now;
    this.#settings = settings;
    const part = (name) => root.querySelector(`[data-pane="${name}"]`);
    this.#parts = {
      root,
      ...Object.fromEntries(
        ["head", "badge", "name", "facts", "reason", "notices", "earlier", "earlier-text", "load", "dropped", "screen",
          "blank", "blank-title", "blank-text", "jump", "jump-text", "follow", "foot", "cancel", "download", "download-all"]
          .map((name) => [name, part(name)]),
      ),
    };
    this.#parts.load.addEventListener("click", () => this.loadEverything());
    this.#parts.jump.addEventListener("click", () => this.follow());
    this.#parts.follow.addEventListener("click", () => this.toggleFollow());
  }

  /** Index of the host that is shown, or null. */
  get host() {
    return this.#view?.host ?? null;
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

  /** Begin again at the first byte and skip nothing. */
  loadEverything() {
    if (this.#view) this.#show(this.#store.get(this.#view.host), 0, 0, SCROLLBACK_FOR_EVERYTHING);
  }

  /** Draw the terminal anew, after a setting changed. */
  reopen() {
    const host = this.#view && this.#store.get(this.#view.host);
    if (host) this.#show(host, startOf(host), MAX_BEHIND, SCROLLBACK);
  }

  focus() {
    this.#view?.terminal.focus();
  }

  #show(host, from, maxBehind, scrollback) {
    if (this.#view) {
      this.#socket.unsubscribe(this.#view.host);
      this.#view.dispose();
    }
    this.#parts.root.classList.remove("is-empty");
    const opened = openTerminal(this.#parts.screen, {
      scrollback, openLink: this.#openLink, screenReader: this.#settings.screenReader, fontSize: this.#settings.fontSize,
    });
    const view = {
      ...opened, host: host.i, scrollback, parsed: from, notShown: from, cutFirstLine: from > 0, following: true,
      newLines: 0, ended: false, hasDrawn: false, isOverfull: false,
    };
    this.#view = view;
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
    const { badge, name, facts, reason, cancel, download } = this.#parts;
    badge.className = `status status-${host.status}`;
    badge.querySelector("use").setAttribute("href", `#icon-${this.#settings.icons[host.status]}`);
    badge.querySelector("span").textContent = format.outcome(host);
    name.textContent = host.name;
    const started = host.started && `started ${format.clock(host.started)}`;
    facts.textContent = [host.address, started, format.elapsedText(host, this.#now())].filter(Boolean).join(" · ");
    reason.textContent = host.reason;
    reason.hidden = !host.reason;
    cancel.hidden = !this.#settings.mayCancel || !isActive(host.status);
    cancel.disabled = host.canceling;
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
      view.notShown > 0
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
    this.#parts.blank.querySelector("use").setAttribute("href", `#icon-${this.#settings.icons[host.status]}`);
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

/** What stands where output would be, while there is none: [title, sentence]. */
export function blankWords(host) {
  const words = {
    queued: ["Waiting for its turn", "It starts as soon as another host is done."],
    starting: ["Connecting", `Opening an SSH connection to ${host.address}.`],
    running: ["Running", "Nothing printed so far."],
    succeeded: ["No output", "The program ended well and printed nothing."],
    failed: ["No output", "The program failed and printed nothing."],
    timed_out: ["Timed out", "Nothing was printed until then."],
    canceled: ["Canceled", "Nothing was printed until then."],
    unreachable: ["Unreachable", "The program was not started."],
    lost: ["Lost", "Nothing it may have printed arrived here."],
    skipped: ["Skipped", "The program was not started."],
  };
  return words[host.status];
}

/** The line below a log that still grows. */
export function progressSentence(host) {
  if (!isActive(host.status)) return `${format.outcome(host)} · loading ${format.plural(host.size, "byte")}`;
  return `${format.outcome(host)} · ${format.plural(host.size, "byte")} so far`;
}

/** The line below a finished log; it is the page's, so no output can fake it. */
export function endSentence(host) {
  if (!host.started || ["unreachable", "skipped"].includes(host.status)) return "";
  const ended = host.exit_status === null ? format.outcome(host) : `exit ${host.exit_status}`;
  const after = host.started && host.finished ? ` after ${format.elapsedText(host)}` : "";
  const kept = host.dropped > 0 ? `${format.plural(host.dropped, "byte")} beyond the limit not stored` : "all stored";
  const size = format.plural(host.size, "byte");
  if (host.status === "lost") return `${ended}${after} · ${size} stored, later output unknown`;
  return `${ended}${after} · ${size}, ${kept}`;
}
