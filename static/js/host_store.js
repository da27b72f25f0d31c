// What is known about every host of the run: the newest state of each, counts, order and filter. No DOM.

import { RECONNECTING, standing } from "console/format";
import { parseFilter } from "console/host_filter";
import { stallOf } from "console/stall";

/** All that a host can be shown as, worst first. */
export const STATUSES = [
  "lost", "failed", "timed_out", "unreachable", "canceled", RECONNECTING, "starting", "running", "queued", "skipped",
  "succeeded",
];
/** What the counters tell of beside the statuses: running hosts that have gone quiet. */
export const STALLED = "stalled";
const ACTIVE = new Set(["queued", "starting", "running"]);
const GOES_ON = new Set([...ACTIVE, RECONNECTING]);
/** Ended otherwise than by the program's own word; what run-new?only=unfinished takes. */
const UNFINISHED = new Set(["timed_out", "canceled", "unreachable", "lost", "skipped"]);

// What needs a person first, then what moves, then what waits, then what is done. Starting and running share a rank,
// so that a row does not jump twice within a second.
const RANK = {
  lost: 0, failed: 1, timed_out: 2, unreachable: 3, canceled: 4, [RECONNECTING]: 5, starting: 6, running: 6, queued: 7,
  skipped: 8, succeeded: 9,
};

const FAILURES = new Set(["failed", "lost", "timed_out", "unreachable"]);

export const isActive = (status) => ACTIVE.has(status);
/** Whether somebody has to look at it. */
export const isFailure = (status) => FAILURES.has(status);

export class HostStore {
  #hosts = new Map();
  #places = new Map();
  #counts = new Map();
  #statuses = new Set();
  #filter = parseFilter("");
  #only = null;
  #outputs = new Map();
  #ordered = null;
  #now;

  /** `now()` is the server's time in ms: who has gone quiet depends on it. */
  constructor(hosts, now = Date.now) {
    this.#now = now;
    for (const host of hosts) {
      this.#places.set(host.i, this.#places.size);
      this.#hosts.set(host.i, host);
      this.#count(standing(host), 1);
    }
  }

  get size() {
    return this.#hosts.size;
  }

  get(i) {
    return this.#hosts.get(i);
  }

  all() {
    return this.#hosts.values();
  }

  /** The host called `name`, if the run has one. */
  named(name) {
    for (const host of this.#hosts.values()) if (host.name === name) return host;
    return undefined;
  }

  /** Take over newer states. Gives back the indexes whose host changed; strangers are left out. */
  apply(hosts) {
    const changed = [];
    for (const host of hosts) {
      const known = this.#hosts.get(host.i);
      if (!known) continue;
      const next = newer(known, host);
      if (next === known) continue;
      this.#hosts.set(host.i, next);
      changed.push(host.i);
      if (standing(next) !== standing(known)) this.#moved(standing(known), standing(next));
    }
    if (changed.length > 0 && (this.#filter.isOfWords || this.#filter.isOfStatus)) this.#ordered = null;
    return changed;
  }

  /** [[status, count], …] of what hosts are shown as, worst first. */
  counts() {
    return STATUSES.filter((status) => this.#counts.get(status) > 0).map((status) => [status, this.#counts.get(status)]);
  }

  /** How many hosts one of `matches` describes: "active", "away", "over", "unsuccessful" or "unfinished". */
  number(which) {
    let number = 0;
    for (const [status, count] of this.#counts) if (KINDS[which](status)) number += count;
    return number;
  }

  /** Indexes of the running hosts that have printed nothing for a while. */
  stalled() {
    const now = this.#now();
    return [...this.#hosts.values()].filter((host) => stallOf(host, now)).map((host) => host.i);
  }

  get isOver() {
    return this.number("active") === 0;
  }

  /** When the last host finished, in ms, once all have. */
  get finished() {
    if (!this.isOver) return null;
    let last = null;
    for (const { finished } of this.#hosts.values()) if (finished) last = Math.max(last ?? 0, Date.parse(finished));
    return last;
  }

  // ---- Filter and order ----

  /** Show only what `text` describes; host_filter.js says what it understands. */
  filterText(text) {
    this.#filter = parseFilter(text);
    this.#ordered = null;
  }

  /** Texts the filter wants searched for in the output. */
  get wantedOutputs() {
    return this.#filter.outputs;
  }

  /** Whether the filter waits for the server to say which hosts printed a text. */
  get isAskingForOutput() {
    return this.#filter.outputs.some((text) => !this.#outputs.has(text));
  }

  /** Remember which hosts (a Set of indexes) printed `text`; until it is known, none is left out for it. */
  outputFound(text, indexes) {
    this.#outputs.set(text, indexes);
    this.#ordered = null;
  }

  /** Show one status more, or one less; "stalled" counts as one. */
  toggleStatus(status) {
    if (!this.#statuses.delete(status)) this.#statuses.add(status);
    this.#ordered = null;
  }

  /** Show only these hosts (indexes), or all again with null. */
  filterHosts(indexes) {
    this.#only = indexes ? new Set(indexes) : null;
    this.#ordered = null;
  }

  clearFilter() {
    this.#filter = parseFilter("");
    this.#statuses.clear();
    this.#only = null;
    this.#ordered = null;
  }

  hasStatusFilter(status) {
    return this.#statuses.has(status);
  }

  get isFiltered() {
    return !this.#filter.isEmpty || this.#statuses.size > 0 || this.#only !== null;
  }

  matches(host) {
    if (this.#only && !this.#only.has(host.i)) return false;
    if (this.#statuses.size > 0 && !this.#statuses.has(standing(host))) {
      if (!this.#statuses.has(STALLED) || !this.#isStalled(host)) return false;
    }
    return this.#filter.matches(host, this.#facts);
  }

  /** Indexes of the hosts that pass the filter: what needs a person first, otherwise in the run's order. */
  ordered() {
    if (this.#ordered && !this.#filter.isOfTime && !this.#statuses.has(STALLED)) return this.#ordered;
    const rows = [];
    for (const host of this.#hosts.values()) if (this.matches(host)) rows.push(host);
    rows.sort((a, b) => RANK[standing(a)] - RANK[standing(b)] || this.#places.get(a.i) - this.#places.get(b.i));
    this.#ordered = rows.map((host) => host.i);
    return this.#ordered;
  }

  #isStalled = (host) => stallOf(host, this.#now()) !== null;

  #facts = {
    isStalled: this.#isStalled,
    hasOutput: (host, text) => this.#outputs.get(text)?.has(host.i),
  };

  #count(status, by) {
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + by);
  }

  #moved(from, to) {
    this.#count(from, -1);
    this.#count(to, 1);
    this.#ordered = null;
  }
}

const KINDS = {
  active: (status) => GOES_ON.has(status),
  away: (status) => status === RECONNECTING,
  over: (status) => !GOES_ON.has(status),
  unsuccessful: (status) => !GOES_ON.has(status) && status !== "succeeded",
  unfinished: (status) => UNFINISHED.has(status),
};

/** `known` brought up to date. A final state never changes back and a log never shrinks, however late a message is. */
function newer(known, host) {
  if (!ACTIVE.has(known.status) && ACTIVE.has(host.status)) return known;
  const size = Math.max(known.size, host.size ?? 0);
  for (const field in host) {
    if (field !== "size" && host[field] !== known[field]) return { ...known, ...host, size };
  }
  return size === known.size ? known : { ...known, size };
}
