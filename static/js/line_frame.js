// What stands around the lines of a log: whose it is, how it ended, what is missing, which lines are chosen.

import { nameParts, show } from "console/cut_text";
import { FetchError } from "console/fetching";
import * as format from "console/format";
import { isActive } from "console/host_store";
import { WHOLE_LINE } from "console/line_elements";
import { plainText } from "console/line_text";
import { blankWords, consoleWords, endSentence, progressSentence } from "console/pane_words";
import { copyLink } from "console/run_dialogs";

/** Lines whose text can be copied at once. */
const MOST_COPIED = 20_000;
const COPIED_FOR = 2_000;
/** Milliseconds that lines are kept unseen at most. */
const UNSEEN_FOR = 1_000;

export class LineFrame {
  #waitsFor = null;
  #parts;
  #page;

  constructor(parts, page) {
    this.#parts = parts;
    this.#page = page;
    // On a phone nothing tells that there is more to the right.
    const wrap = localStorage.getItem("console-wrap") ?? (matchMedia("(max-width: 760px)").matches ? "on" : "off");
    this.#set("wrap", "is-wrapped", "console-wrap", wrap === "on");
    this.#set("times", "has-times", "console-times", localStorage.getItem("console-times") === "on");
  }

  get isWrapped() {
    return this.#parts.pane.classList.contains("is-wrapped");
  }

  toggleTimes() {
    return this.#set("times", "has-times", "console-times", !this.#parts.pane.classList.contains("has-times"));
  }

  /** Wrap long lines or stop it; gives back whether they are wrapped now. */
  toggleWrap() {
    this.#parts.scroll.scrollLeft = 0;
    return this.#set("wrap", "is-wrapped", "console-wrap", !this.isWrapped);
  }

  #set(button, className, setting, isOn) {
    this.#parts.pane.classList.toggle(className, isOn);
    this.#parts[button].setAttribute("aria-pressed", String(isOn));
    localStorage.setItem(setting, isOn ? "on" : "off");
    return isOn;
  }

  /** Draw everything around a log of `total` lines and `folds` folds. */
  draw(host, { total, folds }) {
    const { foot, blank, dropped, download, folds: foldButton } = this.#parts;
    this.drawHead(host);
    foldButton.hidden = folds.length === 0;
    download.href = this.#page.settings.outputAddress(host.i);
    const end = isActive(host.status) ? progressSentence(host) : endSentence(host);
    foot.textContent = [end, total > 0 ? format.plural(total, "line") : ""].filter(Boolean).join(" · ");
    foot.hidden = !foot.textContent;
    blank.hidden = host.size > 0;
    if (host.size === 0) this.#drawBlank(host);
    dropped.hidden = host.dropped === 0;
    dropped.querySelector("span").textContent =
      `${format.plural(host.dropped, "byte")} after offset ${format.number(host.size)} were not stored: output limit.`;
  }

  /** Whether lines are kept unseen. */
  get isWaiting() {
    return this.#waitsFor !== null;
  }

  /** Keep lines unseen until `known` settles, but not for long: nothing shall fold away under the reader's eyes. */
  waitFor(known) {
    const show = () => {
      if (this.#waitsFor !== known) return;
      this.#waitsFor = null;
      this.#parts.scroll.classList.remove("is-waiting");
    };
    this.#waitsFor = known;
    this.#parts.scroll.classList.toggle("is-waiting", known !== null);
    known?.finally(show);
    setTimeout(show, UNSEEN_FOR);
  }

  drawHead(host) {
    const { badge, name, mode, facts, reason, scroll } = this.#parts;
    const shown = format.standing(host);
    badge.className = `status status-${shown}`;
    badge.querySelector("use").setAttribute("href", `#icon-${this.#page.icons[shown]}`);
    badge.querySelector("span").textContent = format.outcome(host);
    show(name, nameParts(host.name));
    name.setAttribute("aria-label", host.name);
    scroll.setAttribute("aria-label", `Output of ${host.name} line by line`);
    const started = host.started && `started ${format.clock(host.started)}`;
    const elapsed = format.elapsedText(host, this.#page.now());
    facts.textContent = [host.address, started, elapsed].filter(Boolean).join(" · ");
    mode.hidden = host.mode !== "attached";
    reason.textContent = consoleWords(host, this.#page.now());
    reason.hidden = !reason.textContent;
  }

  #drawBlank(host) {
    const [title, text] = blankWords(host);
    this.#parts["blank-title"].textContent = title;
    this.#parts["blank-text"].textContent = text;
    this.#parts.blank.querySelector("use").setAttribute("href", `#icon-${this.#page.icons[format.standing(host)]}`);
  }

  /** Which lines are chosen, {from, to} or null, in a log of `total` lines. */
  drawChosen(lines, host, total) {
    const { chosen, "chosen-text": text } = this.#parts;
    chosen.hidden = lines === null;
    if (!lines) return;
    const { from, to } = lines;
    const span = from === to ? `Line ${format.number(from)}` : `Lines ${format.number(from)}–${format.number(to)}`;
    const isMissing = to > total && to > host.lines && host.size > 0;
    const soFar = isActive(host.status) ? " so far" : "";
    text.textContent = isMissing ? `${span}: this log has ${format.plural(total, "line")}${soFar}` : span;
  }

  /** Whether the end is followed, and how many lines came since it was left. */
  drawFollow(host, isFollowing, newLines) {
    const { follow, jump, "jump-text": text } = this.#parts;
    const isLive = isActive(host.status);
    follow.hidden = !isLive;
    follow.setAttribute("aria-pressed", String(isFollowing));
    jump.hidden = !isLive || isFollowing || host.size === 0;
    text.textContent = newLines > 0 ? `Jump to latest · ${format.plural(newLines, "new line")}` : "Jump to latest";
  }

  drawFoldButton(areClosed) {
    this.#parts.folds.setAttribute("aria-pressed", String(areClosed));
    this.#parts.folds.title = areClosed ? "Open all folds" : "Close all folds";
    this.#parts.folds.querySelector("span").textContent = areClosed ? "Unfold all" : "Fold all";
  }

  /** Say that something could not be loaded; nothing where `text` is empty. */
  drawProblem(text) {
    this.#parts.problem.hidden = !text;
    this.#parts["problem-text"].textContent = text;
  }

  /** Copy a link to `lines` of a host's log, or to all of it where they are null. */
  copyLink(button, host, lines) {
    copyLink(this.#parts[button], this.#page.linkTo({ host: host.name, lines, view: lines ? null : "lines" }));
  }

  /** Load more of the line that `button` stands in. */
  async showWhole(log, button) {
    button.disabled = true;
    try {
      await log.whole(Number(button.dataset.more), WHOLE_LINE);
    } catch (error) {
      button.disabled = false;
      this.#page.notice(error.message);
    }
  }

  /** Put the text of lines `from` to `to` of `log` into the clipboard; the button says what came of it. */
  async copyText(log, { from, to }) {
    const label = this.#parts.copy.firstElementChild;
    const told = "Copy text";
    try {
      const texts = await log.texts(from, Math.min(to, from + MOST_COPIED - 1));
      await navigator.clipboard.writeText(texts.map((text) => `${plainText(text)}\n`).join(""));
      label.textContent = to - from >= MOST_COPIED ? `Copied the first ${format.number(MOST_COPIED)}` : "Copied";
    } catch (error) {
      // The clipboard needs HTTPS or localhost.
      label.textContent = error instanceof FetchError ? error.message : "Select the text and copy it";
    }
    setTimeout(() => (label.textContent = told), COPIED_FOR);
  }
}
