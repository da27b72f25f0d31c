// What can be done with the hosts somebody chose.

import { asRanges } from "console/chosen";
import * as format from "console/format";

export class ChosenBar {
  #root;
  #page;
  #count = document.createElement("strong");
  #again = null;

  constructor(root, page) {
    this.#root = root;
    this.#page = page;
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Chosen hosts");
    root.append(this.#count);
    if (page.settings.mayStart) {
      this.#again = control("a", "Run again", "Start a new run on exactly these hosts");
      root.append(this.#again);
    }
    const merged = control("button", "Merged view", "Read the output of these hosts together");
    merged.addEventListener("click", () => page.show("merged"));
    const clear = control("button", "Clear", "Choose no host");
    clear.addEventListener("click", () => page.chosen.clear());
    root.append(merged, clear);
    page.chosen.onChange(() => this.#draw());
    this.#draw();
  }

  #draw() {
    const { chosen } = this.#page;
    this.#root.hidden = chosen.size === 0;
    this.#count.textContent = `${format.number(chosen.size)} chosen`;
    if (this.#again) this.#again.href = this.#page.again({ hosts: asRanges(chosen.values()) });
  }
}

function control(kind, text, title) {
  const element = document.createElement(kind);
  if (kind === "button") element.type = "button";
  element.className = "btn btn-quiet";
  element.textContent = text;
  element.title = title;
  return element;
}
