// What keeps a list or grid of hosts up to date: news is collected and drawn once per frame for hosts in sight; the others
// follow. Nothing is drawn while nobody sees it, and the order waits while the pointer moves.

import { isActive } from "console/host_store";
import { CATCH_UP, Nearby } from "console/nearby";

/** Milliseconds after the pointer moved in which nothing changes its place: nobody should hit the wrong host. */
const HOLD_ORDER = 1_200;

export class Upkeep {
  #store;
  #delegate;
  #nearby;
  #dirty = new Set();
  #frame = null;
  #orderIsDue = true;
  #pointerMoved = -Infinity;

  /**
   * `root` scrolls. `delegate` has isSeen(), drawHost(i) and drawOrder(); a host is drawn only after watch() was called
   * for its element.
   */
  constructor(root, store, delegate) {
    this.#store = store;
    this.#delegate = delegate;
    this.#nearby = new Nearby(root, (indexes) => this.#drawHosts(indexes));
    root.addEventListener("pointermove", () => (this.#pointerMoved = performance.now()), { passive: true });
    root.addEventListener("pointerleave", () => (this.#pointerMoved = -Infinity));
  }

  /** Draw host i's `element` when it is in sight; unless `isDrawn`, it has to be. */
  watch(element, i, isDrawn = false) {
    if (isDrawn) this.#dirty.delete(i);
    else this.#dirty.add(i);
    this.#nearby.watch(element, i);
  }

  /** These hosts have news. */
  changed(indexes) {
    for (const i of indexes) this.#dirty.add(i);
    this.#orderIsDue = true;
    this.#draw();
  }

  /** The filter changed: show and order the hosts at once. */
  filterChanged() {
    this.#orderIsDue = true;
    this.#pointerMoved = -Infinity;
    this.#draw();
  }

  /** A second has passed: what still counts moves on, and an order that was held back is made up for. */
  tick() {
    if (!this.#delegate.isSeen()) return;
    for (const { i, status } of this.#store.all()) if (isActive(status) && this.#nearby.has(i)) this.#dirty.add(i);
    this.#drawHosts([...this.#dirty].slice(0, CATCH_UP));
    this.#orderIsDue ||= this.#store.isFiltered;
    this.#draw();
  }

  /** It is seen again: make up for all that was missed, now. */
  everything() {
    for (const { i } of this.#store.all()) this.#dirty.add(i);
    this.#orderIsDue = true;
    this.#pointerMoved = -Infinity;
    this.#flush();
  }

  /** Bring the order up to date, if it is not. */
  orderNow() {
    if (!this.#orderIsDue) return;
    this.#orderIsDue = false;
    this.#delegate.drawOrder();
  }

  #draw() {
    if (!this.#delegate.isSeen()) return;
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      if (this.#delegate.isSeen()) this.#flush();
    });
  }

  #flush() {
    this.#drawHosts([...this.#dirty].filter((i) => this.#nearby.has(i)));
    if (performance.now() - this.#pointerMoved > HOLD_ORDER) this.orderNow();
  }

  #drawHosts(indexes) {
    for (const i of indexes) if (this.#dirty.delete(i)) this.#delegate.drawHost(i);
  }
}
