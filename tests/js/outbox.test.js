import "./page_modules.mjs";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

const { Outbox, newKey } = await import("console/outbox");

class FakeStorage {
  #entries = new Map();
  isFull = false;

  get length() {
    return this.#entries.size;
  }

  key(place) {
    return [...this.#entries.keys()][place];
  }

  getItem(name) {
    return this.#entries.get(name) ?? null;
  }

  setItem(name, value) {
    if (this.isFull) throw new Error("QuotaExceededError");
    this.#entries.set(name, value);
  }

  removeItem(name) {
    this.#entries.delete(name);
  }
}

let storage;

beforeEach(() => (storage = new FakeStorage()));

const texts = (outbox) => outbox.all().map(({ text }) => text);

test("keys are UUIDs of version 4, and new each time", () => {
  const keys = new Set(Array.from({ length: 100 }, () => newKey()));
  assert.equal(keys.size, 100);
  for (const key of keys) assert.match(key, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("an unsent note outlives the page with the key it was first sent with", () => {
  const { key } = new Outbox(storage, "alice", 7).add("dpkg broken\non web1");
  assert.deepEqual(new Outbox(storage, "alice", 7).all(), [{ key, text: "dpkg broken\non web1" }]);
});

test("a note that came back is forgotten, the others stay", () => {
  const outbox = new Outbox(storage, "alice", 7);
  const { key } = outbox.add("one");
  outbox.add("two");
  outbox.remove(key);
  outbox.remove("never there");
  assert.deepEqual(texts(outbox), ["two"]);
});

test("two windows on the same run keep each other's notes", () => {
  const [one, two] = [new Outbox(storage, "alice", 7), new Outbox(storage, "alice", 7)];
  one.add("from one");
  two.add("from two");
  assert.deepEqual(texts(one).sort(), ["from one", "from two"]);
});

test("notes and drafts belong to one person and one run", () => {
  const mine = new Outbox(storage, "alice", 7);
  mine.add("mine");
  mine.draft = "half a";
  for (const other of [new Outbox(storage, "bob", 7), new Outbox(storage, "alice", 70), new Outbox(storage, "alice", 71)]) {
    assert.deepEqual(other.all(), []);
    assert.equal(other.draft, "");
  }
});

test("a draft is kept as it is, and an empty one leaves nothing behind", () => {
  const outbox = new Outbox(storage, "alice", 7);
  outbox.draft = " half a\nnote ";
  assert.equal(new Outbox(storage, "alice", 7).draft, " half a\nnote ");
  outbox.draft = "";
  assert.equal(outbox.draft, "");
  assert.equal(storage.length, 0);
});

test("a full storage or somebody else's entry breaks nothing", () => {
  storage.setItem("console-note:alice:7:unsent:x", "{not json");
  storage.setItem("console-note:alice:7:unsent:y", '"text"');
  storage.isFull = true;
  const outbox = new Outbox(storage, "alice", 7);
  assert.equal(outbox.add("kept by the page").text, "kept by the page");
  assert.deepEqual(outbox.all(), []);
});
