// Which rows the line view has: lines, without those in closed folds, and notes where their time is. Rows are counted
// from 0, lines from 1. Pure.

/** Number of `items` (ascending by `key`) whose key is at most `value`. */
function countUpTo(items, value, key) {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (key(items[middle]) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class LineRows {
  #total = 0;
  #folds = [];
  #headers = new Map();
  #closed = new Set();
  #notes = [];
  /** Hidden lines as [{from, to, before}], `before` being how many are hidden above. */
  #hidden = [];
  /** Notes as [{note, visible, row}], `visible` being how many lines are shown above. */
  #placed = [];

  /** Lines there are. */
  get total() {
    return this.#total;
  }

  /** Rows there are. */
  get count() {
    return this.#visibleUpTo(this.#total) + this.#placed.length;
  }

  get folds() {
    return this.#folds;
  }

  setTotal(total) {
    if (total === this.#total) return;
    this.#total = total;
    this.#arrange();
  }

  /** `folds` [{from, to, title}] in the order of their first lines; `to` is null where nothing ends it. */
  setFolds(folds) {
    this.#folds = folds;
    this.#headers = new Map(folds.map((fold) => [fold.from, fold]));
    for (const from of this.#closed) if (!this.#headers.has(from)) this.#closed.delete(from);
    this.#arrange();
  }

  /** `notes` [{line, note}]: each is shown before its line. */
  setNotes(notes) {
    this.#notes = [...notes].sort((a, b) => a.line - b.line);
    this.#arrange();
  }

  /** The fold that begins with line `n`, or undefined. */
  foldAt(n) {
    return this.#headers.get(n);
  }

  isClosed(from) {
    return this.#closed.has(from);
  }

  get areAllClosed() {
    return this.#folds.every((fold) => this.#closed.has(fold.from));
  }

  /** The last line of `fold`. */
  endOf(fold) {
    return fold.to ?? this.#total;
  }

  /** Close or open the folds that begin with the lines in `froms`. */
  close(froms, isClosed = true) {
    for (const from of froms) {
      if (isClosed && this.#headers.has(from)) this.#closed.add(from);
      else this.#closed.delete(from);
    }
    this.#arrange();
  }

  /** Open whatever hides one of the lines `from` to `to`. */
  reveal(from, to = from) {
    const around = this.#folds.filter(
      (fold) => this.#closed.has(fold.from) && fold.from < to && this.endOf(fold) >= from && fold.from !== to,
    );
    if (around.length > 0) this.close(around.map((fold) => fold.from), false);
  }

  /** {kind: "line", n} or {kind: "note", note} of a row, or undefined where there is none. */
  at(row) {
    if (row < 0 || row >= this.count) return undefined;
    const notes = countUpTo(this.#placed, row, (placed) => placed.row);
    const last = this.#placed[notes - 1];
    if (last?.row === row) return { kind: "note", note: last.note };
    return { kind: "line", n: this.#lineOf(row - notes) };
  }

  /** Row of line `n`; of the fold that hides it where one does. */
  rowOf(n) {
    const line = Math.max(1, Math.min(n, this.#total));
    const visible = Math.max(this.#visibleUpTo(line) - 1, 0);
    return visible + countUpTo(this.#placed, visible, (placed) => placed.visible);
  }

  /** Lines among 1…n that are shown. */
  #visibleUpTo(n) {
    const range = this.#hidden[countUpTo(this.#hidden, n, (hidden) => hidden.from) - 1];
    if (!range) return n;
    return n - range.before - (Math.min(n, range.to) - range.from + 1);
  }

  /** The line that has `visible` shown lines above it. */
  #lineOf(visible) {
    const range = this.#hidden[countUpTo(this.#hidden, visible, (hidden) => hidden.from - 1 - hidden.before) - 1];
    return range ? visible + 1 + range.before + range.to - range.from + 1 : visible + 1;
  }

  #arrange() {
    this.#hidden = [];
    let before = 0;
    let end = 0;
    for (const fold of this.#folds) {
      const to = Math.min(this.endOf(fold), this.#total);
      if (!this.#closed.has(fold.from) || fold.from < end || to <= fold.from) continue;
      this.#hidden.push({ from: fold.from + 1, to, before });
      before += to - fold.from;
      end = to + 1;
    }
    this.#placed = this.#notes.map(({ line, note }, number) => {
      const visible = this.#visibleUpTo(Math.min(line - 1, this.#total));
      return { note, visible, row: visible + number };
    });
  }
}

/** The first line at row `row` or soon after it, as {n, offset}: `offset` is that of the row, in pixels. */
export function lineFrom(rows, { row, offset }) {
  for (let at = row; at < row + 50; at += 1) {
    const found = rows.at(at);
    if (found?.kind === "line") return { n: found.n, offset: at === row ? offset : 0 };
  }
  return { n: 1, offset: 0 };
}
