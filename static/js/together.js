// The side panel of people: who is watching, and what they wrote. A note that was sent stays "sending…" until the
// console tells it to everybody, this page included.

import { FetchError, getJson } from "console/fetching";
import * as format from "console/format";
import { NoteList } from "console/note_list";
import { Outbox } from "console/outbox";

/** Milliseconds after which a note that did not come back is sent again. */
const SEND_AGAIN = 5_000;

export class Together {
  #page;
  #root;
  #parts = {};
  #notes = new Map();
  #outbox;
  #unsent = new Map();
  #list;
  #field;
  #unread = new Set();
  #isSeen = false;

  constructor(root, page) {
    this.#root = root;
    this.#page = page;
    for (const part of root.querySelectorAll("[data-together]")) this.#parts[part.dataset.together] = part;
    this.#field = this.#parts.form.elements.text;
    this.#outbox = new Outbox(localStorage, root.dataset.user, page.run.id);
    this.#list = new NoteList(this.#parts.notes, {
      day: page.run.created.slice(0, 10),
      timePicked: (note) => this.#openLinesAt(note),
      editPicked: (note) => this.#edit(note),
    });
    for (const note of this.#outbox.all()) this.#unsent.set(note.key, { ...note, state: "sending" });
    for (const note of JSON.parse(root.querySelector("#run-notes").textContent)) this.#notes.set(note.id, note);
    page.notes = () => [...this.#notes.values()];
    this.#prepareForm();
    this.#watchSight();
    this.#draw();
    setInterval(() => this.#send(), SEND_AGAIN);
  }

  // ---- News ----

  helloReceived(message) {
    this.#parts.form.hidden = message.may_note === false;
    this.#send();
  }

  connectionChanged() {
    this.#draw();
  }

  presenceReceived({ people, count }) {
    this.#parts.watching.textContent = `· ${format.number(count)} watching`;
    this.#parts.people.hidden = people.length === 0;
    const rest = count - people.length;
    this.#parts.people.replaceChildren(
      ...people.map((person) => this.#watcher(person)),
      ...(rest > 0 ? [watcherItem(`and ${format.number(rest)} more`)] : []),
    );
  }

  notesReceived({ notes }) {
    const fresh = notes.filter((note) => !this.#notes.has(note.id));
    if (fresh.length === 0) return;
    for (const note of fresh) {
      this.#notes.set(note.id, note);
      this.#outbox.remove(note.key);
      const isOwn = this.#unsent.delete(note.key);
      if (!isOwn && !this.#isSeen) this.#unread.add(note.id);
      if (!isOwn) this.#announce(`${note.author} wrote: ${note.text}`);
    }
    // Notes may come out of order: the one that was begun first may have been stored last.
    this.#notes = new Map([...this.#notes].sort(([a], [b]) => a - b));
    this.#draw();
    this.#page.views.tell("notesChanged");
  }

  /** True where the error was about a note, which then says so itself. */
  errorReceived({ key, code, message }) {
    const note = this.#unsent.get(key);
    if (!note) return false;
    note.state = code === "too_fast" ? "later" : "refused";
    note.problem = message;
    if (note.state === "refused") this.#outbox.remove(key);
    this.#draw();
    return true;
  }

  // ---- Writing ----

  /** Put the cursor into the field, wherever it is. */
  focusField() {
    this.#field.focus();
  }

  #prepareForm() {
    const { form } = this.#parts;
    this.#field.value = this.#outbox.draft;
    this.#fit();
    this.#field.addEventListener("input", () => {
      this.#outbox.draft = this.#field.value;
      this.#fit();
    });
    this.#field.addEventListener("keydown", (event) => {
      // Enter that picks a word from an input method is not ours.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#write(this.#field.value.trim());
    });
  }

  #write(text) {
    this.#setField("");
    if (text === "") return;
    const note = this.#outbox.add(text);
    this.#unsent.set(note.key, { ...note, state: "sending" });
    this.#send([note.key]);
    this.#list.follow();
  }

  #send(keys = [...this.#unsent.keys()]) {
    for (const key of keys) {
      const note = this.#unsent.get(key);
      if (note.state !== "refused") this.#page.socket.say(key, note.text);
    }
    if (keys.length > 0) this.#draw();
  }

  #edit({ key, text }) {
    this.#unsent.delete(key);
    this.#setField([this.#field.value, text].filter(Boolean).join("\n"));
    this.#field.focus();
    this.#draw();
  }

  #setField(text) {
    this.#field.value = this.#outbox.draft = text;
    this.#fit();
  }

  /** As high as its text, up to what the style allows. */
  #fit() {
    this.#field.style.height = "auto";
    if (this.#field.scrollHeight > 0) this.#field.style.height = `${this.#field.scrollHeight + 2}px`;
    const left = this.#field.maxLength - this.#field.value.length;
    this.#parts.hint.textContent =
      left < 200 ? `${format.plural(left, "character")} left` : "Enter sends, Shift+Enter begins a line";
  }

  // ---- Showing ----

  #draw() {
    const isLive = this.#page.socket.isLive;
    const unsent = [...this.#unsent.values()].map((note) => ({ ...note, words: stateWords(note, isLive) }));
    this.#list.draw([...this.#notes.values()], unsent);
    this.#parts.empty.hidden = this.#notes.size + unsent.length > 0;
    this.#drawUnread();
  }

  #drawUnread() {
    for (const button of this.#page.root.querySelectorAll('.run-tabs [data-view="notes"], #side-toggle')) {
      const isTab = button.id !== "side-toggle";
      const count = this.#unread.size || (isTab ? this.#notes.size : 0);
      const badge = button.querySelector(".note-count") ?? badgeIn(button);
      badge.hidden = count === 0;
      badge.classList.toggle("is-unread", this.#unread.size > 0);
      badge.textContent = format.number(count);
      badge.title = this.#unread.size > 0 ? `${format.plural(count, "new note")}` : `${format.plural(count, "note")}`;
    }
  }

  /** What stands on the screen counts as read. */
  #watchSight() {
    let isShown = false;
    const look = () => {
      this.#isSeen = isShown && document.visibilityState === "visible";
      if (!this.#isSeen) return;
      this.#fit();
      this.#unread.clear();
      this.#drawUnread();
    };
    new IntersectionObserver(([entry]) => {
      isShown = entry.isIntersecting;
      if (isShown) this.#list.follow();
      look();
    }).observe(this.#parts.notes.parentElement);
    document.addEventListener("visibilitychange", look);
  }

  /** In the page's one polite voice. */
  #announce(text) {
    this.#page.root.querySelector('[data-run="announcer"]').textContent = text;
  }

  #watcher({ name, since, sockets }) {
    const isMe = name === this.#root.dataset.user;
    const item = watcherItem(name);
    const remarks = [isMe ? "you" : "", sockets > 1 ? `${format.number(sockets)} windows` : ""].filter(Boolean);
    if (remarks.length > 0) {
      const small = document.createElement("small");
      small.textContent = remarks.join(", ");
      item.append(" ", small);
    }
    item.title = `Watching since ${format.clock(since)} UTC`;
    return item;
  }

  /** Show where the opened host's output stood when the note was written. */
  async #openLinesAt(note) {
    const i = this.#page.opened;
    if (i === null) return;
    try {
      const { line, first } = await getJson(this.#page.at(`hosts/${i}/lines`), { time: note.created, count: 1 });
      const number = line ?? first;
      this.#page.open(i, { isAsked: true, view: "lines", lines: { from: number, to: number } });
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      this.#page.notice(error.message);
    }
  }
}

function stateWords({ state, problem }, isLive) {
  if (state === "refused") return problem;
  if (!isLive) return "not sent yet: no connection";
  return state === "later" ? `${problem} It is sent again.` : "sending…";
}

function watcherItem(name) {
  const item = document.createElement("li");
  const text = document.createElement("span");
  text.textContent = name;
  item.append(text);
  return item;
}

function badgeIn(button) {
  const badge = document.createElement("span");
  badge.className = "note-count";
  button.append(badge);
  return badge;
}
