import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { asRanges } = await import("console/chosen");
const { alike, called, changedParts, indexesOf, markedLines, summary, unfinishedText } =
  await import("console/group_text");

const group = (count, more = {}) => ({ count, size: 10, sample: 0, largest: false, ...more });

test("reads ranges as they are written", () => {
  assert.deepEqual(indexesOf("0-2,7"), [0, 1, 2, 7]);
  assert.deepEqual(indexesOf(""), []);
  assert.deepEqual(indexesOf(asRanges([5, 3, 4, 9])), [3, 4, 5, 9]);
});

test("sums the groups up in a few words", () => {
  assert.equal(summary([]), "");
  assert.equal(summary([group(982, { largest: true }), group(9), group(9)]), "982 identical, 18 differ");
  assert.equal(summary([group(2, { largest: true }), group(1)]), "2 identical, 1 differs");
  assert.equal(summary([group(1000, { largest: true })]), "All 1,000 identical");
  assert.equal(summary([group(1, { largest: true })]), "1 host so far");
  assert.equal(summary([group(1, { largest: true })], true), "1 host");
  assert.equal(summary([group(1, { largest: true }), group(1)]), "No two of 2 hosts alike");
});

test("says of hosts without output that there is none", () => {
  assert.equal(alike(group(3, { size: 0 })), "without output");
  assert.equal(alike(group(3)), "identical");
  assert.equal(summary([group(3, { size: 0, largest: true }), group(1, { size: 0 })]), "3 without output, 1 differs");
});

test("calls a group by its number, and a lone host by its name", () => {
  assert.equal(called(group(1982), () => "web1"), "the 1,982");
  assert.equal(called(group(1), () => "web1"), "web1");
});

test("counts who is still at work", () => {
  assert.equal(unfinishedText(new Map([["running", 11], ["starting", 1], ["failed", 3]])), "12 still running");
  assert.equal(unfinishedText(new Map([["queued", 2], ["running", 1]])), "1 still running, 2 still queued");
  assert.equal(unfinishedText(new Map([["reconnecting", 3], ["running", 1]])), "3 reconnecting, 1 still running");
  assert.equal(unfinishedText(new Map([["succeeded", 2]])), "");
});

const marked = (text, ranges) => ranges.map(([start, end]) => text.slice(start, end));

test("finds the words in which two lines differ", () => {
  const [one, other] = ["libssl 3.0.17 is up to date", "libssl 3.0.18 is not up to date"];
  const [left, right] = changedParts(one, other);
  assert.deepEqual(marked(one, left), ["17"]);
  assert.deepEqual(marked(other, right), ["18", "not "]);
});

test("marks nothing in lines that have nothing in common, or too many words", () => {
  assert.equal(changedParts("alpha beta gamma", "one two three"), null);
  assert.equal(changedParts("a ".repeat(100_000), "a ".repeat(99_999)), null);
});

test("never cuts a character into halves", () => {
  const [one, other] = ["same 😀 same", "same 😁 same"];
  const [left, right] = changedParts(one, other);
  assert.deepEqual([marked(one, left), marked(other, right)], [["😀"], ["😁"]]);
});

test("compares lines of a hunk pair by pair, where as many went as came", () => {
  const lines = [
    [" ", "x"], ["-", "one 1 here"], ["-", "two 1 here"], ["+", "one 2 here"], ["+", "two 2 here"], ["-", "gone"],
  ];
  const found = markedLines(lines);
  assert.deepEqual(found.map(({ marks }) => marks), [[], [[4, 5]], [[4, 5]], [[4, 5]], [[4, 5]], []]);
  assert.deepEqual(found.map(({ sign, text }) => [sign, text]), lines);
});

test("leaves a hunk alone where the numbers differ", () => {
  const found = markedLines([["-", "one 1 here"], ["+", "one 2 here"], ["+", "more"]]);
  assert.ok(found.every(({ marks }) => marks.length === 0));
});
