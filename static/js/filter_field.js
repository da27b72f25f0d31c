// The field that filters the hosts, and how it hands the keyboard over to them.

import { number } from "console/format";

export class FilterField {
  #page;
  #input = document.getElementById("host-filter");
  #count = document.getElementById("filter-count");
  #focusHosts;

  /** `focusHosts(i)` gives the keyboard to whatever shows the hosts, at host `i` if one is given. */
  constructor(page, focusHosts) {
    this.#page = page;
    this.#focusHosts = focusHosts;
    this.#input.addEventListener("input", () => {
      page.store.filterText(this.#input.value);
      page.filterChanged();
    });
    this.#input.addEventListener("keydown", (event) => this.#pressed(event));
    document.getElementById("clear-filter").addEventListener("click", () => {
      this.clear();
      focusHosts();
    });
  }

  /** Begin to write a filter, over the one that is there. */
  begin() {
    this.#input.select();
    this.#input.focus();
  }

  /** Show all hosts again; false when they were shown already. */
  clear() {
    const { store } = this.#page;
    if (!store.isFiltered) return false;
    store.clearFilter();
    this.#input.value = "";
    this.#page.filterChanged();
    return true;
  }

  /** Say how many hosts are left. */
  drawCount() {
    const { store } = this.#page;
    const text = !store.isFiltered
      ? ""
      : store.isAskingForOutput ? "searching…" : `${number(store.ordered().length)} of ${number(store.size)}`;
    if (this.#count.textContent !== text) this.#count.textContent = text;
  }

  #pressed(event) {
    if (event.key === "Escape") return this.#leave(event);
    if (event.key !== "ArrowDown" && event.key !== "Enter") return;
    event.preventDefault();
    const [first] = this.#page.store.ordered();
    if (first === undefined) return;
    this.#focusHosts(first);
    if (event.key === "Enter") this.#page.open(first, { isAsked: true });
  }

  /** One key back to the hosts: letters mean keys again. */
  #leave(event) {
    event.preventDefault();
    this.clear();
    this.#focusHosts();
  }
}
