// A list of any length of which only what can be seen is in the page. Rows may differ in height: the list knows which
// row is at the top and how much of it is above, and draws from there; the scroll bar follows.

import { LineScroll } from "console/line_scroll";

/** Screens that are drawn above and below the visible one. */
const SPARE = 0.7;
/** A scroll over more screens than this is a jump to where the bar was put, not a movement of the rows. */
const JUMP = 1.5;
const SETTLE = 160;
const KEEP_VISIBLE = 3;

export class LineList {
  #scroller;
  #spacer = document.createElement("div");
  #layer = document.createElement("div");
  #sheet = document.createElement("div");
  #scroll = new LineScroll();
  #source;
  #place = { row: 0, offset: 0 };
  #drawn = new Map();
  #range = { first: 0, last: -1 };
  #expectedTop = 0;
  #settling = 0;
  #isDue = false;
  #viewport = 0;
  #isExactHeight = true;
  #isAtEnd = false;

  /**
   * `source` is {count(), rowHeight(), element(row, known), drawn(first, last), moved()}: `element` gives the row's
   * element, `known` if that still fits; `drawn` hears which rows are in the page; `moved` that the reader scrolled.
   */
  constructor(scroller, source) {
    this.#scroller = scroller;
    this.#source = source;
    this.#spacer.className = "list-spacer";
    this.#layer.className = "list-layer";
    this.#sheet.className = "list-sheet";
    this.#layer.append(this.#sheet);
    this.#spacer.append(this.#layer);
    scroller.append(this.#spacer);
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    scroller.addEventListener("wheel", (event) => this.#wheeled(event), { passive: false });
    new ResizeObserver(() => this.redraw()).observe(scroller);
  }

  /** The row at the top, and the pixels of it that are above. */
  get place() {
    return { ...this.#place };
  }

  get isAtEnd() {
    return this.#isAtEnd;
  }

  /** Whether all rows are equally high, as far as the scroll bar is concerned. */
  set isExactHeight(isExact) {
    this.#isExactHeight = isExact;
  }

  /** Draw again soon, once for however many calls. */
  redraw() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.draw();
    });
  }

