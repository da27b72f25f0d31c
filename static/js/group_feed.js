// Asks the console which hosts printed the same, again and again as hosts finish, for whoever shows it. No DOM.

import { getJson, whileTrying } from "console/fetching";
import { isActive } from "console/host_store";

/** Least time between two requests, in ms: a run of 1,000 hosts finishes some every few milliseconds. */
const PAUSE = 1_000;
/** Ms to wait after an error, doubled with each, and at most. */
const FIRST_RETRY = 3_000;
const LAST_RETRY = 30_000;
/** A request that takes longer than this is given up, in ms. */
const PATIENCE = 30_000;

const BROWSER = {
  now: () => performance.now(),
  after: (ms, call) => setTimeout(call, ms),
  forget: (timer) => clearTimeout(timer),
};

export class GroupFeed {
  /** The last answer: {groups, pending, unfinished}, or null before the first. */
  answer = null;
  /** What went wrong since, in a sentence, or "". */
  problem = "";
  #load;
  #world;
  #listeners = new Set();
  #viewers = new Set();
  #isDue = false;
  #timer = null;
  #request = null;
  #asked = -Infinity;
  #failures = 0;

  /** `load(signal)` asks once and promises the answer. */
  constructor(load, world = BROWSER) {
    this.#load = load;
    this.#world = world;
  }

  /** Whether an answer is on its way or will be asked for. */
  get isLoading() {
    return this.#isDue || this.#request !== null;
  }

  /** `listener()` hears of every answer and every problem. */
  onChange(listener) {
    this.#listeners.add(listener);
  }

  /** Somebody shows it, or no longer: while nobody does nothing is asked. */
  wanted(who, isWanted) {
    if (isWanted) this.#viewers.add(who);
    else this.#viewers.delete(who);
    this.#plan();
  }

  /** Something has changed: ask, but not more than once a second. */
  ask() {
    this.#isDue = true;
    this.#plan();
  }

  /** Ask now, after an error. */
  retry() {
    this.#failures = 0;
    this.#unplan();
    this.#asked = -Infinity;
    this.ask();
  }

  #plan() {
    if (!this.#isDue || this.#viewers.size === 0 || this.#request !== null || this.#timer !== null) return;
    const wait = this.#failures > 0 ? Math.min(FIRST_RETRY * 2 ** (this.#failures - 1), LAST_RETRY) : PAUSE;
    const rest = Math.max(this.#asked + wait - this.#world.now(), 0);
    this.#timer = this.#world.after(rest, () => {
      this.#timer = null;
      this.#send();
    });
  }

  #unplan() {
    if (this.#timer !== null) this.#world.forget(this.#timer);
    this.#timer = null;
  }

  async #send() {
    if (this.#viewers.size === 0) return;
    const request = new AbortController();
    this.#request = request;
    this.#isDue = false;
    this.#asked = this.#world.now();
    const patience = this.#world.after(PATIENCE, () => request.abort());
    try {
      this.answer = await this.#load(request.signal);
      this.#isDue ||= this.answer.pending > 0;
      this.problem = "";
      this.#failures = 0;
    } catch (error) {
      const isTooLong = error.name === "AbortError";
      this.problem = isTooLong ? "Comparing the outputs takes too long: it is tried again." : whileTrying(error);
      this.#failures += 1;
      this.#isDue = true;
    }
    this.#world.forget(patience);
    this.#request = null;
    for (const listener of this.#listeners) listener();
    this.#plan();
  }
}

const feeds = new WeakMap();

/** The one feed of a page, shared by all that show groups. */
export function feedOf(page) {
  if (!feeds.has(page)) {
    const feed = new GroupFeed((signal) => getJson(page.at("groups.json"), {}, signal));
    if (hasEnded(page)) feed.ask();
    feeds.set(page, feed);
  }
  return feeds.get(page);
}

/** Whether some host of the run, or of `indexes`, has ended. */
export function hasEnded(page, indexes = null) {
  const hosts = indexes ? indexes.map((i) => page.store.get(i)) : [...page.store.all()];
  return hosts.some((host) => host && !isActive(host.status));
}
