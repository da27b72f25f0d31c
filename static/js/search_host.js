// One host among the results of a search: its head, and its lines as far as they are opened.

import { number, outcome, standing } from "console/format";
import { countText } from "console/search_hits";
import { lineLink } from "console/search_lines";

/** Lines a host shows before somebody asks for the rest of them. */
export const FEW = 3;

export class SearchHost {
  #head;
  #lines;
  #found;
  #shown = 0;
  #linkTo;

  /** `found` is a host of SearchHits; `linkTo(lines)` the address of lines {from, to} of it. */
  constructor(template, found, linkTo) {
    this.element = template.content.firstElementChild.cloneNode(true);
    this.#head = this.element.querySelector(".found-head");
    this.#lines = this.element.querySelector(".found-lines");
    this.#linkTo = linkTo;
    this.#found = found;
    this.element.dataset.i = found.i;
    this.element.querySelector(".found-name").textContent = found.name;
    this.#lines.setAttribute("aria-label", `Lines of ${found.name}`);
  }

  get isOpen() {
    return this.#shown > 0;
  }

  /** How many lines are drawn. */
  get drawn() {
    return this.#lines.querySelectorAll(".found-line").length;
  }

  /** Draw how the host stands. */
  drawState(host, icons) {
    this.element.className = `found-host status-${standing(host)}`;
    this.element.querySelector("use").setAttribute("href", `#icon-${icons[standing(host)]}`);
    this.element.querySelector(".found-outcome").textContent = outcome(host);
  }

  /** Take over more hits. */
  add(found) {
    this.#found = found;
    this.element.querySelector(".found-count").textContent = countText(found.count, found.more);
    if (this.isOpen) this.#draw();
  }

  /** Show the first few lines, or with `all` every line that is known. */
  open(all = false) {
    this.#shown = all ? Infinity : FEW;
    this.#draw();
  }

  close() {
    this.#shown = 0;
    this.#draw();
  }

  #draw() {
    const { hits, count, more } = this.#found;
    const shown = hits.slice(0, this.#shown);
    this.#head.setAttribute("aria-expanded", String(this.isOpen));
    this.#lines.hidden = !this.isOpen;
    const rows = this.isOpen ? shown.map((hit) => this.#row(hit)) : [];
    const left = count - shown.length;
    if (this.isOpen && left > 0) rows.push(this.#rest(hits.length - shown.length, left, more));
    this.#lines.replaceChildren(...rows);
  }

  #row(hit) {
    const item = document.createElement("li");
    item.append(lineLink(hit, this.#linkTo({ from: hit.line, to: hit.line })));
    return item;
  }

  /** What is not drawn: lines that are known open here, the others in the log itself. */
  #rest(known, left, more) {
    const item = Object.assign(document.createElement("li"), { className: "found-rest" });
    if (known > 0) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "found-more link-button" });
      button.textContent = `${number(known)} more ${known === 1 ? "line" : "lines"}`;
      item.append(button);
    } else {
      item.textContent = `${number(left)}${more ? "+" : ""} more in this host: make the search narrower to see them`;
    }
    return item;
  }
}