  /** Take over where the reader has just scrolled to: before new rows are drawn for a place that is left already. */
  takeScroll() {
    if (this.#scroller.clientHeight) this.#scrolled();
  }

  /** Show row `row` at the top, or as much above the middle as `share` of the screen. */
  showAt(row, offset = 0, share = 0) {
    this.#place = { row, offset: offset - share * this.#scroller.clientHeight };
    this.draw();
  }

  showEnd() {
    this.#place = { row: Math.max(0, this.#source.count() - 1), offset: 0 };
    this.draw();
  }

  /** Scroll as little as needed to have row `row` in sight. */
  reveal(row) {
    const element = this.#drawn.get(row);
    if (!element) return this.showAt(row, 0, 0.33);
    const spare = KEEP_VISIBLE * this.#source.rowHeight();
    const y = element.offsetTop - this.#top();
    if (y < 0) this.moveBy(y - spare);
    else if (y + element.offsetHeight > this.#viewport) this.moveBy(y + element.offsetHeight - this.#viewport + spare);
  }

  moveBy(pixels) {
    this.#place.offset += pixels;
    this.draw();
  }

  movePages(count) {
    this.moveBy(count * (this.#viewport - 2 * this.#source.rowHeight()));
    this.#source.moved();
  }

  /** Forget every drawn row. */
  clear() {
    this.#drawn.clear();
    this.#sheet.replaceChildren();
    this.#spacer.style.minWidth = "";
    this.#range = { first: 0, last: -1 };
  }

  // ---- Drawing ----

  draw(isScrolling = false) {
    this.#viewport = this.#scroller.clientHeight;
    if (this.#viewport === 0) return;
    const count = this.#source.count();
    this.#scroll.set({ count, rowHeight: this.#source.rowHeight(), viewport: this.#viewport });
    this.#spacer.style.height = `${this.#scroll.height}px`;
    this.#layer.style.height = `${this.#viewport}px`;
    this.#guess(count);
    // Rows may turn out higher or lower than thought: then what must be drawn is not what was.
    for (let attempt = 0; attempt < 4; attempt += 1) {
      this.#drawAround(count);
      if (this.#settlePlace(count)) break;
    }
    this.#sheet.style.transform = `translateY(${-Math.round(this.#top())}px)`;
    this.#keepWidth();
    this.#follow(isScrolling);
    this.#source.drawn(this.#range.first, this.#range.last);
  }

  /** Bring the place into a row: by drawn rows where there are some, by the usual height elsewhere. */
  #guess(count) {
    const place = this.#place;
    const height = this.#source.rowHeight();
    const known = this.#drawn.get(place.row);
    if (known && place.offset >= 0 && place.offset < known.offsetHeight) return;
    if (known) {
      const y = known.offsetTop + place.offset;
      for (const [row, element] of this.#drawn) {
        if (element.offsetTop <= y && y < element.offsetTop + element.offsetHeight) {
          this.#place = { row, offset: y - element.offsetTop };
          return;
        }
      }
    }
    const rows = Math.floor(place.offset / height);
    this.#place = { row: place.row + rows, offset: place.offset - rows * height };
    if (this.#place.row < 0) this.#place = { row: 0, offset: 0 };
    if (this.#place.row >= count) this.#place = { row: Math.max(0, count - 1), offset: 0 };
  }

  #drawAround(count) {
    const onScreen = Math.ceil(this.#viewport / this.#source.rowHeight()) + 1;
    const spare = Math.ceil(onScreen * SPARE);
    const first = Math.max(0, this.#place.row - spare);
    const last = Math.min(count - 1, this.#place.row + onScreen + spare);
    const drawn = new Map();
    let after = null;
    for (let row = first; row <= last; row += 1) {
      const known = this.#drawn.get(row);
      const element = this.#source.element(row, known);
      if (known && known !== element) known.replaceWith(element);
      drawn.set(row, element);
    }
    for (const [row, element] of this.#drawn) if (!drawn.has(row)) element.remove();
    // Elements that stay are not moved: a selection in them lives on.
    for (const element of drawn.values()) {
      const next = after === null ? this.#sheet.firstChild : after.nextSibling;
      if (next !== element) this.#sheet.insertBefore(element, next);
      after = element;
    }
    this.#drawn = drawn;
    this.#range = { first, last };
  }

  /** Keep the place between the first and the last row; false where rows are missing that belong on the screen. */
  #settlePlace(count) {
    if (count === 0) {
      this.#place = { row: 0, offset: 0 };
      this.#isAtEnd = true;
      return true;
    }
    let top = this.#top();
    const last = this.#drawn.get(this.#range.last);
    const bottom = last.offsetTop + last.offsetHeight;
    const hasEnd = this.#range.last === count - 1;
    if (hasEnd) top = Math.min(top, bottom - this.#viewport);
    if (this.#range.first === 0) top = Math.max(top, 0);
    this.#isAtEnd = hasEnd && bottom - top <= this.#viewport + 2;
    this.#placeAt(top);
    if (top < 0) return false;
    return hasEnd || bottom - top >= this.#viewport;
  }

  #placeAt(top) {
    let found = null;
    for (const [row, element] of this.#drawn) {
      if (found !== null && element.offsetTop > top) break;
      found = { row, offset: top - element.offsetTop };
    }
    this.#place = found;
  }

  /** Pixels of the sheet that are above the viewport. */
  #top() {
    const element = this.#drawn.get(this.#place.row);
    return element ? element.offsetTop + this.#place.offset : 0;
  }

  /** A list that is not wrapped stays as wide as its widest row so far, or the bar below would jump. */
  #keepWidth() {
    const width = this.#scroller.scrollWidth;
    if (width > this.#scroller.clientWidth) this.#spacer.style.minWidth = `${width}px`;
  }

  // ---- The scroll bar ----

  get #isExact() {
    return this.#isExactHeight && this.#scroll.isExact;
  }

  /** Let the bar follow the rows; while the reader holds it, only once that is over. */
  #follow(isScrolling) {
    clearTimeout(this.#settling);
    const settle = () => {
      const max = this.#scroller.scrollHeight - this.#viewport;
      const atStart = this.#place.row === 0 && this.#place.offset < 1;
      const top = this.#isAtEnd ? max : atStart ? 0 : this.#scroll.topOf(this.#place);
      if (Math.abs(this.#scroller.scrollTop - top) >= 1) this.#scroller.scrollTop = top;
      this.#expectedTop = this.#scroller.scrollTop;
    };
    if (isScrolling) {
      this.#expectedTop = this.#scroller.scrollTop;
      this.#settling = setTimeout(settle, SETTLE);
    } else settle();
  }

  #scrolled() {
    const moved = this.#scroller.scrollTop - this.#expectedTop;
    if (Math.abs(moved) < 1) return;
    if (Math.abs(moved) > JUMP * this.#viewport) this.#place = this.#scroll.placeOf(this.#scroller.scrollTop);
    else this.#place.offset += moved;
    this.draw(true);
    this.#source.moved();
  }

  /** Where the bar is only a likeness, the wheel moves the rows themselves. */
  #wheeled(event) {
    if (this.#isExact || event.ctrlKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
    event.preventDefault();
    const unit = [1, this.#source.rowHeight(), this.#viewport][event.deltaMode];
    this.moveBy(event.deltaY * unit);
    this.#source.moved();
  }
}
