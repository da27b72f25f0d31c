// What a search has found so far, put together from the answers to its steps. No DOM.

import { number, plural } from "console/format";

/** "12 lines", "1,000+ lines". */
export const countText = (count, isMore) => (isMore ? `${number(count)}+ lines` : plural(count, "line"));

/** Hits by host of one run. */
export class SearchHits {
  #hosts = new Map();
  /** How many hosts are searched, of how many. */
  searched = 0;
  of = 0;

  /** Take over an answer. Gives back the hosts that are new or have more hits now. */
  add({ hosts, searched, of }) {
    this.searched = searched;
    this.of = of;
    return hosts.map((row) => {
      const known = this.#hosts.get(row.i);
      // A long log is searched in several steps: its count is of all of them, its hits are those that are new.
      const host = { ...row, hits: [...(known?.hits ?? []), ...row.hits] };
      this.#hosts.set(row.i, host);
      return host;
    });
  }

  /** Indexes of the hosts with a hit. */
  indexes() {
    return [...this.#hosts.keys()];
  }

  get size() {
    return this.#hosts.size;
  }

  /** "1,204 lines on 37 hosts", "No line". */
  get summary() {
    if (this.size === 0) return "No line";
    let count = 0;
    let isMore = false;
    for (const host of this.#hosts.values()) {
      count += host.count;
      isMore ||= host.more;
    }
    return `${countText(count, isMore)} on ${plural(this.size, "host")}`;
  }
}

/** Hits of many runs by the name of the host: the newest run first, as they come. */
export class HostsEver {
  #hosts = new Map();
  searched = 0;
  of = 0;

  /** Take over an answer of /search.json. Gives back the hosts that are new or have more runs now. */
  add({ hosts, runs, searched, of }) {
    this.searched = searched;
    this.of = of;
    const changed = new Set();
    for (const row of hosts) {
      const host = this.#hosts.get(row.name) ?? { name: row.name, runs: [] };
      this.#hosts.set(row.name, host);
      const known = host.runs.find(({ run }) => run === row.run);
      if (known) Object.assign(known, row, { hits: [...known.hits, ...row.hits] });
      else host.runs.push({ ...row, told: runs[row.run] });
      changed.add(host);
    }
    return [...changed];
  }

  get size() {
    return this.#hosts.size;
  }

  names() {
    return [...this.#hosts.keys()];
  }

  /** "12 hosts in 40 runs". */
  get summary() {
    const runs = new Set([...this.#hosts.values()].flatMap(({ runs: rows }) => rows.map(({ run }) => run)));
    return `${plural(this.size, "host")} in ${plural(runs.size, "run")}`;
  }
}
