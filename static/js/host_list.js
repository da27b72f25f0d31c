// The list of hosts: rows the server drew, kept up to date. All changes are collected and drawn once per frame.

import * as format from "console/format";
import { isActive } from "console/host_store";
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

  /** `delegate` hears hostChosen(i); `now()` is the server's time in ms. */
  constructor(root, { store, icons, now, delegate, empty }) {
    this.#root = root;
    this.#store = store;
    this.#icons = icons;
    this.#now = now;
    this.#delegate = delegate;
    this.#empty = empty;
    for (const element of root.children) this.#rows.set(Number(element.dataset.i), rowOf(element));
    root.addEventListener("click", (event) => this.#clicked(event));
    root.addEventListener("pointermove", () => (this.#pointerMoved = performance.now()), { passive: true });
    root.addEventListener("pointerleave", () => (this.#pointerMoved = -Infinity));
    for (const i of this.#rows.keys()) this.#dirty.add(i);
    this.#drawRows();
    this.#drawOrder();
  }

  /** Index under the keyboard cursor, or null. */
  get cursor() {
    return this.#cursor;
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
    for (const host of this.#store.all()) if (isActive(host.status) && host.started) this.#dirty.add(host.i);
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
    const at = this.#order.indexOf(this.#cursor);
    const next = at === -1 ? 0 : Math.min(Math.max(at + step, 0), this.#order.length - 1);
    if (this.#order.length > 0) this.moveTo(this.#order[next]);
  }

  moveTo(i) {
    this.#rows.get(this.#cursor)?.element.classList.remove("is-cursor");
    this.#cursor = i;
    const row = this.#rows.get(i);
    if (!row) return;
    row.element.classList.add("is-cursor");
    row.element.scrollIntoView({ block: "nearest" });
    this.#root.setAttribute("aria-activedescendant", row.element.id);
  }

  focus() {
    this.#root.focus();
  }

  #clicked(event) {
    const element = event.target.closest("[data-i]");
    if (element && !event.target.closest("a")) this.#delegate.hostChosen(Number(element.dataset.i));
  }

  #draw() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#drawRows();
      if (this.#orderIsDue && performance.now() - this.#pointerMoved > HOLD_ORDER) this.#drawOrder();
    });
  }

  #drawRows() {
    const now = this.#now();
    for (const i of this.#dirty) drawRow(this.#rows.get(i), this.#store.get(i), this.#icons, now);
    this.#dirty.clear();
  }

  #drawOrder() {
    this.#orderIsDue = false;
    const order = this.#store.ordered();
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
  const { text, printed } = format.detail(host);
  const next = {
    status: host.status,
    outcome: format.outcome(host),
    detail: text,
    printed,
    elapsed: format.elapsedText(host, now),
  };
  const { drawn } = row;
  if (next.status !== drawn.status) {
    row.element.className = row.element.className.replace(/\bstatus-\w+/, `status-${next.status}`);
    row.use.setAttribute("href", `#icon-${icons[next.status]}`);
  }
  if (next.outcome !== drawn.outcome) row.outcome.textContent = next.outcome;
  if (next.detail !== drawn.detail) row.detail.textContent = next.detail;
  if (next.printed !== drawn.printed) row.detail.classList.toggle("is-printed", next.printed);
  if (next.elapsed !== drawn.elapsed) row.elapsed.textContent = next.elapsed;
  row.drawn = next;
}
