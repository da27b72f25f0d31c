// The merged view: what several hosts print as one stream, with their names before the lines, newest at the end.

import { asRanges } from "console/chosen";
import { getJson, whileTrying } from "console/fetching";
import * as format from "console/format";
import { isActive } from "console/host_store";
import { bytesOf, MergeLines } from "console/merge_lines";
import { MergedFeed } from "console/merged_feed";
import { drawLine, rowOf } from "console/merged_rows";
import { blankWords, hostsToMerge, missingSentence } from "console/merged_words";

const MOST_HOSTS = 50;
const MOST_LINES = 5_000;
/** Pixels from the end that still count as being there. */
const NEAR = 8;

const PARTS = ["what", "missing", "follow", "times", "wrap", "notice", "lines", "blank", "blank-title", "blank-text",
  "jump", "jump-text", "foot"];

export class MergedView {
  #page;
  #parts;
  #feed;
  #model = new MergeLines({ most: MOST_LINES });
  #hosts = [];
  #wasChosen = false;
  #rows = [];
  #isShown = false;
  #isFollowing = true;
  #isDue = false;
  #hasAnswer = false;
  /** Where following scrolled to last. */
  #top = 0;
  /** Id of the newest line when following stopped. */
  #readUpTo = 0;

  constructor(root, page) {
    this.#page = page;
    this.#parts = Object.fromEntries(PARTS.map((name) => [name, root.querySelector(`[data-merged="${name}"]`)]));
    this.#feed = new MergedFeed(
      ({ hosts, after }, signal) => getJson(page.at("merged.json"), { hosts: asRanges(hosts), after }, signal),
      { received: (answer) => this.#received(answer), failed: (error) => this.#say(whileTrying(error)) },
    );
    this.keys = {
      f: () => this.toggleFollow(),
      t: () => this.#toggle("times"),
      w: () => this.#toggle("wrap"),
    };
    this.#prepare("times", !matchMedia("(max-width: 760px)").matches);
    this.#prepare("wrap", true);
    this.#listen();
  }

  shown() {
    this.#isShown = true;
    this.#chooseHosts();
    this.#resume();
  }

  hidden() {
    this.#isShown = false;
    this.#feed.pause();
  }

