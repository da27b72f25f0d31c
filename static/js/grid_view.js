// The status grid: a tile for every host, failures first. All changes are collected and drawn once per frame for tiles in
// sight; the others follow.

import { standing } from "console/format";
import { neighbour } from "console/grid_layout";
import { isActive } from "console/host_store";
import { CATCH_UP, Nearby } from "console/nearby";
import { Tile } from "console/tile";
import { TileGroups } from "console/tile_groups";

/** While the pointer moves over the grid, tiles stay where they are: nobody should hit the wrong one. */
const HOLD_ORDER = 1_200;
/** From so many hosts on, tiles are small. */
const MANY = 49;

export class GridView {
  #page;
  #root;
  #empty;
  #template;
  #tiles = new Map();
  #groups;
  #nearby;
  #dirty = new Set();
  #frame = null;
  #isShown = false;
  #orderIsDue = true;
  #pointerMoved = -Infinity;
  #cursor = null;
  #anchor = null;
  #opened = null;

  constructor(root, page) {
    const part = (name) => root.querySelector(`[data-grid="${name}"]`);
    this.#page = page;
    this.#root = part("tiles");
    this.#empty = part("empty");
    this.#template = part("tile");
    this.#root.classList.toggle("is-dense", page.store.size >= MANY);
    this.#nearby = new Nearby(this.#root, (indexes) => this.#drawTiles(indexes));
    this.#groups = new TileGroups(this.#root, part("group"), {
      elementOf: (i) => this.#tile(i).element,
      statusOf: (i) => standing(page.store.get(i)),
    });
    this.#listen(part("clear"));
    page.chosen.onChange((indexes) => this.#chosenChanged(indexes));
  }

  keys = {
    ArrowLeft: (event) => this.#moveOn(event),
    ArrowRight: (event) => this.#moveOn(event),
    ArrowUp: (event) => this.#moveOn(event),
    ArrowDown: (event) => this.#moveOn(event),
    Home: (event) => this.#moveOn(event),
    End: (event) => this.#moveOn(event),
    j: () => this.#move("ArrowRight"),
    k: () => this.#move("ArrowLeft"),
    Enter: (event) => {
      if (isOnControl(event) || this.#cursor === null) return false;
      this.#open(this.#cursor);
      return true;
    },
    x: () => this.#cursor !== null && this.#toggle(this.#cursor),
    X: () => this.#page.chosen.set(this.#page.store.ordered()),
  };

  shown() {
    this.#isShown = true;
    this.#orderIsDue = true;
    if (this.#opened !== this.#page.opened) this.#openedChanged();
    for (const host of this.#page.store.all()) this.#dirty.add(host.i);
    this.#pointerMoved = -Infinity;
    this.#flush();
  }

  hidden() {
    this.#isShown = false;
  }

  hostsChanged(indexes) {
    for (const i of indexes) this.#dirty.add(i);
    this.#orderIsDue = true;
    this.#draw();
  }

  filterChanged() {
    this.#orderIsDue = true;
    this.#pointerMoved = -Infinity;
    this.#draw();
  }

  hostOpened() {
    this.#openedChanged();
  }

  /** Take the keyboard, at host `i` if one is given; a grid that was empty is there again first. */
  focus(i = null) {
    if (this.#orderIsDue) this.#drawOrder();
    this.#root.focus();
    if (i !== null) this.#setCursor(i);
  }

  /** A second has passed: what still counts moves on, and an order that was held back is made up for. */
  tick() {
    for (const { i, status } of this.#page.store.all()) if (isActive(status) && this.#nearby.has(i)) this.#dirty.add(i);
    this.#drawTiles([...this.#dirty].slice(0, CATCH_UP));
    this.#orderIsDue ||= this.#page.store.isFiltered;
    this.#draw();
  }

  // ---- Drawing ----

  #draw() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      if (this.#isShown) this.#flush();
    });
  }

  #flush() {
    this.#drawTiles([...this.#dirty].filter((i) => this.#nearby.has(i)));
    if (this.#orderIsDue && performance.now() - this.#pointerMoved > HOLD_ORDER) this.#drawOrder();
  }

  #drawTiles(indexes) {
    const now = this.#page.now();
    for (const i of indexes) {
      if (!this.#dirty.delete(i)) continue;
      this.#tile(i).draw(this.#page.store.get(i), now);
    }
  }

  #drawOrder() {
    this.#orderIsDue = false;
    const order = this.#page.store.ordered();
    this.#groups.arrange(order);
    this.#empty.hidden = order.length > 0;
    this.#root.hidden = order.length === 0;
  }

  /** Host i's tile, made when it is first asked for. */
  #tile(i) {
    const known = this.#tiles.get(i);
    if (known) return known;
    const { store, icons, chosen, now } = this.#page;
    const tile = new Tile(this.#template, store.get(i), icons);
    tile.draw(store.get(i), now());
    if (chosen.has(i)) tile.isChosen = true;
    this.#tiles.set(i, tile);
    this.#dirty.delete(i);
    this.#nearby.watch(tile.element, i);
    return tile;
  }

  #chosenChanged(indexes) {
    for (const i of indexes) {
      const tile = this.#tiles.get(i);
      if (tile) tile.isChosen = this.#page.chosen.has(i);
    }
  }

  #openedChanged() {
    const { opened } = this.#page;
    if (this.#tiles.has(this.#opened)) this.#tiles.get(this.#opened).isOpened = false;
    if (opened !== null) this.#tile(opened).isOpened = true;
    this.#opened = opened;
  }

  // ---- What somebody does ----

  #listen(clear) {
    this.#root.addEventListener("click", (event) => this.#clicked(event));
    this.#root.addEventListener("pointermove", () => (this.#pointerMoved = performance.now()), { passive: true });
    this.#root.addEventListener("pointerleave", () => (this.#pointerMoved = -Infinity));
    // A shift-click chooses hosts; it should not select text as well.
    this.#root.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
    clear.addEventListener("click", () => {
      document.getElementById("clear-filter").click();
    });
  }

  #clicked(event) {
    const element = event.target.closest("[data-i]");
    if (!element) return;
    const i = Number(element.dataset.i);
    this.#setCursor(i);
    if (event.shiftKey) this.#chooseTo(i);
    else if (event.ctrlKey || event.metaKey) this.#toggle(i);
    else this.#open(i);
  }

  #open(i) {
    this.#page.open(i, { isAsked: true });
  }

  #toggle(i) {
    this.#anchor = i;
    this.#page.chosen.toggle(i);
  }

  /** Choose everything from where somebody chose last up to here. */
  #chooseTo(i) {
    const order = this.#page.store.ordered();
    const ends = [order.indexOf(this.#anchor ?? i), order.indexOf(i)].map((at) => Math.max(at, 0));
    const between = order.slice(Math.min(...ends), Math.max(...ends) + 1);
    this.#page.chosen.set([...this.#page.chosen.values(), ...between]);
    this.#anchor = i;
  }

  #moveOn(event) {
    if (isOnControl(event)) return false;
    return this.#move(event.key);
  }

  #move(key) {
    const next = neighbour(this.#groups.arranged, this.#groups.columns, this.#cursor, key);
    if (next !== null) this.#setCursor(next);
    return true;
  }

  #setCursor(i) {
    if (this.#cursor !== null) this.#tile(this.#cursor).isCursor = false;
    this.#cursor = i;
    const tile = this.#tile(i);
    tile.isCursor = true;
    tile.element.scrollIntoView({ block: "nearest" });
    this.#root.setAttribute("aria-activedescendant", tile.element.id);
  }
}

const isOnControl = (event) => event.target.closest?.("a, button, summary, select") != null;
