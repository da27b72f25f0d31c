// Notes as a list: those that everybody has, then one's own that nobody has yet. What people write is text, never markup.

import * as format from "console/format";

/** Pixels from the end within which somebody counts as reading the end. */
const NEAR_END = 30;

export class NoteList {
  #root;
  #day;
  #delegate;
  #items = new Map();

  /** `day` is the run's, "2026-11-21"; `delegate` hears timePicked(note) and editPicked(note). */
  constructor(root, { day, timePicked, editPicked }) {
    this.#root = root;
    this.#day = day;
    this.#delegate = { timePicked, editPicked };
    root.replaceChildren();
  }

  /** `notes` as the console tells them; `unsent` [{key, text, state, words}]. */
  draw(notes, unsent) {
    const isAtEnd = this.#isAtEnd;
    const items = [
      ...notes.map((note) => this.#item(`id:${note.id}`, note, (item) => this.#fill(item, note))),
      ...unsent.map((note) => this.#item(`key:${note.key}`, note, (item) => this.#fillUnsent(item, note))),
    ];
    const wanted = new Set(items);
    for (const [name, item] of this.#items) {
      if (wanted.has(item)) continue;
      item.remove();
      this.#items.delete(name);
    }
    items.forEach((item, place) => {
      if (this.#root.children[place] !== item) this.#root.insertBefore(item, this.#root.children[place] ?? null);
    });
    if (isAtEnd) this.follow();
  }

  /** Show the newest. */
  follow() {
    this.#root.scrollTop = this.#root.scrollHeight;
  }

  get #isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#root;
    return scrollHeight - scrollTop - clientHeight < NEAR_END;
  }

  /** The item called `name`, filled anew where what it shows has changed. */
  #item(name, note, fill) {
    const item = this.#items.get(name) ?? document.createElement("li");
    this.#items.set(name, item);
    const shown = JSON.stringify(note);
    if (item.shown === shown) return item;
    item.shown = shown;
    item.replaceChildren();
    fill(item);
    return item;
  }

  #fill(item, note) {
    item.className = "note";
    const time = document.createElement("button");
    time.type = "button";
    time.className = "link-button note-time";
    const day = note.created.slice(0, 10);
    time.textContent = day === this.#day ? format.clock(note.created) : `${day.slice(5)} ${format.clock(note.created)}`;
    time.title = `${day} ${format.clock(note.created)} UTC: show the output at this time`;
    time.addEventListener("click", () => this.#delegate.timePicked(note));
    item.append(headOf(note.author, time), paragraph("note-text", note.text));
  }

  #fillUnsent(item, note) {
    item.className = `note is-${note.state}`;
    item.append(paragraph("note-text", note.text));
    const words = paragraph("note-state", note.words);
    if (note.state === "refused") {
      const edit = document.createElement("button");
      edit.type = "button";
      edit.className = "link-button";
      edit.textContent = "Write it anew";
      edit.addEventListener("click", () => this.#delegate.editPicked(note));
      words.append(" ", edit);
    }
    item.append(words);
  }
}

function headOf(author, time) {
  const name = document.createElement("b");
  name.className = "note-author";
  name.textContent = author;
  const head = document.createElement("p");
  head.className = "note-head";
  head.append(name, " ", time);
  return head;
}

function paragraph(className, text) {
  const element = document.createElement("p");
  element.className = className;
  element.textContent = text;
  return element;
}