  hostsChanged(indexes) {
    if (!this.#wasChosen) this.#addReporting();
    if (indexes.some((i) => this.#hosts.includes(i))) this.#feed.grew();
    // A run may end without a line: nothing else would say so.
    this.#drawBlank();
    this.#drawFoot();
  }

  /** A line that nobody ended is shown after a while. */
  tick() {
    if (this.#model.flush(performance.now(), (i) => !isActive(this.#page.store.get(i).status))) this.#drawSoon();
  }

  toggleFollow() {
    if (this.#isFollowing) this.#setFollowing(false);
    else this.#follow();
  }

  // ---- Which hosts ----

  #chooseHosts() {
    const { hosts, sentence } = hostsToMerge(this.#page.store, this.#page.chosen.values(), MOST_HOSTS);
    this.#parts.what.textContent = sentence;
    const wasChosen = this.#wasChosen;
    this.#wasChosen = this.#page.chosen.size > 0;
    const isSame = wasChosen === this.#wasChosen && hosts.join() === this.#hosts.join();
    if (!isSame) this.#begin(hosts);
  }

  #begin(hosts) {
    this.#hosts = hosts;
    this.#model = new MergeLines({ most: MOST_LINES });
    this.#rows = [];
    this.#hasAnswer = false;
    this.#parts.lines.replaceChildren();
    this.#setNameWidth();
    this.#follow();
    this.#feed.begin(hosts);
    this.#drawSoon();
  }

  /** While nobody has chosen hosts, those that begin to print join, until there are enough. */
  #addReporting() {
    const { hosts, sentence } = hostsToMerge(this.#page.store, [], MOST_HOSTS);
    this.#parts.what.textContent = sentence;
    const fresh = hosts.filter((i) => !this.#hosts.includes(i)).slice(0, MOST_HOSTS - this.#hosts.length);
    if (fresh.length === 0) return;
    this.#hosts = [...this.#hosts, ...fresh];
    this.#setNameWidth();
    this.#feed.add(fresh);
  }

  #setNameWidth() {
    const lengths = this.#hosts.map((i) => this.#page.store.get(i).name.length);
    this.#parts.lines.style.setProperty("--name-width", `${Math.min(24, Math.max(4, ...lengths))}ch`);
  }

  // ---- Output ----

  #received(answer) {
    this.#say("");
    this.#hasAnswer = true;
    const pieces = answer.pieces.map((piece) => ({ ...piece, data: bytesOf(piece.data) }));
    this.#model.take({ ...answer, pieces }, performance.now());
    // At once, so that the feed sees what it costs and leaves the page as much time.
    this.#draw();
  }

  #drawSoon() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  #draw() {
    this.#drawBlank();
    this.#drawFoot();
    const missing = missingSentence(this.#model.missing);
    const title = missing && "All are stored: read them host by host.";
    Object.assign(this.#parts.missing, { textContent: missing, title });
    if (this.#isFollowing) this.#drawLines();
    this.#drawJump();
  }

  #drawLines() {
    const { lines } = this.#model;
    const list = this.#parts.lines;
    const firstId = lines[0]?.id ?? 0;
    const gone = this.#rows.findIndex(({ line }) => line.id >= firstId);
    for (const { element } of this.#rows.splice(0, gone === -1 ? this.#rows.length : gone)) element.remove();
    for (const line of this.#model.takeChanged()) this.#redraw(line);
    const newest = this.#rows.at(-1)?.line.id ?? 0;
    const added = lines.slice(lines.findLastIndex(({ id }) => id <= newest) + 1);
    const fresh = added.map((line) => ({ line, element: rowOf(line, this.#page.store) }));
    this.#rows.push(...fresh);
    list.append(...fresh.map(({ element }) => element));
    this.#toEnd();
  }

  #toEnd() {
    const { lines } = this.#parts;
    lines.scrollTop = lines.scrollHeight;
    this.#top = lines.scrollTop;
  }

  #redraw(line) {
    const row = this.#rows[line.id - (this.#rows[0]?.line.id ?? 0)];
    if (row?.line === line) drawLine(row.element, line);
  }

  // ---- Following ----

  #follow() {
    this.#setFollowing(true);
    this.#drawLines();
    this.#drawJump();
  }

  #setFollowing(isFollowing) {
    if (this.#isFollowing === isFollowing) return;
    this.#isFollowing = isFollowing;
    this.#readUpTo = this.#model.lines.at(-1)?.id ?? 0;
    this.#drawJump();
  }

  #drawJump() {
    this.#parts.follow.setAttribute("aria-pressed", String(this.#isFollowing));
    this.#parts.jump.hidden = this.#isFollowing;
    const count = (this.#model.lines.at(-1)?.id ?? 0) - this.#readUpTo;
    const text = count > 0 ? `${format.plural(count, "new line")} · jump to latest` : "Jump to latest";
    this.#parts["jump-text"].textContent = text;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#parts.lines;
    const isAtEnd = scrollHeight - scrollTop - clientHeight <= NEAR;
    if (isAtEnd === this.#isFollowing) return;
    if (isAtEnd) this.#follow();
    // Lines get their true height when they come into view: the end moves away without anybody scrolling.
    else if (scrollTop >= this.#top) this.#toEnd();
    else this.#setFollowing(false);
  }

  // ---- Around the lines ----

  #drawBlank() {
    const { blank, lines } = this.#parts;
    const isBlank = this.#model.lines.length === 0;
    blank.hidden = !isBlank;
    lines.hidden = isBlank;
    if (!isBlank) return;
    const [title, text] = blankWords(this.#page.store, this.#hosts, this.#hasAnswer);
    this.#parts["blank-title"].textContent = title;
    this.#parts["blank-text"].textContent = text;
  }

  #drawFoot() {
    const { store } = this.#page;
    const active = this.#hosts.filter((i) => isActive(store.get(i).status)).length;
    const count = format.plural(this.#model.lines.length, "line");
    const left = `${active} of ${format.plural(this.#hosts.length, "host")} not done`;
    const state = active > 0 ? left : "all of these have ended";
    this.#parts.foot.textContent = this.#hosts.length > 0 ? `${count} shown · ${state}` : "";
  }

  #say(sentence) {
    this.#parts.notice.hidden = !sentence;
    this.#parts.notice.querySelector("span").textContent = sentence;
  }

  // ---- What people do ----

  #listen() {
    const { lines, follow, jump } = this.#parts;
    follow.addEventListener("click", () => this.toggleFollow());
    jump.addEventListener("click", () => {
      this.#follow();
      lines.focus();
    });
    lines.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    lines.addEventListener("click", (event) => {
      const host = event.target.closest("[data-host]")?.dataset.host;
      if (host === undefined || !getSelection().isCollapsed) return;
      this.#page.open(Number(host), { isAsked: true, view: "focus" });
    });
    this.#page.chosen.onChange(() => this.#isShown && this.#chooseHosts());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#feed.pause();
      else this.#resume();
    });
  }

  #resume() {
    if (!this.#isShown || document.hidden) return;
    this.#feed.resume();
    this.#drawSoon();
  }

  #prepare(name, byDefault) {
    const kept = localStorage.getItem(`console-merged-${name}`);
    this.#set(name, kept === null ? byDefault : kept === "on");
    this.#parts[name].addEventListener("click", () => this.#toggle(name));
  }

  #toggle(name) {
    const isOn = !this.#parts.lines.classList.contains(`has-${name}`);
    this.#set(name, isOn);
    localStorage.setItem(`console-merged-${name}`, isOn ? "on" : "off");
    if (this.#isFollowing) this.#toEnd();
  }

  #set(name, isOn) {
    this.#parts.lines.classList.toggle(`has-${name}`, isOn);
    this.#parts[name].setAttribute("aria-pressed", String(isOn));
  }
}
