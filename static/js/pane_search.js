// Finding text in what a terminal holds: a small bar over it.

import { SearchAddon } from "@xterm/addon-search";
import * as format from "console/format";

/** Matches that are marked: each marked line costs time with every further line. */
const MOST_MARKED = 200;
const COLOURS = {
  matchBackground: "#4a3f14", matchBorder: "#8a7425", matchOverviewRuler: "#8a7425",
  activeMatchBackground: "#a8670f", activeMatchBorder: "#ffd166", activeMatchColorOverviewRuler: "#ffd166",
};
const OPTIONS = { decorations: COLOURS };

export class PaneSearch {
  #bar;
  #field;
  #count;
  #closed;
  #addon = null;

  /** `bar` is a form with a field and buttons data-search="previous | next | close"; `closed()` hears of its end. */
  constructor(bar, closed) {
    this.#bar = bar;
    this.#field = bar.querySelector("input");
    this.#count = bar.querySelector("output");
    this.#closed = closed;
    this.#field.addEventListener("input", () => this.#find("findNext", { incremental: true }));
    bar.addEventListener("submit", (event) => event.preventDefault());
    bar.addEventListener("keydown", (event) => this.#pressed(event));
    const on = (name, action) => bar.querySelector(`[data-search="${name}"]`).addEventListener("click", action);
    on("previous", () => this.#find("findPrevious"));
    on("next", () => this.#find("findNext"));
    on("close", () => this.close());
  }

  get isOpen() {
    return !this.#bar.hidden;
  }

  /** Search in `terminal` from now on, or in none. */
  use(terminal) {
    this.#addon = null;
    if (!terminal) return;
    this.#addon = new SearchAddon({ highlightLimit: MOST_MARKED });
    this.#addon.onDidChangeResults((found) => this.#showCount(found));
    terminal.loadAddon(this.#addon);
    if (this.isOpen) this.#showCount(null);
  }

  open() {
    this.#bar.hidden = false;
    this.#field.focus();
    this.#field.select();
    if (this.#field.value) this.#find("findNext", { incremental: true });
  }

  close() {
    this.#bar.hidden = true;
    this.#addon?.clearDecorations();
    this.#closed();
  }

  #pressed(event) {
    if (event.key === "Enter" && event.target === this.#field) {
      event.preventDefault();
      this.#find(event.shiftKey ? "findPrevious" : "findNext");
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    }
  }

  #find(method, more = {}) {
    if (!this.#field.value) {
      this.#addon?.clearDecorations();
      this.#showCount(null);
    } else this.#addon?.[method](this.#field.value, { ...OPTIONS, ...more });
  }

  #showCount(found) {
    this.#count.textContent = found && this.#field.value ? countWords(found) : "";
  }
}

/** "3 of 12", "none", or "200 and more" where not all are counted. */
export function countWords({ resultIndex, resultCount }) {
  if (resultCount === 0) return "none";
  const count = resultCount >= MOST_MARKED ? `${format.number(MOST_MARKED)} and more` : format.number(resultCount);
  return resultIndex === -1 ? count : `${format.number(resultIndex + 1)} of ${count}`;
}
