// The picker on the new-run page: chips for groups and tags, a searchable list, and a box for pasted names.
// Without it the page has check boxes and a text field; it takes over whatever was chosen there.

import { number } from "console/format";
import { ServerSelection, parseNames } from "console/server_selection";

const ROWS = 200;
/** Milliseconds of rest in typing names before they are picked. */
const REST = 300;

/** `delegate` hears selectionChanged(). */
export class ServerPicker {
  constructor(form, servers, delegate) {
    this.form = form;
    this.delegate = delegate;
    this.selection = new ServerSelection(servers);
    this.root = form.querySelector("[data-pick]");
    this.list = form.querySelector("[data-list]");
    this.search = form.elements.search;
    this.names = form.elements.names;
    this.shown = ROWS;
    this.onlyPicked = false;
    this.anchor = null;
    /** Names picked because they stand in the box, while it is typed in. */
    this.typed = new Set();
    this.told = "";
  }

  start() {
    this.#takeOver();
    this.#buildChips();
    this.#buildList();
    this.#listen();
    this.root.classList.add("has-picker");
    this.#draw();
  }

  /** What the server rendered or the person chose before this script ran becomes the selection. */
  #takeOver() {
    const checked = (kind) => [...this.root.querySelectorAll(`[name=${kind}]:checked`)].map((box) => box.value);
    for (const kind of ["groups", "tags"]) {
      for (const label of checked(kind)) this.selection.add(this.selection.membersOf(kind, label));
    }
    // Whoever is typing there is still looking for servers, and would be surprised to find them picked.
    if (document.activeElement !== this.search) {
      if (this.search.value.trim()) this.selection.add(this.selection.matching(this.search.value).map((row) => row.name));
      this.search.value = "";
    }
    // From here on the search only narrows the list; what it picked is in the selection by name.
    this.search.removeAttribute("name");
    const gone = this.selection.add(parseNames(this.form.elements.picked.value));
    // Somebody may be writing there already: what is written is read when it rests, as later on.
    const isWriting = document.activeElement === this.names;
    const unknown = isWriting ? [this.names.value] : this.selection.add(parseNames(this.names.value));
    this.names.value = [...gone, ...unknown].join("\n");
    if (isWriting) this.typing = setTimeout(() => this.#readNames(), REST);
  }

  #buildChips() {
    this.chips = [];
    for (const kind of ["groups", "tags"]) {
      const labels = [...this.selection.members[kind].keys()];
      const box = this.root.querySelector(`[data-labels=${kind}]`);
      if (!box) continue;
      const legend = box.querySelector("legend");
      box.replaceChildren(legend, ...labels.map((label) => this.#chip(kind, label)));
    }
  }

  #chip(kind, label) {
    const chip = element("button", { type: "button", className: "chip label-chip" });
    const count = element("span", { className: "count" });
    chip.append(element("span", { textContent: label }), count);
    chip.addEventListener("click", () => {
      this.selection.toggleAll(this.selection.membersOf(kind, label));
      this.#changed();
    });
    this.chips.push({ chip, count, names: this.selection.membersOf(kind, label) });
    return chip;
  }

