// The hosts somebody chose, to run again on them or to see only them. No DOM.

export class Chosen {
  #hosts = new Set();
  #listeners = new Set();

  get size() {
    return this.#hosts.size;
  }

  has(i) {
    return this.#hosts.has(i);
  }

  /** Indexes in the order of the run. */
  values() {
    return [...this.#hosts].sort((a, b) => a - b);
  }

  toggle(i) {
    if (!this.#hosts.delete(i)) this.#hosts.add(i);
    this.#tell([i]);
  }

  /** Choose exactly these. */
  set(indexes) {
    const before = this.#hosts;
    this.#hosts = new Set(indexes);
    this.#tell([...before.symmetricDifference?.(this.#hosts) ?? new Set([...before, ...this.#hosts])]);
  }

  clear() {
    this.set([]);
  }

  /** `listener(indexes)` hears which hosts were chosen or given up. */
  onChange(listener) {
    this.#listeners.add(listener);
  }

  #tell(indexes) {
    for (const listener of this.#listeners) listener(indexes);
  }
}

/** Indexes as the addresses of the console have them: "0-5,7,9-12". */
export function asRanges(indexes) {
  const ranges = [];
  for (const i of [...indexes].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && i === last[1] + 1) last[1] = i;
    else ranges.push([i, i]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
}
