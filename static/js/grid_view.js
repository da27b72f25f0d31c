// The status grid: a tile for every host, failures first.

import { standing } from "console/format";
import { neighbour } from "console/grid_layout";
import { Tile } from "console/tile";
import { TileGroups } from "console/tile_groups";
import { Upkeep } from "console/upkeep";

/** From so many hosts on, tiles are small. */
const MANY = 49;

export class GridView {
  #page;
  #root;
  #empty;
  #template;
  #tiles = new Map();
  #groups;
  #upkeep;
  #isShown = false;
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
    this.#upkeep = new Upkeep(this.#root, page.store, {
      isSeen: () => this.#isShown,
      drawHost: (i) => this.#tile(i).draw(page.store.get(i), page.now()),
      drawOrder: () => this.#drawOrder(),
    });
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
    if (this.#opened !== this.#page.opened) this.#openedChanged();
    this.#upkeep.everything();
  }

  hidden() {
    this.#isShown = false;
  }

  hostsChanged(indexes) {
    this.#upkeep.changed(indexes);
  }

  filterChanged() {
    this.#upkeep.filterChanged();
  }

  hostOpened() {
    this.#openedChanged();
  }

  /** Take the keyboard, at host `i` if one is given; a grid that was empty is there again first. */
  focus(i = null) {
    this.#upkeep.orderNow();
    this.#root.focus();
    if (i !== null) this.#setCursor(i);
  }

  tick() {
    this.#upkeep.tick();
  }

  // ---- Drawing ----

  #drawOrder() {
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
    this.#upkeep.watch(tile.element, i, true);
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
