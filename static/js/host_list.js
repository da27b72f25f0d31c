// The list of hosts: rows the server drew, kept up to date. All changes are collected and drawn once per frame for rows in
// sight; the others follow. Nothing is drawn while another view has the list's place.

import { faceOf } from "console/host_face";
import { isActive } from "console/host_store";
import { CATCH_UP, Nearby } from "console/nearby";
import { itemsThatStay } from "console/row_order";

/** While the pointer moves over the list, rows stay where they are: nobody should hit the wrong one. */
const HOLD_ORDER = 1_200;

export class HostList {
  #root;
  #rows = new Map();
  #store;
  #icons;
  #now;
  #delegate;
  #dirty = new Set();
  #orderIsDue = false;
  #frame = null;
  #cursor = null;
  #opened = null;
  #order = [];
  #pointerMoved = -Infinity;
  #empty;
  #chosen;
  #nearby;
  #isVisible = false;

  /** `delegate` hears hostChosen(i); `now()` is the server's time in ms; `page.chosen` has the hosts picked by hand. */
  constructor(root, { store, icons, now, delegate, empty, page }) {
    this.#root = root;
    this.#store = store;
    this.#icons = icons;
    this.#now = now;
    this.#delegate = delegate;
    this.#empty = empty;
    this.#chosen = page.chosen;
    this.#nearby = new Nearby(root, () => this.#draw());
    for (const element of root.children) {
      const i = Number(element.dataset.i);
      this.#rows.set(i, rowOf(element));
      this.#nearby.watch(element, i);
      this.#dirty.add(i);
    }
    page.chosen.onChange((indexes) => this.#chosenChanged(indexes));
    // Between layout and paint: what was missed while hidden is drawn in the frame that shows the list.
    new ResizeObserver(() => this.#visibilityChanged()).observe(root.parentElement);
    root.addEventListener("click", (event) => this.#clicked(event));
    root.addEventListener("keydown", (event) => this.#pressed(event));
    root.addEventListener("pointermove", () => (this.#pointerMoved = performance.now()), { passive: true });
    root.addEventListener("pointerleave", () => (this.#pointerMoved = -Infinity));
    this.#drawOrder();
  }

  /** Index under the keyboard cursor, or null. */
  get cursor() {
    return this.#cursor;
  }

  /** Whether a view has not taken the list's place. */
  get isVisible() {
    return this.#root.parentElement.clientHeight > 0;
  }

  /** These hosts have news. */
  changed(indexes) {
    for (const i of indexes) this.#dirty.add(i);
    this.#orderIsDue = true;
    this.#draw();
  }

  /** The filter changed: show and order the rows at once. */
  filterChanged() {
    this.#orderIsDue = true;
    this.#pointerMoved = -Infinity;
    this.#draw();
  }

  /** A second has passed: what still counts moves on, and an order that was held back is made up for. */
  tick() {
    if (!this.#isVisible) return;
    for (const { i, status } of this.#store.all()) if (isActive(status) && this.#nearby.has(i)) this.#dirty.add(i);
    this.#drawRows([...this.#dirty].slice(0, CATCH_UP));
    this.#orderIsDue ||= this.#store.isFiltered;
    this.#draw();
  }

  /** Mark host `i` as the one that is shown. */
  open(i) {
    this.#rows.get(this.#opened)?.element.setAttribute("aria-selected", "false");
    this.#opened = i;
    this.#rows.get(i)?.element.setAttribute("aria-selected", "true");
    this.moveTo(i);
  }

  /** Move the cursor by `step` rows, or to the first row when there is none. */
  move(step) {
    const order = this.#isVisible ? this.#order : this.#store.ordered();
    const at = order.indexOf(this.#cursor);
    const next = at === -1 ? 0 : Math.min(Math.max(at + step, 0), order.length - 1);
    if (order.length > 0) this.moveTo(order[next]);
  }

  moveTo(i) {
    this.#rows.get(this.#cursor)?.element.classList.remove("is-cursor");
    this.#cursor = i;
    const row = this.#rows.get(i);
    if (!row) return;
    row.element.classList.add("is-cursor");
    if (this.#isVisible) row.element.scrollIntoView({ block: "nearest" });
    this.#root.setAttribute("aria-activedescendant", row.element.id);
  }

  focus() {
    this.#root.focus();
  }

  /** Choose the host under the cursor, or give it up; false when there is none. */
  chooseCursor() {
    if (this.#cursor === null) return false;
    this.#chosen.toggle(this.#cursor);
    return true;
  }

  #clicked(event) {
    const element = event.target.closest("[data-i]");
    if (!element || event.target.closest("a")) return;
    const i = Number(element.dataset.i);
    if (event.ctrlKey || event.metaKey || event.shiftKey) {
      this.moveTo(i);
      this.chooseCursor();
    } else this.#delegate.hostChosen(i);
  }

  /** In the list `x` chooses, whatever it means to the view beside it. */
  #pressed(event) {
    if (event.key !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.chooseCursor();
  }

  #chosenChanged(indexes) {
    for (const i of indexes) {
      const { element } = this.#rows.get(i);
      element.classList.toggle("is-chosen", this.#chosen.has(i));
      element.setAttribute("aria-checked", String(this.#chosen.has(i)));
    }
  }

  #visibilityChanged() {
    const { isVisible } = this;
    if (this.#isVisible === isVisible) return;
    this.#isVisible = isVisible;
    if (!isVisible) return;
    for (const i of this.#rows.keys()) this.#dirty.add(i);
    this.#drawOrder();
    this.#drawRows();
    this.#rows.get(this.#cursor)?.element.scrollIntoView({ block: "nearest" });
  }

  #draw() {
    if (!this.#isVisible) return;
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#drawRows();
      if (this.#orderIsDue && performance.now() - this.#pointerMoved > HOLD_ORDER) this.#drawOrder();
    });
  }

  #drawRows(indexes = [...this.#dirty].filter((i) => this.#nearby.has(i))) {
    const now = this.#now();
    for (const i of indexes) {
      drawRow(this.#rows.get(i), this.#store.get(i), this.#icons, now);
      this.#dirty.delete(i);
    }
  }

  #drawOrder() {
    this.#orderIsDue = false;
    const order = this.#store.ordered();
    if (order === this.#order) return;
    const shown = new Set(order);
    for (const [i, row] of this.#rows) {
      if (row.element.hidden === shown.has(i)) row.element.hidden = !shown.has(i);
    }
    this.#sort(order);
    this.#order = order;
    this.#empty.hidden = order.length > 0;
    this.#root.classList.toggle("is-nothing", order.length === 0);
  }

  /** Move only rows that stand wrong: the rest keep their place, their focus and their scroll position. */
  #sort(order) {
    const current = Array.from(this.#root.children, (element) => Number(element.dataset.i));
    const stay = itemsThatStay(current, order);
    let next = null;
    for (const i of order.toReversed()) {
      const { element } = this.#rows.get(i);
      if (!stay.has(i)) this.#root.insertBefore(element, next);
      next = element;
    }
  }
}

function rowOf(element) {
  const part = (name) => element.querySelector(`.${name}`);
  return {
    element,
    use: element.querySelector("use"),
    outcome: part("host-outcome"),
    detail: part("host-detail"),
    elapsed: part("host-elapsed"),
    drawn: {},
  };
}

/** Touch only what differs from what the row shows already. */
function drawRow(row, host, icons, now) {
  const face = faceOf(host, now);
  const { drawn } = row;
  if (face.status !== drawn.status) {
    row.element.className = row.element.className.replace(/\bstatus-\w+/, `status-${face.status}`);
    row.use.setAttribute("href", `#icon-${icons[face.status]}`);
  }
  if (face.outcome !== drawn.outcome) row.outcome.textContent = face.outcome;
  if (face.detail !== drawn.detail) row.detail.textContent = face.detail;
  if (face.printed !== drawn.printed) row.detail.classList.toggle("is-printed", face.printed);
  if (face.elapsed !== drawn.elapsed) row.elapsed.textContent = face.elapsed;
  if (face.stall !== drawn.stall) row.element.classList.toggle("is-stalled", face.stall === "yes");
  if (face.hint !== drawn.hint) row.element.title = face.hint;
  row.drawn = face;
}
