import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

// xterm.js looks at the browser it is in when it is loaded.
globalThis.window ??= globalThis;

const { OutputTerminal } = await import("console/output_terminal");
const { pieces } = await import("console/terminal_limits");

const COLS = 40;
const encoder = new TextEncoder();

async function draw(...parts) {
  const terminal = new OutputTerminal({ cols: COLS, rows: 10, scrollback: 100, convertEol: true, allowProposedApi: true,
    scrollOnEraseInDisplay: true });
  const replies = [];
  terminal.onData((text) => replies.push(text));
  for (const part of parts) {
    const data = typeof part === "string" ? encoder.encode(part) : Uint8Array.from(part);
    await new Promise((drawn) => terminal.write(data, drawn));
  }
  assert.deepEqual(replies, []);
  return terminal;
}

function linesOf({ buffer: { active } }) {
  const lines = Array.from({ length: active.length }, (_, y) => active.getLine(y).translateToString(true));
  return lines.join("\n").trimEnd().split("\n");
}

const shown = async (...parts) => linesOf(await draw(...parts));

test("does not do anything two billion times", async () => {
  for (const final of "bLMTSIZ@PXABCDEFGH`adef") {
    const sequences = ["2147483647", "1;2147483647", "1:2147483647"].map((count) => `\x1b[${count}${final}`);
    const lines = await shown(`first\n${sequences.join("")}\r\nlast`);
    assert.ok(lines.some((line) => line.startsWith("last")), final);
  }
  for (const both of ["'}", "'~", " @", " A"]) {
    assert.deepEqual(await shown(`first\n\x1b[2147483647${both}last`), ["first", "last"], both);
  }
});

test("draws a flood of large counts at once", async () => {
  const start = performance.now();
  for (const final of "bLMTSIZ@PX") await draw(`x\x1b[9999${final}`.repeat(10_000));
  assert.ok(performance.now() - start < 5000);
});

test("keeps to one screen without margins, modes and resets, however they are put", async () => {
  const before = Array.from({ length: 30 }, (_, index) => `line ${index}`);
  for (const sequence of ["[?1049h", "[?1049;25h", "[?25;1049h", "[?1049:1h", "[?25:1049h", "[?47h", "[?3h", "[?6h",
    "[?7l", "[?2026h", "[4h", "[20l", "[3J", "[?3J", "[3;1J", "[?2J", "[!p", "[2;3r", "[8;1;1t", "[22t", "c", "#8",
    "(0", "[>4;1m", "[=1;1u", "[1 q", "[5n", "[?6n", "[c", "[>c", "[=c", "[?1$p", "P$qm\x1b\\"]) {
    const terminal = await draw(before.join("\n"), `\x1b${sequence}`, "\nlast");
    assert.deepEqual(linesOf(terminal), [...before, "last"], sequence);
    assert.equal(terminal.buffer.active.type, "normal", sequence);
  }
});

test("leaves the mouse and the keys to the reader", async () => {
  const { modes } = await draw("\x1b[?1000;25h\x1b[?1003;7h\x1b[?25;1004h\x1b[?1:1h\x1b[?2004;25h\x1b[?7;66h\x1b=");
  assert.equal(modes.mouseTrackingMode, "none");
  assert.equal(modes.wraparoundMode, true);
  for (const mode of ["sendFocusMode", "bracketedPasteMode", "applicationCursorKeysMode", "applicationKeypadMode"]) {
    assert.equal(modes[mode], false, mode);
  }
});

test("draws colours, progress bars, tabs and lines that are drawn again", async () => {
  const coloured = await draw("\x1b[31mred\x1b[0m \x1b[38;2;1;2;3mtrue\x1b[0m");
  const line = coloured.buffer.active.getLine(0);
  assert.equal(line.getCell(0).getFgColor(), 1);
  assert.ok(line.getCell(3).isFgDefault() && line.getCell(4).isFgRGB());
  assert.deepEqual(await shown("10 %\r 55 %\r100 %\n", "\x1b[?25lab\b\x1b[Kc\x1b[?25h"), ["100 %", "ac"]);
  const again = await shown("a: wait\nb: wait\n\x1b[2A\x1b[2Ka: done\n\x1b[2K\x1b[1Gb: done\n");
  assert.deepEqual(again, ["a: done", "b: done"]);
  assert.deepEqual(await shown("a\tb\x1b[Ic"), ["a       b       c"]);
  const moved = await shown("old\n\x1b[H\x1b[2J\x1b[999;999Hend\x1b[s\x1b[5;1Hx\x1b[u!");
  assert.deepEqual(moved.filter((text) => text), ["old", "x", " ".repeat(COLS - 1) + "e", "nd!"]);
});

test("shows bytes that are not UTF-8, and characters that come in parts", async () => {
  assert.deepEqual(await shown([0xff, 0xfe], "end", [0xe2, 0x82], [0xac, 0xe2], "."), ["\ufffd\ufffdend€\ufffd."]);
});

test("stacks few marks on one character and shows the others beside it", async () => {
  const [line] = await shown("a" + "\u0301".repeat(8) + "b", "e", "\u0301");
  assert.equal(line, "a" + "\u0301".repeat(8) + "be\u0301");
  const terminal = await draw("a" + "\u0301".repeat(30_000), "\n", "\u200d".repeat(3000), "\n👍🏽漢");
  for (const text of linesOf(terminal)) assert.ok(text.length <= COLS * 9);
});

test("keeps links on the newest lines only", async () => {
  const terminal = await draw("\x1b]8;;https://example.org/\x07a\n".repeat(3000), "still open\n".repeat(3000));
  assert.ok(terminal.markers.length <= 200);
});

test("draws in small pieces and says when the last is drawn", async () => {
  const data = new Uint8Array(2500).map((_, index) => index % 251);
  const parts = [...pieces(data)];
  assert.deepEqual(parts.flatMap((piece) => [...piece]), [...data]);
  assert.ok(Math.max(...parts.map((piece) => piece.length)) <= 1024);
  assert.deepEqual([...pieces(new Uint8Array())].map((piece) => piece.length), [0]);
  assert.deepEqual(await shown("", "x".repeat(2048), ""), await shown("x".repeat(2048)));
});

test("what the page marks, as search does, stays however many links are printed", async () => {
  const terminal = await draw("found here\n");
  const own = terminal.registerMarker(-1);
  const linked = Array.from({ length: 300 }, (_, n) => `\x1b]8;;https://example.org/${n}\x07link\x1b]8;;\x07\n`).join("");
  terminal.options.scrollback = 1000;
  await new Promise((drawn) => terminal.write(encoder.encode(linked), drawn));
  assert.equal(own.isDisposed, false);
  assert.ok(terminal.markers.length <= 201);
});
