// The focus view: the output of up to four hosts as they print it, live. Only what is looked at is sent.

import { FocusPane } from "console/focus_pane";
import { PaneLayout } from "console/pane_layout";

const NARROW = matchMedia("(max-width: 760px)");

export class FocusView {
  #page;
  #panel;
  #template;
  #layout = new PaneLayout();
  /** Key of the layout to {pane, element}. */
  #made = new Map();
  #isShown = false;

  constructor(root, page) {
    this.#page = page;
    this.#panel = root.querySelector(".panes");
    this.#template = root.querySelector("template");
    this.keys = {
      f: () => this.pane.toggleFollow(),
      p: () => this.#togglePin(),
      c: () => this.#close(),
      "[": () => this.#goTo(this.#layout.neighbour(-1).key),
      "]": () => this.#goTo(this.#layout.neighbour(1).key),
    };
    NARROW.addEventListener("change", () => this.#arrange());
    this.#arrange();
  }

  /** The pane that has the reader's attention: {host, shown, received, reopen(), focus()}. */
  get pane() {
    return this.#made.get(this.#layout.focused.key).pane;
  }

  shown() {
    this.#isShown = true;
    if (this.#page.opened !== null) this.#layout.open(this.#page.opened);
    this.#arrange();
  }

  hidden() {
    this.#isShown = false;
    for (const { pane } of this.#made.values()) pane.suspend();
  }

  hostOpened(i) {
    if (i === null) return;
    this.#layout.open(i);
    this.#arrange();
  }

  hostsChanged(indexes) {
    for (const { pane } of this.#made.values()) if (indexes.includes(pane.host)) pane.update();
  }

  outputReceived(i, ...details) {
    this.#paneOf(i)?.outputReceived(i, ...details);
  }

  gapReceived(gap) {
    this.#paneOf(gap.host)?.gapReceived(gap);
  }

  outputEnded(message) {
    this.#paneOf(message.host)?.outputEnded(message);
  }

  /** Draw all terminals anew, after a setting changed. */
  reopen() {
    for (const { pane } of this.#made.values()) pane.reopen();
  }

  tick() {
    for (const { pane } of this.#made.values()) pane.tick();
  }

  // ---- Panes ----

  #paneOf(i) {
    for (const { pane } of this.#made.values()) if (pane.host === i) return pane;
    return undefined;
  }

  #togglePin(key = this.#layout.focused.key) {
    if (NARROW.matches) return;
    this.#layout.togglePin(key);
    this.#arrange();
  }

  #close(key = this.#layout.focused.key) {
    if (this.#layout.panes.length === 1) return;
    const hadKeys = this.#made.get(key).element.contains(document.activeElement);
    this.#layout.close(key);
    this.#arrange();
    this.#openFocused();
    if (hadKeys) this.pane.focus();
  }

  /** Give a pane the reader's attention and the keys. */
  #goTo(key) {
    this.#focus(key);
    this.pane.focus();
  }

  #focus(key) {
    if (this.#layout.focused.key === key) return;
    this.#layout.focus(key);
    this.#arrange();
    this.#openFocused();
  }

  /** List and address follow the pane. */
  #openFocused() {
    const { host } = this.#layout.focused;
    if (host !== null && host !== this.#page.opened) this.#page.open(host, { isAsked: true, view: "focus" });
  }

  /** Bring the page to what the layout says. A narrow screen shows the focused pane only. */
  #arrange() {
    const { panes, focused } = this.#layout;
    for (const [key, { pane, element }] of this.#made) {
      if (panes.some((wanted) => wanted.key === key)) continue;
      pane.suspend();
      element.remove();
      this.#made.delete(key);
    }
    // Whoever loses the focus first gives WebGL back before somebody else takes it.
    for (const wanted of panes) if (wanted !== focused) this.#arrangeOne(wanted, false);
    this.#arrangeOne(focused, true);
    this.#panel.dataset.count = NARROW.matches ? 1 : panes.length;
  }

  #arrangeOne({ key, host, isPinned }, isFocused) {
    if (!this.#made.has(key)) this.#make(key);
    const { pane, element, pin, close } = this.#made.get(key);
    const isSeen = isFocused || !NARROW.matches;
    element.hidden = !isSeen;
    element.classList.toggle("is-focused", isFocused);
    element.setAttribute("aria-current", String(isFocused));
    pin.setAttribute("aria-pressed", String(isPinned));
    close.hidden = this.#layout.panes.length === 1;
    pane.setFocused(isFocused);
    if (!isSeen) pane.suspend();
    else if (this.#isShown && host !== null) pane.open(host);
  }

  #make(key) {
    const element = this.#template.content.firstElementChild.cloneNode(true);
    this.#panel.append(element);
    const [pin, close] = ["pin", "close"].map((name) => element.querySelector(`[data-pane="${name}"]`));
    this.#made.set(key, { pane: new FocusPane(element, this.#page), element, pin, close });
    pin.addEventListener("click", () => this.#togglePin(key));
    close.addEventListener("click", () => this.#close(key));
    element.addEventListener("pointerdown", (event) => {
      if (!event.target.closest('[data-pane="close"]')) this.#focus(key);
    });
    element.addEventListener("focusin", () => this.#focus(key));
  }
}
