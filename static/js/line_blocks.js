// The lines of one log as far as they are needed: fetched in blocks, dropped when they are many. No DOM.

import { PLAIN } from "console/line_style";
import { styleAfter } from "console/line_text";

export const BLOCK = 500;
/** Characters that are kept; what is shown is kept in any case. */
const MOST = 6_000_000;
/** What a line takes beside its characters. */
const LINE_WEIGHT = 200;
const MOST_REQUESTS = 3;

const blockOf = (n) => Math.floor((n - 1) / BLOCK);

export class LineBlocks {
  #load;
  #loaded;
  #failed;
  #most;
  #blocks = new Map();
  #requests = new Map();
  #weight = 0;
  #wanted = { from: 1, to: 0 };
  #size = 0;

  /** Lines there are, as far as is known. */
  total = 0;

  /**
   * `load({from, count}, signal)` gives a promise of the server's answer. `loaded(answer)` and `failed(error)` hear how
   * it went; an aborted request says nothing.
   */
  constructor({ load, loaded, failed, most = MOST }) {
    this.#load = load;
    this.#loaded = loaded;
    this.#failed = failed;
    this.#most = most;
  }

  get weight() {
    return this.#weight;
  }

  get isLoading() {
    return this.#requests.size > 0;
  }

  /** Line `n`, {n, time, text, cut, stderr, tail, style}, or undefined while it is not here. */
  line(n) {
    return this.#blocks.get(blockOf(n))?.lines[(n - 1) % BLOCK];
  }

  /** Take over what is known of the log without asking: its bytes, and its line ends. */
  grown(size, lineEnds) {
    this.#size = Math.max(this.#size, size);
    this.total = Math.max(this.total, lineEnds);
  }

  /** Put a line with more of its text in the place of the one that is here. */
  replace(line) {
    const block = this.#blocks.get(blockOf(line.n));
    const at = (line.n - 1) % BLOCK;
    const known = block?.lines[at];
    if (!known) return;
    this.#add(block, line.text.length - known.text.length);
    block.lines[at] = { ...line, style: known.style };
  }

  /** Fetch what is missing of the lines `from` to `to`, and give up what was asked for elsewhere. */
  want(from, to) {
    this.#wanted = { from, to };
    const [first, last] = [blockOf(Math.max(1, from)), blockOf(Math.max(1, to))];
    for (const [number, request] of this.#requests) {
      if (number >= first && number <= last) continue;
      this.#requests.delete(number);
      request.abort();
    }
    for (let number = first; number <= last; number += 1) {
      const block = this.#blocks.get(number);
      if (block) this.#touch(number, block);
      const missing = this.#missing(number, block);
      if (missing !== null && !this.#requests.has(number) && this.#requests.size < MOST_REQUESTS) {
        this.#fetch(number, missing);
      }
    }
  }

  /** Stop everything that is on its way. */
  dispose() {
    for (const request of this.#requests.values()) request.abort();
    this.#requests.clear();
    this.#blocks.clear();
  }

  /** The first line of a block that has to be fetched, or null. */
  #missing(number, block) {
    const start = number * BLOCK + 1;
    if (!block) return start;
    const last = start + block.lines.length - 1;
    // The last line of a log may have gone on since.
    if (last === block.total && this.#size > block.size) return last;
    return block.lines.length < BLOCK && last < this.total ? last + 1 : null;
  }

  async #fetch(number, from) {
    const request = new AbortController();
    this.#requests.set(number, request);
    const isCurrent = () => this.#requests.get(number) === request;
    try {
      const answer = await this.#load({ from, count: (number + 1) * BLOCK - from + 1 }, request.signal);
      if (!isCurrent()) return;
      this.#requests.delete(number);
      this.#take(number, answer);
      this.#loaded(answer);
    } catch (error) {
      if (!isCurrent()) return;
      this.#requests.delete(number);
      this.#failed(error);
    }
  }

  #take(number, answer) {
    this.total = Math.max(this.total, answer.total);
    this.#size = Math.max(this.#size, answer.size);
    const start = number * BLOCK + 1;
    const block = this.#blocks.get(number) ?? { lines: [], weight: 0, size: 0, total: 0 };
    block.size = answer.size;
    block.total = answer.total;
    const before = block.lines[answer.first - start - 1];
    let style = before ? styleAfter(before.text, before.style) : styleAfter(answer.style, PLAIN);
    let added = 0;
    for (const line of answer.lines) {
      const known = block.lines[line.n - start];
      added += line.text.length + LINE_WEIGHT - (known ? known.text.length + LINE_WEIGHT : 0);
      const isSame = known && known.text === line.text && known.cut === line.cut;
      block.lines[line.n - start] = isSame ? known : { ...line, style };
      style = styleAfter(line.text, style);
    }
    this.#add(block, added);
    this.#touch(number, block);
    this.#forgetOldest();
  }

  #add(block, weight) {
    block.weight += weight;
    this.#weight += weight;
  }

  /** Maps keep the order of insertion: the first block is the one that was not needed for the longest time. */
  #touch(number, block) {
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
  }

  #forgetOldest() {
    const [first, last] = [blockOf(Math.max(1, this.#wanted.from)), blockOf(Math.max(1, this.#wanted.to))];
    for (const [number, block] of this.#blocks) {
      if (this.#weight <= this.#most) return;
      if (number >= first && number <= last) continue;
      this.#blocks.delete(number);
      this.#weight -= block.weight;
    }
  }
}
