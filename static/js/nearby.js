// Which of many elements are in sight, or nearly: only those are worth drawing at once.

/** Elements so many pixels beyond the edge count, so that scrolling finds them drawn. */
const MARGIN = "200px";

/** The others follow, so many a second: the browser's own search and screen readers read them, too. */
export const CATCH_UP = 200;

export class Nearby {
  #near = new Set();
  #indexes = new WeakMap();
  #observer;

  /** `came(indexes)` hears what came into sight of the scrolling element `root`. */
  constructor(root, came) {
    this.#observer = new IntersectionObserver((entries) => {
      const arrived = [];
      for (const { target, isIntersecting } of entries) {
        const i = this.#indexes.get(target);
        if (!isIntersecting) this.#near.delete(i);
        else if (!this.#near.has(i)) arrived.push(this.#add(i));
      }
      if (arrived.length > 0) came(arrived);
    }, { root, rootMargin: MARGIN });
  }

  /** Watch `element` of host `i`. */
  watch(element, i) {
    this.#indexes.set(element, i);
    this.#observer.observe(element);
  }

  has(i) {
    return this.#near.has(i);
  }

  #add(i) {
    this.#near.add(i);
    return i;
  }
}
