import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { plainText, spansOf, styleAfter } = await import("console/line_text");
const { PLAIN, contrastOf, lookOf, styled } = await import("console/line_style");

const RED = "#f0716d";
const texts = (line) => spansOf(line).map((span) => span.text);

test("leaves plain text as it is", () => {
  const line = "hello <b>world</b> &amp; żółć 漢字 👩‍👩‍👧";
  assert.deepEqual(texts(line), [line]);
  assert.deepEqual(texts(""), []);
  assert.deepEqual(texts("a\tb"), ["a\tb"]);
});

test("shows what a line looks like once it has been drawn", () => {
  for (const [line, shown] of [
    ["10 %\r 55 %\r100 %", "100 %"],
    ["longer\rabc", "abcger"],
    ["longer\r\x1b[Kabc", "abc"],
    ["dos\r", "dos"],
    ["dos\r\r", "dos"],
    ["abc\b\bX", "aXc"],
    ["\b\bstart", "start"],
    ["abc\x1b[2Dx", "axc"],
    ["ab\x1b[3Cc", "ab   c"],
    ["abcdef\x1b[3Gx", "abxdef"],
    ["abcdef\x1b[1K", "      "],
    ["abcdef\x1b[3D\x1b[1Kx", "   xef"],
    ["abcdef\x1b[2Kx", "      x"],
    ["abcdef\r\x1b[2Kx", "x"],
    ["a\tb\rX", "X       b"],
    ["\x1b[Gx\x1b[Cy", "x y"],
    ["a\u0301b\rX", "Xb"],
  ]) assert.equal(plainText(line), shown, JSON.stringify(line));
});

test("drops every other sequence and every control character", () => {
  for (const line of [
    "\x1b]0;owned\x07text", "\x1b]52;c;b3duZWQ=\x1b\\text", "te\x1b]8;;javascript:alert(1)\x07xt\x1b]8;;\x07",
    "\x1bPq#0;2\x1b\\text",
    "\x1b[?1049h\x1b[2J\x1b[Htext", "\x1bctext", "\x1b(0text", "te\x00xt", "te\x7f\x9b\x85xt", "text\x1b", "text\x1b[",
    "text\x1b[38;5", "text\x1b]0;never ends", "\x1b[6ntext\x1b[c", "\x1b#8text", "te\x07\x0b\x0cxt", "te\x1b[5Axt",
  ]) assert.equal(plainText(line), "text", JSON.stringify(line));
});

test("gives text its colours", () => {
  assert.deepEqual(spansOf("a\x1b[31mb\x1b[1mc\x1b[0md"), [
    { text: "a", style: PLAIN },
    { text: "b", style: { ...PLAIN, fg: RED } },
    { text: "c", style: { ...PLAIN, fg: RED, bold: true } },
    { text: "d", style: PLAIN },
  ]);
});

test("knows the ways to name a colour", () => {
  const fg = (parameters) => styled(PLAIN, parameters).fg;
  assert.equal(fg("31"), RED);
  assert.equal(fg("38;5;1"), RED);
  assert.equal(fg("91"), "#ff9591");
  assert.equal(fg("38;5;9"), "#ff9591");
  assert.equal(fg("38;5;208"), "#ff8700");
  assert.equal(fg("38;5;232"), "#080808");
  assert.equal(fg("38;5;255"), "#eeeeee");
  assert.equal(fg("38;2;1;2;255"), "#0102ff");
  assert.equal(fg("38:2:1:2:255"), "#0102ff");
  assert.equal(fg("38:2::1:2:255"), "#0102ff");
  assert.equal(fg("38:5:208"), "#ff8700");
  assert.equal(fg("31;39"), null);
  for (const wrong of ["38", "38;5", "38;5;256", "38;5;-1", "38;2;1;2", "38;2;1;2;256", "38;9;1", "999", "38:2"]) {
    assert.equal(fg(wrong), null, wrong);
  }
  assert.deepEqual(styled(PLAIN, "38;5;208;1;48;2;0;0;0;4"), {
    ...PLAIN, fg: "#ff8700", bold: true, bg: "#000000", underline: true,
  });
  assert.equal(styled(styled(PLAIN, "4"), "4:0").underline, false);
  assert.equal(styled(styled(PLAIN, "1;2;3;7;9"), ""), PLAIN);
});

test("keeps a colour over the lines that follow", () => {
  const style = styleAfter("\x1b[31mred");
  assert.equal(spansOf("still", style)[0].style.fg, RED);
  assert.equal(spansOf("\x1b[mplain", style)[0].style, PLAIN);
  assert.equal(styleAfter("x\x1b[0m", style), PLAIN);
});

test("hides nothing by its colours", () => {
  for (const parameters of ["30", "38;2;11;14;20", "37;47", "30;40", "7;38;2;0;0;0;48;2;0;0;0", "33;43", "2;30", "2"]) {
    const { color, background } = lookOf(styled(PLAIN, parameters));
    assert.ok(contrastOf(color, background ?? "#0b0e14") >= 3, parameters);
  }
  assert.deepEqual(texts("\x1b[8mconcealed"), ["concealed"]);
  assert.deepEqual(lookOf(PLAIN), { color: null, background: null, classes: [] });
});

test("names characters that would reorder or hide text", () => {
  assert.deepEqual(
    spansOf("a\u202Eb\u2066\u2067\u200Bc").map(({ text, mark }) => (mark ? `<${text}>` : text)),
    ["a", "<U+202E>", "b", "<U+2066 …>", "c"],
  );
  assert.equal(plainText("a\u202Eb"), "ab");
});

test("lets no character carry more marks than a few", () => {
  assert.equal(plainText(`a${"\u0301".repeat(5000)}b`), `a${"\u0301".repeat(4)}b`);
  assert.equal(plainText(`\x1b[1ma${"\u0301".repeat(5000)}b`), `a${"\u0301".repeat(4)}b`);
});

test("stays quick whatever a line asks for", () => {
  const start = performance.now();
  for (const part of [
    "x\x1b[9999C", "x\x1b[2147483647G\x1b[1K", "\x1b[1K", "\x1b]", "\x1b[", "\r\t", "\u202Ea", "e\u0301",
    "\x1b[38;5;1m",
  ]) {
    const spans = spansOf(part.repeat(Math.ceil(8192 / part.length)));
    assert.ok(spans.reduce((sum, span) => sum + span.text.length, 0) < 60_000, JSON.stringify(part));
  }
  assert.ok(performance.now() - start < 2_000);
});
