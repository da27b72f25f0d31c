import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { runsOf } = await import("console/styled_text");

const told = (runs) => runs.map(({ text, style, mark }) => [text, mark ? "mark" : (style.fg ? "coloured" : "plain")]);

test("keeps colours over line ends and joins what looks the same", () => {
  const runs = runsOf("one\ntwo \x1b[31mred\nstill\x1b[0m\nend");
  assert.deepEqual(told(runs), [
    ["one\ntwo ", "plain"], ["red", "coloured"], ["\n", "plain"], ["still", "coloured"], ["\nend", "plain"],
  ]);
});

test("shows the final state of a line, and no escape sequence gets through", () => {
  assert.deepEqual(told(runsOf(" 9 %\r10 %\n\x1b]52;c;b3duZWQ=\x07end")), [["10 %\nend", "plain"]]);
  assert.deepEqual(told(runsOf("safe\u202eexe")), [["safe", "plain"], ["U+202E", "mark"], ["exe", "plain"]]);
});

test("gives up colours, not text, where there are too many", () => {
  const runs = runsOf("\x1b[31ma\x1b[32mb\n".repeat(1_000), 100);
  assert.ok(runs.length < 110);
  assert.equal(runs.map(({ text }) => text).join(""), "ab\n".repeat(1_000));
});
