// One host in the status grid.

import { DrawnFace } from "console/drawn_face";

export class Tile {
  #face;

  /** `template` is the markup of a tile, `icons` the name of the icon by standing. */
  constructor(template, host, icons) {
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.id = `tile-${host.i}`;
    this.element.dataset.i = host.i;
    this.#face = new DrawnFace(this.element, "tile", icons);
  }

  /** Show `host` as it is at server time `now`. */
  draw(host, now) {
    this.#face.draw(host, now);
  }

  set isChosen(value) {
    this.element.classList.toggle("is-chosen", value);
    this.element.setAttribute("aria-checked", String(value));
  }

  set isOpened(value) {
    this.element.setAttribute("aria-selected", String(value));
  }

  set isCursor(value) {
    this.element.classList.toggle("is-cursor", value);
  }
}
