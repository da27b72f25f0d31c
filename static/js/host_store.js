// What is known about every host of the run: the newest state of each, counts, order and filter. No DOM.

export const STATUSES = [
  "lost", "failed", "timed_out", "unreachable", "canceled", "starting", "running", "queued", "skipped", "succeeded",
];
const ACTIVE = new Set(["queued", "starting", "running"]);
/** Ended otherwise than by the program's own word; what run-new?only=unfinished takes. */
const UNFINISHED = new Set(["timed_out", "canceled", "unreachable", "lost", "skipped"]);

// What needs a person first, then what moves, then what waits, then what is done. Starting and running share a rank,
// so that a row does not jump twice within a second.
const RANK = {
  lost: 0, failed: 0, timed_out: 0, unreachable: 1, canceled: 2, starting: 3, running: 3, queued: 4, skipped: 5,
  succeeded: 6,
};

const FAILURES = new Set(["failed", "lost", "timed_out", "unreachable"]);

export const isActive = (status) => ACTIVE.has(status);
/** Whether somebody has to look at it. */
export const isFailure = (status) => FAILURES.has(status);

export class HostStore {
  #hosts = new Map();
  #places = new Map();
  #text = "";
  #statuses = new Set();

  constructor(hosts) {
    for (const host of hosts) {
      this.#places.set(host.i, this.#places.size);
      this.#hosts.set(host.i, host);
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
    }
    return changed;
  }

  /** [[status, count], …] of the statuses somebody has, worst first. */
  counts() {
    const counts = new Map();
    for (const { status } of this.#hosts.values()) counts.set(status, (counts.get(status) ?? 0) + 1);
    return STATUSES.filter((status) => counts.has(status)).map((status) => [status, counts.get(status)]);
  }

  /** How many hosts one of `matches` describes: "over", "unsuccessful", "unfinished" or "active". */
  number(which) {
    let count = 0;
    for (const { status } of this.#hosts.values()) if (KINDS[which](status)) count += 1;
    return count;
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

  filterText(text) {
    this.#text = text.trim().toLowerCase();
  }

  /** Show one status more, or one less. */
  toggleStatus(status) {
    if (!this.#statuses.delete(status)) this.#statuses.add(status);
  }

  clearFilter() {
    this.#text = "";
    this.#statuses.clear();
  }

  hasStatusFilter(status) {
    return this.#statuses.has(status);
  }

  get isFiltered() {
    return this.#text !== "" || this.#statuses.size > 0;
  }

  matches(host) {
    if (this.#statuses.size > 0 && !this.#statuses.has(host.status)) return false;
    if (this.#text === "") return true;
    return [host.name, host.address, host.reason, host.last_line].some((part) =>
      (part ?? "").toLowerCase().includes(this.#text),
    );
  }

  /** Indexes of the hosts that pass the filter: what needs a person first, otherwise in the run's order. */
  ordered() {
    const rows = [];
    for (const host of this.#hosts.values()) if (this.matches(host)) rows.push(host);
    rows.sort((a, b) => RANK[a.status] - RANK[b.status] || this.#places.get(a.i) - this.#places.get(b.i));
    return rows.map((host) => host.i);
  }
}

const KINDS = {
  active: (status) => ACTIVE.has(status),
  over: (status) => !ACTIVE.has(status),
  unsuccessful: (status) => !ACTIVE.has(status) && status !== "succeeded",
  unfinished: (status) => UNFINISHED.has(status),
};

/** `known` brought up to date. A final state never changes back and a log never shrinks, however late a message is. */
function newer(known, host) {
  if (!ACTIVE.has(known.status) && ACTIVE.has(host.status)) return known;
  const next = { ...known, ...host, size: Math.max(known.size, host.size ?? 0) };
  return Object.keys(next).some((field) => next[field] !== known[field]) ? next : known;
}
