import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { match, rank } = await import("console/fuzzy");

const labels = (query, ...items) => rank(query, items.map((label) => ({ label }))).map(({ item }) => item.label);

test("finds letters in order, whatever their case, and nothing else", () => {
  assert.deepEqual(match("w17", "web017").at, [0, 4, 5]);
  assert.deepEqual(match("WEB", "web017").at, [0, 1, 2]);
  assert.equal(match("71w", "web017"), null);
  assert.equal(match("webb", "web017"), null);
});

test("an empty query fits everything, and leaves the order alone", () => {
  assert.deepEqual(match("  ", "web017").at, []);
  assert.deepEqual(labels("", "long", "a", "cc"), ["long", "a", "cc"]);
});

test("what begins with the query comes before what merely holds its letters", () => {
  assert.deepEqual(labels("web", "newer boxes", "my-web", "web1"), ["web1", "my-web", "newer boxes"]);
});

test("the exact name comes before longer ones", () => {
  assert.deepEqual(labels("web1", "web10", "web1", "web100"), ["web1", "web10", "web100"]);
});

test("letters at the beginnings of words are what somebody types for a long label", () => {
  assert.deepEqual(labels("cr", "Scroll to the end", "Cancel the run"), ["Cancel the run", "Scroll to the end"]);
  assert.deepEqual(match("ctr", "Cancel the run").at, [0, 7, 11]);
});

test("a number is found where it begins", () => {
  assert.deepEqual(labels("17", "web117", "web017", "web17"), ["web17", "web117", "web017"].sort((a, b) =>
    match("17", b).score - match("17", a).score));
  assert.equal(labels("17", "web017", "web17")[0], "web17");
});

test("every word of the query must be found, in any order", () => {
  assert.notEqual(match("run cancel", "Cancel the run"), null);
  assert.equal(match("run away", "Cancel the run"), null);
});

test("prefers letters that stand together", () => {
  assert.deepEqual(match("run", "xrough xurn run").at, [12, 13, 14]);
});

test("other words of an item are found, too, and count less than its label", () => {
  const items = [{ label: "web1", words: "10.4.1.17 failed" }, { label: "failed only" }];
  assert.deepEqual(rank("failed", items).map(({ item }) => item.label), ["failed only", "web1"]);
  assert.deepEqual(rank("10.4", items).map(({ item, at }) => [item.label, at]), [["web1", []]]);
});

test("letters that grow in lower case do not move the places", () => {
  assert.deepEqual(match("b", "İİb").at, [2]);
});

test("the places spell the query, for any text", () => {
  let seed = 7;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  const letters = "abAB1 -";
  const word = (length) => Array.from({ length }, () => letters[random(letters.length)]).join("");
  for (let round = 0; round < 2_000; round += 1) {
    const text = word(1 + random(14));
    const query = word(1 + random(4)).replaceAll(" ", "");
    const found = match(query, text);
    const isThere = new RegExp([...query].map((c) => c.replace("-", "\\-")).join(".*"), "i").test(text);
    assert.equal(found !== null, isThere || query === "", `${query} in ${text}`);
    if (found) assert.equal(found.at.map((i) => text[i]).join("").toLowerCase(), query.toLowerCase());
  }
});

test("ten thousand hosts are ranked in the time between two keys", () => {
  const items = Array.from({ length: 10_000 }, (_, i) => ({ label: `web-${i}.region.example`, words: `10.0.${i >> 8}.${i & 255}` }));
  const start = performance.now();
  assert.ok(rank("web42", items).length > 100);
  assert.ok(performance.now() - start < 1_000);
});
