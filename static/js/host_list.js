// The list of hosts: rows the server drew, kept up to date while no other view has the list's place.

import { DrawnFace } from "console/drawn_face";
import { itemsThatStay } from "console/row_order";
import { Upkeep } from "console/upkeep";

export class HostList {
  #root;
  #rows = new Map();
  #store;
  #delegate;
  #cursor = null;
  #opened = null;
  #order = [];
  #empty;
  #chosen;
  #upkeep;
  #isVisible = false;

  /** `delegate` hears hostChosen(i); `now()` is the server's time in ms; `page.chosen` has the hosts picked by hand. */
  constructor(root, { store, icons, now, delegate, empty, page }) {
    this.#root = root;
    this.#store = store;
    this.#delegate = delegate;
    this.#empty = empty;
    this.#chosen = page.chosen;
    this.#upkeep = new Upkeep(root, store, {
      isSeen: () => this.#isVisible,
      drawHost: (i) => this.#rows.get(i).face.draw(store.get(i), now()),
      drawOrder: () => this.#drawOrder(),
    });
    for (const element of root.children) {
      const i = Number(element.dataset.i);
      this.#rows.set(i, { element, face: new DrawnFace(element, "host", icons) });
      this.#upkeep.watch(element, i);
    }
    page.chosen.onChange((indexes) => this.#chosenChanged(indexes));
    // Between layout and paint: what was missed while hidden is drawn in the frame that shows the list.
    new ResizeObserver(() => this.#visibilityChanged()).observe(root.parentElement);
    root.addEventListener("click", (event) => this.#clicked(event));
    root.addEventListener("keydown", (event) => this.#pressed(event));
    this.#upkeep.orderNow();
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
    this.#upkeep.changed(indexes);
  }

  filterChanged() {
    this.#upkeep.filterChanged();
  }

  tick() {
    this.#upkeep.tick();
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
    this.#upkeep.everything();
    this.#rows.get(this.#cursor)?.element.scrollIntoView({ block: "nearest" });
  }

  #drawOrder() {
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
