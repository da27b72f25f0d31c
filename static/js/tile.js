// One host in the status grid. Touches only what differs from what it shows already.

import { faceOf } from "console/host_face";

export class Tile {
  #use;
  #parts;
  #icons;
  #drawn = {};

  /** `template` is the markup of a tile, `icons` the name of the icon by status. */
  constructor(template, host, icons) {
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.id = `tile-${host.i}`;
    this.element.dataset.i = host.i;
    const [icon, name, elapsed, outcome, detail] = this.element.children;
    name.textContent = host.name;
    this.#use = icon.firstElementChild;
    this.#parts = { elapsed, outcome, detail };
    this.#icons = icons;
  }

  /** Show `host` as it is at server time `now`. */
  draw(host, now) {
    const face = faceOf(host, now);
    const drawn = this.#drawn;
    if (face.status !== drawn.status) {
      this.element.className = this.element.className.replace(/ ?\bstatus-\w+|$/, ` status-${face.status}`);
      this.#use.setAttribute("href", `#icon-${this.#icons[face.status]}`);
    }
    for (const [name, part] of Object.entries(this.#parts)) {
      if (face[name] !== drawn[name]) part.textContent = face[name];
    }
    if (face.stall !== drawn.stall) this.element.classList.toggle("is-stalled", face.stall === "yes");
    if (face.printed !== drawn.printed) this.#parts.detail.classList.toggle("is-printed", face.printed);
    if (face.hint !== drawn.hint) this.element.title = face.hint;
    this.#drawn = face;
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
