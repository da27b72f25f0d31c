// A host's face in a row or tile. Touches only what differs from what is shown already.

import { lineParts, nameParts, show } from "console/cut_text";
import { faceOf } from "console/host_face";

export class DrawnFace {
  #element;
  #use;
  #parts;
  #icons;
  #drawn = null;

  /**
   * `element` has elements of the classes `prefix`-name, -outcome, -detail and -elapsed and an icon; `icons` has the
   * name of the icon by standing.
   */
  constructor(element, prefix, icons) {
    const part = (name) => element.querySelector(`.${prefix}-${name}`);
    this.#element = element;
    this.#use = element.querySelector("use");
    this.#parts = { name: part("name"), outcome: part("outcome"), detail: part("detail"), elapsed: part("elapsed") };
    this.#icons = icons;
  }

  /** Show `host` as it is at server time `now` in ms. */
  draw(host, now) {
    const face = faceOf(host, now);
    const drawn = this.#drawn ?? {};
    const { name, outcome, detail, elapsed } = this.#parts;
    if (this.#drawn === null) show(name, nameParts(host.name));
    if (face.standing !== drawn.standing) this.#drawStanding(face.standing);
    if (face.outcome !== drawn.outcome) outcome.textContent = face.outcome;
    if (face.detail !== drawn.detail) show(detail, lineParts(face.detail));
    if (face.elapsed !== drawn.elapsed) elapsed.textContent = face.elapsed;
    if (face.printed !== drawn.printed) detail.classList.toggle("is-printed", face.printed);
    if (face.stall !== drawn.stall) this.#element.classList.toggle("is-stalled", face.stall === "yes");
    if (face.hint !== drawn.hint) this.#element.title = face.hint;
    this.#drawn = face;
  }

  #drawStanding(standing) {
    this.#element.className = this.#element.className.replace(/ ?\bstatus-\w+|$/, ` status-${standing}`);
    this.#use.setAttribute("href", `#icon-${this.#icons[standing]}`);
  }
}
