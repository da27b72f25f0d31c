// A box that finds commands by a few letters: a field over a list, the keys of both, and what screen readers need.
//
// A command is {label, kind, detail?, words?, icon?, status?, run}: `kind` says what it is in a word, `detail` stands at
// the right, `words` are found, too, `icon` is an SVG element to copy, `status` colours it, `run()` does it.

import { number } from "console/format";
import { rank } from "console/fuzzy";

/** Commands shown at a time: nobody reads further, they type another letter. */
const MOST_SHOWN = 60;

let boxes = 0;

export class CommandBox {
  #dialog;
  #source;
  #prompt;
  #found = [];
  #at = 0;
  #all = [];
  #input;
  #list;
  #count;
  #id;

  /**
   * `dialog` is filled. `all()` gives the commands when the box opens; `named(query)` those that only a query names;
   * `prompt` says what can be found.
   */
  constructor(dialog, { all, named = () => [], prompt = "Find a page, a run or an action" }) {
    this.#dialog = dialog;
    this.#prompt = prompt;
    this.#source = { all, named };
    boxes += 1;
    this.#id = `commands-${boxes}`;
    this.#build();
    this.#listen();
  }

  open() {
    this.#input.value = "";
    this.#all = this.#source.all();
    this.#find();
    this.#dialog.showModal();
    this.#input.focus();
  }

  toggle() {
    if (this.#dialog.open) this.#dialog.close();
    else if (!document.querySelector("dialog[open]")) this.open();
  }

  // ---- Building ----

  #build() {
    this.#input = element("input", "palette-field", {
      type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", "aria-expanded": "true",
      "aria-autocomplete": "list", "aria-controls": this.#id, "aria-label": this.#prompt,
      placeholder: this.#prompt, enterkeyhint: "go",
    });
    this.#list = element("ul", "palette-list", { id: this.#id, role: "listbox", "aria-label": "What was found" });
    this.#count = element("p", "palette-count", { role: "status" });
    const foot = element("div", "palette-foot");
    foot.append(this.#count, ...keysHelp());
    this.#dialog.replaceChildren(this.#input, this.#list, foot);
  }

  #listen() {
    this.#input.addEventListener("input", () => this.#find());
    this.#dialog.addEventListener("keydown", (event) => this.#keyPressed(event));
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
      const place = event.target.closest?.("[role=option]")?.dataset.place;
      if (place !== undefined) this.#run(Number(place));
    });
    // Not "mouseover": a list that moves under a resting pointer must not choose.
    this.#list.addEventListener("pointermove", (event) => {
      const place = event.target.closest("[role=option]")?.dataset.place;
      if (place !== undefined && Number(place) !== this.#at) this.#moveTo(Number(place), false);
    });
    // Before everybody else: terminals and fields would take the key.
    document.addEventListener("keydown", (event) => {
      const isAsked = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k";
      if (!isAsked) return;
      event.preventDefault();
      event.stopPropagation();
      this.toggle();
    }, true);
  }

  #keyPressed(event) {
    if (event.isComposing) return;
    const page = Math.max(1, Math.floor(this.#list.clientHeight / 36) - 1);
    const places = {
      ArrowDown: this.#at + 1, ArrowUp: this.#at - 1, PageDown: Math.min(this.#at + page, this.#found.length - 1),
      PageUp: Math.max(this.#at - page, 0),
    };
    if (event.ctrlKey && event.key === "n") places.n = this.#at + 1;
    if (event.ctrlKey && event.key === "p") places.p = this.#at - 1;
    if (Object.hasOwn(places, event.key)) {
      event.preventDefault();
      const { length } = this.#found;
      if (length > 0) this.#moveTo((places[event.key] + length) % length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#run(this.#at);
    }
    // The page behind has keys of its own.
    if (event.key !== "Escape") event.stopPropagation();
  }

  // ---- Finding ----

  #find() {
    const query = this.#input.value.trim();
    const ranked = rank(query, [...this.#all, ...this.#source.named(query)]);
    this.#found = ranked.slice(0, MOST_SHOWN);
    this.#list.replaceChildren(...this.#found.map((found, place) => this.#option(found, place)));
    this.#count.textContent = countWords(ranked.length, this.#found.length);
    this.#list.scrollTop = 0;
    this.#moveTo(0);
  }

  #option({ item, at }, place) {
    const option = element("li", `palette-option${item.status ? ` status-${item.status}` : ""}`, {
      role: "option", id: `${this.#id}-${place}`, "data-place": place, "aria-selected": "false",
    });
    const label = element("span", "palette-label");
    label.append(...marked(item.label, at));
    const kind = element("span", "palette-kind");
    kind.textContent = item.detail ? `${item.kind} · ${item.detail}` : item.kind;
    option.append(item.icon ? iconCopy(item.icon) : element("span", "icon", { "aria-hidden": "true" }), label, kind);
    return option;
  }

  #moveTo(place, isScrolled = true) {
    this.#list.children[this.#at]?.setAttribute("aria-selected", "false");
    this.#at = place;
    const option = this.#list.children[place];
    if (!option) {
      this.#input.removeAttribute("aria-activedescendant");
      return;
    }
    option.setAttribute("aria-selected", "true");
    this.#input.setAttribute("aria-activedescendant", option.id);
    if (isScrolled) option.scrollIntoView({ block: "nearest" });
  }

  #run(place) {
    const chosen = this.#found[place];
    if (!chosen) return;
    this.#dialog.close();
    chosen.item.run();
  }
}

function countWords(all, shown) {
  if (all === 0) return "Nothing is called like this.";
  return all > shown ? `the best ${shown} of ${number(all)}` : `${number(all)} found`;
}

function keysHelp() {
  return [["↑↓", "choose"], ["Enter", "do it"], ["Esc", "close"]].map(([key, words]) => {
    const help = element("span", "palette-help");
    const name = element("kbd", "");
    name.textContent = key;
    help.append(name, ` ${words}`);
    return help;
  });
}

/** The text with the letters at these places marked. Text nodes only: names come from outside. */
function marked(text, at) {
  const places = new Set(at);
  const parts = [];
  for (let start = 0; start < text.length; ) {
    let end = start + 1;
    while (end < text.length && places.has(end) === places.has(start)) end += 1;
    const part = document.createElement(places.has(start) ? "mark" : "span");
    part.textContent = text.slice(start, end);
    parts.push(part);
    start = end;
  }
  return parts;
}

function iconCopy(icon) {
  const copy = icon.cloneNode(true);
  copy.setAttribute("aria-hidden", "true");
  return copy;
}

function element(name, className, attributes = {}) {
  const made = document.createElement(name);
  if (className) made.className = className;
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}