  #buildList() {
    this.all = element("input", { type: "checkbox", className: "form-check-input" });
    this.allText = element("span");
    const all = element("label", { className: "pick-all" });
    all.append(this.all, this.allText);
    this.tabs = this.root.querySelector("[data-tabs]");
    this.tabs.setAttribute("role", "group");
    this.tabs.setAttribute("aria-label", "Which servers to list");
    this.tabAll = element("button", { type: "button", textContent: "All" });
    this.tabPicked = element("button", { type: "button" });
    this.tabs.append(this.tabAll, this.tabPicked);
    this.rows = element("div", { className: "server-rows" });
    this.rows.setAttribute("role", "group");
    this.rows.setAttribute("aria-label", "Servers");
    this.more = element("button", { type: "button", className: "btn btn-quiet server-more" });
    this.list.append(all, this.rows);
    this.list.hidden = this.tabs.hidden = false;
  }

  #listen() {
    this.search.addEventListener("input", () => this.#narrow());
    this.search.addEventListener("keydown", (event) => {
      // Enter in a search field would submit the form, that is start the run.
      if (event.key === "Enter") event.preventDefault();
      if (event.key === "ArrowDown" || event.key === "Enter") this.rows.querySelector("input")?.focus();
    });
    this.tabAll.addEventListener("click", () => this.#show(false));
    this.tabPicked.addEventListener("click", () => this.#show(true));
    this.all.addEventListener("change", () => {
      this.selection.toggleAll(this.found.map((server) => server.name));
      this.#changed();
    });
    this.more.addEventListener("click", () => {
      this.shown += ROWS;
      this.#draw();
    });
    this.rows.addEventListener("click", (event) => this.#clicked(event));
    this.rows.addEventListener("keydown", (event) => this.#moved(event));
    this.names.addEventListener("change", () => this.takeNames());
    this.names.addEventListener("paste", () => setTimeout(() => this.takeNames()));
    this.names.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.#readNames(), REST);
    });
    this.form.querySelector("[data-clear]").addEventListener("click", () => {
      this.selection.clear();
      this.onlyPicked = false;
      this.#changed();
    });
  }

  /** Known names in the box become picks; unknown ones stay in it, so that they can be corrected. */
  takeNames() {
    clearTimeout(this.typing);
    this.#readNames();
    this.typed.clear();
    if (this.names.value.trim()) this.names.value = this.unknownNames();
  }

  /** What stands in the box and is no server's name. */
  unknownNames() {
    return this.selection.meantBy(parseNames(this.names.value)).unknown.join("\n");
  }

  /** Pick what is typed and leave the text alone: web1 may be on its way to web10, and is put back then. */
  #readNames() {
    const { names } = this.selection.meantBy(parseNames(this.names.value));
    this.selection.remove([...this.typed].filter((name) => !names.includes(name)));
    this.typed = new Set(names.filter((name) => this.typed.has(name) || !this.selection.has(name)));
    this.selection.add(names);
    const told = JSON.stringify([[...this.selection.picked], this.unknownNames()]);
    if (told === this.told) return;
    this.told = told;
    this.#changed();
  }

  #narrow() {
    this.shown = ROWS;
    this.#draw();
    this.rows.scrollTop = 0;
  }

  #show(onlyPicked) {
    this.onlyPicked = onlyPicked;
    this.#narrow();
  }

  #clicked(event) {
    const box = event.target.closest("input");
    if (!box) return;
    const names = this.found.map((server) => server.name);
    const [from, to] = [names.indexOf(this.anchor), names.indexOf(box.value)];
    const range = event.shiftKey && from >= 0 ? names.slice(Math.min(from, to), Math.max(from, to) + 1) : [box.value];
    if (box.checked) this.selection.add(range);
    else this.selection.remove(range);
    this.anchor = box.value;
    this.#changed();
  }

  #moved(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const boxes = [...this.rows.querySelectorAll("input")];
    const next = boxes[boxes.indexOf(event.target) + step];
    (next ?? (step < 0 ? this.search : null))?.focus();
  }

  #changed() {
    this.#draw();
    this.told = JSON.stringify([[...this.selection.picked], this.unknownNames()]);
    this.delegate.selectionChanged();
  }

  #draw() {
    const picked = this.selection.picked.size;
    // The search narrows what is picked, too: that is how one is found among 300 and taken out.
    this.found = this.selection.matching(this.search.value);
    if (this.onlyPicked) this.found = this.found.filter((server) => this.selection.has(server.name));
    this.form.elements.picked.value = [...this.selection.picked].join("\n");
    this.form.querySelector("[data-picked-count]").textContent =
      `${number(picked)} of ${number(this.selection.servers.length)} picked`;
    this.form.querySelector("[data-clear]").hidden = picked === 0;
    this.#drawChips();
    this.#drawHead(picked);
    this.#drawRows();
  }

  #drawChips() {
    for (const { chip, count, names } of this.chips) {
      const state = this.selection.state(names);
      chip.setAttribute("aria-pressed", state.checked);
      count.textContent = (state.checked === "mixed" ? `${number(state.count)}/` : "") + number(names.length);
    }
  }

  #drawHead(picked) {
    const state = this.selection.state(this.found.map((server) => server.name));
    this.all.checked = state.checked === "true" && this.found.length > 0;
    this.all.indeterminate = state.checked === "mixed";
    this.all.disabled = this.found.length === 0;
    const narrowed = this.search.value.trim() ? " matching" : "";
    this.allText.textContent = this.onlyPicked
      ? `${number(this.found.length)} picked${narrowed}`
      : `Select all ${number(this.found.length)}${narrowed}`;
    this.tabPicked.textContent = `Picked ${number(picked)}`;
    this.tabAll.setAttribute("aria-pressed", String(!this.onlyPicked));
    this.tabPicked.setAttribute("aria-pressed", String(this.onlyPicked));
  }

  #drawRows() {
    const focused = this.rows.contains(document.activeElement) ? document.activeElement.value : null;
    const rows = this.found.slice(0, this.shown).map((server) => this.#row(server));
    if (rows.length === 0) rows.push(element("p", { className: "quiet server-none", textContent: this.#noneText() }));
    const left = this.found.length - this.shown;
    if (left > 0) {
      this.more.textContent = `${number(left)} more: narrow the search, or show the next ${Math.min(left, ROWS)}`;
      rows.push(this.more);
    }
    const scrolled = this.rows.scrollTop;
    this.rows.replaceChildren(...rows);
    this.rows.scrollTop = scrolled;
    if (focused) this.rows.querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  #noneText() {
    if (this.search.value.trim()) return "No server matches. Every word must occur in the name, address, a group or a tag.";
    return this.onlyPicked ? "Nothing is picked yet." : "There are no servers that you can pick.";
  }

  #row(server) {
    const row = element("label", { className: "server-row" });
    const box = element("input", { type: "checkbox", className: "form-check-input", value: server.name });
    box.checked = this.selection.has(server.name);
    const labels = element("span", { className: "server-labels" });
    for (const label of [...server.groups, ...server.tags]) labels.append(element("span", { className: "tag", textContent: label }));
    if (server.key !== "trusted") labels.prepend(keyNote(server.key));
    row.append(
      box,
      element("span", { className: "server-name mono", textContent: server.name }),
      element("span", { className: "server-host quiet mono", textContent: server.host === server.name ? "" : server.host }),
      labels,
    );
    return row;
  }
}

function keyNote(state) {
  const text = state === "changed" ? "host key changed" : "no trusted host key";
  return element("span", { className: `key-note key-${state}`, textContent: text });
}

function element(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}
