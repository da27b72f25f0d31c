import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { blankWords, hostsToMerge, missingSentence } = await import("console/merged_words");

test("says what is missing in one sentence", () => {
  assert.equal(missingSentence({ older: 0, skipped: 0 }), "");
  assert.equal(missingSentence({ older: 1, skipped: 0 }), "1 line skipped: older");
  assert.equal(missingSentence({ older: 0, skipped: 2 }), "2 lines skipped: came too fast");
  assert.equal(missingSentence({ older: 3, skipped: 9000 }), "9,003 lines skipped: 3 older, 9,000 came too fast");
});

test("merges the chosen hosts, or those that printed, and says so", () => {
  const store = { size: 4, all: () => [0, 1, 2, 3].map((i) => ({ i, size: i % 2 })) };
  assert.deepEqual(hostsToMerge(store, [2], 50), { hosts: [2], sentence: "1 chosen host" });
  assert.deepEqual(hostsToMerge(store, [], 50), { hosts: [1, 3], sentence: "2 of 4 hosts printed so far" });
  assert.equal(hostsToMerge({ ...store, isOver: true }, [], 50).sentence, "2 of 4 hosts printed");
  assert.equal(hostsToMerge({ size: 2, isOver: true, all: () => [] }, [], 50).sentence, "No host printed");
  assert.deepEqual(hostsToMerge(store, [], 1).hosts, [1]);
  assert.match(hostsToMerge(store, [], 1).sentence, /^1 of 2 hosts that printed; choose hosts/);
  assert.equal(hostsToMerge(store, [0, 1, 2], 2).sentence, "The first 2 of 3 chosen hosts");
});

test("has words for a view without lines", () => {
  const store = (size, isOver) => ({ isOver, get: () => ({ size }) });
  assert.equal(blankWords(store(5, false), [0], false)[0], "Loading");
  assert.equal(blankWords(store(5, false), [0], true)[0], "Nothing to show yet");
  assert.equal(blankWords(store(0, false), [], true)[0], "Nothing printed yet");
  assert.match(blankWords(store(0, true), [], true)[1], /^No host of this run/);
  assert.match(blankWords(store(0, false), [0], true)[1], /^The chosen hosts/);
});
