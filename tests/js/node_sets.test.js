import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { expand, parseNames } = await import("console/node_sets");

test("commas part names, but not within brackets", () => {
  assert.deepEqual(parseNames("web[1-3,7],db1;\n web[1-3,7] a"), ["web[1-3,7]", "db1", "a"]);
  assert.deepEqual(parseNames("web[1-3 web5,[x"), ["web[1-3", "web5", "[x"]);
  assert.deepEqual(parseNames(" ,;"), []);
});

test("a node set means its names in order, as wide as they are written", () => {
  assert.deepEqual(expand("web[1-3,7]"), ["web1", "web2", "web3", "web7"]);
  assert.deepEqual(expand("web[008-010].eu"), ["web008.eu", "web009.eu", "web010.eu"]);
  assert.deepEqual(expand("web[9-11]"), ["web9", "web10", "web11"]);
  assert.deepEqual(expand("web[098-101]"), ["web098", "web099", "web100", "web101"]);
  assert.deepEqual(expand("r[1-2]n[3-4]"), ["r1n3", "r1n4", "r2n3", "r2n4"]);
});

test("what is no node set, or means too much, means nothing here", () => {
  for (const word of ["web1", "web[", "web[]", "web[a-b]", "web[3-1]", "web[1-2", "web]1[", "web[1-]", "web[1-10001]"]) {
    assert.deepEqual(expand(word), [], word);
  }
  assert.deepEqual(expand("a[1-200]b[1-200]"), []);
  assert.deepEqual(expand("web[1-999999999]"), []);
});
