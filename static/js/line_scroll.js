// Where the scroll bar stands for a place among millions of rows. Browsers draw no element higher than some 16 million
// pixels, so a long list's bar stands for its place, and the list itself is moved row by row. Pure.

export const MAX_HEIGHT = 8_000_000;

export class LineScroll {
  #virtual = 0;
  #rowHeight = 1;
  #viewport = 0;

  /** Height that the browser is told. */
  height = 0;

  /** `count` rows of `rowHeight` pixels each, seen through `viewport` pixels. */
  set({ count, rowHeight, viewport }) {
    this.#virtual = count * rowHeight;
    this.#rowHeight = rowHeight;
    this.#viewport = viewport;
    this.height = Math.max(viewport, Math.min(this.#virtual, MAX_HEIGHT));
  }

  /** Whether a pixel of the scroll bar is a pixel of the list. */
  get isExact() {
    return this.#virtual <= MAX_HEIGHT;
  }

  get #scale() {
    const room = this.#virtual - this.#viewport;
    return room > 0 ? (this.height - this.#viewport) / room : 1;
  }

  /** scrollTop for the place where row `row` begins `offset` pixels above the viewport's top. */
  topOf({ row, offset }) {
    return Math.max(0, Math.min((row * this.#rowHeight + offset) * this.#scale, this.height - this.#viewport));
  }

  /** The inverse of topOf. */
  placeOf(top) {
    const pixels = top / (this.#scale || 1);
    const row = Math.floor(pixels / this.#rowHeight);
    return { row, offset: pixels - row * this.#rowHeight };
  }
}
