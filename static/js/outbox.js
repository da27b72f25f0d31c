// What somebody wrote and the console has not confirmed yet. It outlives a reload, and each note keeps the key it was
// first sent with, so that sending again never writes it twice. No DOM.

/** A UUID; crypto.randomUUID is missing on pages without HTTPS. */
export function newKey(random = (bytes) => crypto.getRandomValues(bytes)) {
  const bytes = random(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export class Outbox {
  #storage;
  #prefix;
  #makeKey;

  /** Notes of `user` for one run, in `storage` (localStorage): another login in this browser must not send them. */
  constructor(storage, user, run, makeKey = newKey) {
    this.#storage = storage;
    this.#prefix = `console-note:${user}:${run}:`;
    this.#makeKey = makeKey;
  }

  /** What is written and not sent. */
  get draft() {
    return this.#read("draft") ?? "";
  }

  set draft(text) {
    if (text === "") this.#remove("draft");
    else this.#write("draft", text);
  }

  /** Keep a note until it is confirmed; gives back {key, text}. */
  add(text) {
    const key = this.#makeKey();
    // One entry for each note: two windows on the same run must not overwrite each other's.
    this.#write(`unsent:${key}`, { text, at: Date.now() });
    return { key, text };
  }

  /** [{key, text}] of what is not confirmed, oldest first. */
  all() {
    const start = `${this.#prefix}unsent:`;
    const found = [];
    for (let i = 0; i < this.#storage.length; i += 1) {
      const name = this.#storage.key(i);
      const note = name.startsWith(start) ? this.#read(name.slice(this.#prefix.length)) : null;
      if (typeof note?.text === "string") found.push({ key: name.slice(start.length), text: note.text, at: note.at });
    }
    found.sort((a, b) => a.at - b.at);
    return found.map(({ key, text }) => ({ key, text }));
  }

  /** The note came back, or will never go through. */
  remove(key) {
    this.#remove(`unsent:${key}`);
  }

  #read(name) {
    try {
      return JSON.parse(this.#storage.getItem(this.#prefix + name));
    } catch {
      return null;
    }
  }

  #write(name, value) {
    try {
      this.#storage.setItem(this.#prefix + name, JSON.stringify(value));
    } catch {
      // A full or forbidden storage: the page still has it for as long as it is open.
    }
  }

  #remove(name) {
    this.#storage.removeItem(this.#prefix + name);
  }
}
