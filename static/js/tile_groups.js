// The tiles on the page: a heading and a field of tiles for each group, moved as little as possible.

import * as format from "console/format";
import { groupsOf, headingOf } from "console/grid_layout";
import { itemsThatStay } from "console/row_order";

export class TileGroups {
  #root;
  #template;
  #elementOf;
  #statusOf;
  #groups = new Map();
  #order = null;
  #arranged = [];

  /** `elementOf(i)` gives host i's tile, `statusOf(i)` its status; `template` is the markup of a group. */
  constructor(root, template, { elementOf, statusOf }) {
    this.#root = root;
    this.#template = template;
    this.#elementOf = elementOf;
    this.#statusOf = statusOf;
  }

  /** [[group, indexes], …] as they stand. */
  get arranged() {
    return this.#arranged;
  }

  /** How many tiles stand beside each other. */
  get columns() {
    const [first] = this.#arranged;
    return first ? getComputedStyle(this.#groups.get(first[0]).body).gridTemplateColumns.split(" ").length : 1;
  }

  /** Put the hosts into this order; the same array again changes nothing. */
  arrange(order) {
    if (order === this.#order) return;
    this.#order = order;
    this.#arranged = groupsOf(order, this.#statusOf);
    this.#dropOthers(new Set(order));
    const names = this.#arranged.map(([name]) => name);
    let next = null;
    for (const [name, hosts] of this.#arranged.toReversed()) {
      const group = this.#groups.get(name) ?? this.#addGroup(name);
      this.#fill(group, hosts);
      this.#head(group, name, hosts);
      if (group.element.nextElementSibling !== next || !group.element.isConnected) {
        this.#root.insertBefore(group.element, next);
      }
      next = group.element;
    }
    for (const [name, group] of this.#groups) if (!names.includes(name)) this.#close(group);
  }

  #addGroup(name) {
    const element = this.#template.content.firstElementChild.cloneNode(true);
    element.classList.add(`status-${name}`);
    const group = { element, heading: element.firstElementChild, body: element.lastElementChild, order: [], title: "" };
    this.#groups.set(name, group);
    return group;
  }

  #fill(group, hosts) {
    if (group.order.length === 0) {
      group.body.append(...hosts.map((i) => this.#elementOf(i)));
    } else {
      const stay = itemsThatStay(group.order, hosts);
      let next = null;
      for (const i of hosts.toReversed()) {
        const element = this.#elementOf(i);
        if (!stay.has(i)) group.body.insertBefore(element, next);
        next = element;
      }
    }
    group.order = hosts;
  }

  #head(group, name, hosts) {
    const title = format.countsText(headingOf(name, hosts.map(this.#statusOf)));
    if (title === group.title) return;
    group.title = title;
    group.heading.textContent = title;
    group.element.setAttribute("aria-label", title);
  }

  /** Take the tiles away that are not shown any more. */
  #dropOthers(shown) {
    for (const { order } of this.#groups.values()) {
      for (const i of order) if (!shown.has(i)) this.#elementOf(i).remove();
    }
  }

  #close(group) {
    group.order = [];
    group.element.remove();
  }
}
