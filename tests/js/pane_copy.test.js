import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { textToCopy } = await import("console/pane_copy");

test("copies text without blanks at line ends and without anything that a terminal would act on", () => {
  assert.equal(textToCopy("one  \r\n  two\t \nthree"), "one\n  two\nthree");
  assert.equal(textToCopy("a\x1b[31mb\x07\x00\x9b c\u00a0\u00a0"), "a[31mb c");
});

test("is not slowed down by a line of blanks", () => {
  const before = performance.now();
  textToCopy(`${" ".repeat(1_000_000)}x`);
  assert.ok(performance.now() - before < 1000);
});
