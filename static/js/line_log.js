// The log of one host as rows: its lines as far as they are here, its folds, the notes at their times. It asks the
// console for what is missing and says when something has come. No DOM.

import { getJson } from "console/fetching";
import { isActive } from "console/host_store";
import { BLOCK, LineBlocks } from "console/line_blocks";
import { LineRows } from "console/line_rows";

/** Lines around the wanted ones that are fetched with them. */
const AHEAD = 100;
/** Milliseconds between looks for new folds in a log that grows. */
const FOLDS_EVERY = 2_000;

export class LineLog {
  #address;
  #delegate;
  #stop = new AbortController();
  #foldsOf = { size: -1, at: 0, isAsking: false };
  #places = new Map();

  /** `address(name)` is where "lines" and "folds" are; `delegate` has loaded(), failed(error), foldsFound(isFirst). */
  constructor(host, address, delegate) {
    this.host = host;
    this.#address = address;
    this.#delegate = delegate;
    this.rows = new LineRows();
    this.blocks = new LineBlocks({
      load: (params, signal) => getJson(address("lines"), params, signal),
      loaded: () => {
        this.rows.setTotal(this.blocks.total);
        delegate.loaded();
      },
      failed: (error) => delegate.failed(error),
    });
    this.changed(host);
  }

  /** Take over what is known of the host now. */
  changed(host) {
    this.host = host;
    this.blocks.grown(host.size, host.lines);
    this.rows.setTotal(this.blocks.total || (host.size > 0 ? 1 : 0));
  }

  dispose() {
    this.#stop.abort();
    this.blocks.dispose();
  }

  /** Fetch what the rows `first` to `last` show. */
  want(first, last) {
    const from = this.#lineNear(first);
    const to = this.#lineNear(last);
    if (from === null || to === null) return;
    // With folds closed, the lines between two rows may be millions: only the ends matter then, and what is between.
    if (to - from < 4 * BLOCK) this.blocks.want(Math.max(1, from - AHEAD), Math.min(this.rows.total, to + AHEAD));
    else this.#wantScattered(first, last, from);
  }

  #wantScattered(first, last, from) {
    let to = from;
    for (let row = first; row <= last; row += 1) {
      const { kind, n } = this.rows.at(row) ?? {};
      if (kind !== "line") continue;
      if (n - from > 2 * BLOCK) break;
      if (!this.blocks.line(n)) return this.blocks.want(n, n + BLOCK);
      to = n;
    }
    this.blocks.want(from, to);
  }

  #lineNear(row) {
    for (let at = row; at >= 0 && at > row - 50; at -= 1) {
      const found = this.rows.at(at);
      if (found?.kind === "line") return found.n;
    }
    return this.rows.total > 0 ? 1 : null;
  }

  // ---- Folds ----

  /** Look for folds, if there may be some that are not known. */
  async findFolds(now = performance.now()) {
    const known = this.#foldsOf;
    if (known.isAsking || known.size >= this.host.size) return;
    if (known.size >= 0 && isActive(this.host.status) && now - known.at < FOLDS_EVERY) return;
    known.isAsking = true;
    try {
      const answer = await getJson(this.#address("folds"), {}, this.#stop.signal);
      const isFirst = known.size < 0;
      known.size = answer.complete ? answer.size : Math.max(known.size, 0);
      known.at = now;
      known.isAsking = false;
      this.rows.setFolds(answer.folds);
      this.#delegate.foldsFound(isFirst);
      if (!answer.complete) this.findFolds(Infinity);
    } catch (error) {
      known.isAsking = false;
      known.at = now;
      if (error.name !== "AbortError") console.warn("The folds of this log could not be loaded.", error);
    }
  }

  /** The folds a log begins with: closed, but for those that hold what went wrong or is still going on. */
  closeAtFirst() {
    const { folds } = this.rows;
    const last = folds.at(-1);
    const isEnd = (fold) =>
      fold.to === null || (this.host.status !== "succeeded" && last && fold.from <= last.from && fold.to >= last.from);
    this.rows.close(folds.filter((fold) => !isEnd(fold)).map((fold) => fold.from));
  }

  // ---- Notes ----

  /** Show `notes` [{id, author, text, created}] at their times. */
  async place(notes) {
    const fresh = notes.filter((note) => !this.#places.has(note.id));
    for (const note of fresh) {
      try {
        const { line } = await getJson(this.#address("lines"), { time: note.created, count: 1 }, this.#stop.signal);
        this.#places.set(note.id, line);
      } catch {
        return false;
      }
    }
    this.rows.setNotes(notes.map((note) => ({ line: this.#places.get(note.id), note })));
    return true;
  }

  /** The line that was the first after `moment` (ISO text). */
  async lineAt(moment) {
    return (await getJson(this.#address("lines"), { time: moment, count: 1 }, this.#stop.signal)).line;
  }

  /** Fetch line `n` with as much of it as can be shown. */
  async whole(n, most) {
    const answer = await getJson(this.#address("lines"), { from: n, count: 1, most }, this.#stop.signal);
    const [line] = answer.lines;
    if (line) this.blocks.replace({ ...line, isWhole: true });
  }

  /** The raw texts of lines `from` to `to`. */
  async texts(from, to) {
    const texts = [];
    while (from <= to) {
      const count = Math.min(1000, to - from + 1);
      const { lines } = await getJson(this.#address("lines"), { from, count }, this.#stop.signal);
      if (lines.length === 0) break;
      texts.push(...lines.map((line) => line.text));
      from = lines.at(-1).n + 1;
    }
    return texts;
  }
}
