// Tells of the end of a run to somebody who looks elsewhere: title, favicon, and a notification if allowed.

import * as format from "console/format";
import { isFailure } from "console/host_store";

const WISH = "console-notify";
const REFUSED = "The browser does not let this page notify you: allow notifications for it in the browser's settings.";

export class Notifier {
  #page;
  #button;
  #icon = document.querySelector('link[rel="icon"]');
  #icons;
  #name;
  #isOver;
  #isWanted = false;

  constructor(page) {
    const head = page.root.querySelector(".run-head");
    this.#page = page;
    this.#button = head.querySelector('[data-run="notify"]');
    this.#icons = { running: head.dataset.iconRunning, good: head.dataset.iconGood, bad: head.dataset.iconBad };
    this.#name = head.querySelector(".run-name").textContent;
    this.#isOver = page.store.isOver;
    if (this.#isOver) return;
    this.#isWanted = isAllowed() && localStorage.getItem(WISH) === "on";
    this.#button.hidden = !canNotify();
    this.#button.setAttribute("aria-pressed", String(this.#isWanted));
    this.#button.addEventListener("click", () => this.#wishChanged());
    this.#draw();
  }

  /** Hosts have news. What was over when the page was opened is not news. */
  hostsChanged() {
    if (this.#isOver) return;
    this.#isOver = this.#page.store.isOver;
    this.#draw();
    if (!this.#isOver) return;
    this.#button.hidden = true;
    this.#notify();
  }

  #draw() {
    const { title, icon } = pictureOf(this.#page.store, this.#name);
    if (document.title !== title) document.title = title;
    if (this.#icon && this.#icon.getAttribute("href") !== this.#icons[icon]) this.#icon.href = this.#icons[icon];
  }

  /** The browser asks for the permission only because somebody pressed the button. */
  async #wishChanged() {
    const isAsked = !this.#isWanted;
    if (isAsked && !isAllowed()) await Notification.requestPermission();
    this.#isWanted = isAsked && isAllowed();
    localStorage.setItem(WISH, this.#isWanted ? "on" : "off");
    this.#button.setAttribute("aria-pressed", String(this.#isWanted));
    if (isAsked && !this.#isWanted) this.#page.hint(REFUSED);
  }

  #notify() {
    if (!document.hidden || !this.#isWanted) return;
    const { store, run } = this.#page;
    const { icon } = pictureOf(store, this.#name);
    const options = { body: format.countsText(store.counts()), tag: `run-${run.id}`, icon: this.#icons[icon] };
    try {
      const shown = new Notification(`${this.#name} #${run.id} has ended`, options);
      shown.onclick = () => {
        window.focus();
        shown.close();
      };
    } catch (error) {
      // Browsers of phones want a service worker for this; title and icon have told it.
      console.info(error.message);
    }
  }
}

const isAllowed = () => canNotify() && Notification.permission === "granted";
const canNotify = () => "Notification" in window && isSecureContext;

/** {title, icon}: what the browser's tab says of a run called `name`. */
export function pictureOf(store, name) {
  const rest = `${name} · Ops Console`;
  const bad = store.counts().filter(([status]) => isFailure(status));
  if (!store.isOver) {
    return { title: `(${format.number(store.number("over"))}/${format.number(store.size)}) ${rest}`, icon: bad.length > 0 ? "bad" : "running" };
  }
  if (bad.length > 0) return { title: `✗ ${format.countsText(bad)}: ${rest}`, icon: "bad" };
  const isGood = store.number("unsuccessful") === 0;
  const others = format.countsText(store.counts().filter(([status]) => status !== "succeeded"));
  return isGood ? { title: `✓ ${rest}`, icon: "good" } : { title: `✗ ${others}: ${rest}`, icon: "bad" };
}
