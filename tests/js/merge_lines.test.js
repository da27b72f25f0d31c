import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

// Colours are xterm.js's, which looks at the browser it is in when it is loaded.
globalThis.window ??= globalThis;

const { bytesOf, MergeLines, toneOf } = await import("console/merge_lines");

const encoder = new TextEncoder();
const TIME = "2026-01-01T00:00:00.000Z";

/** Plays the server: numbers what hosts print, and answers with it. */
class Server {
  ends = new Map();
  lines = 0;

  piece(host, content, stream = 1) {
    const data = typeof content === "string" ? encoder.encode(content) : Uint8Array.from(content);
    const offset = this.ends.get(host) ?? 0;
    this.ends.set(host, offset + data.length);
    this.lines += data.filter((byte) => byte === 10).length;
    return { host, offset, stream, time: TIME, data };
  }

  answer(pieces, more = {}) {
    return { pieces, skipped: 0, more: false, lines: this.lines, ...more };
  }
}

const texts = (model) => model.lines.map(({ host, text }) => [host, text]);

function taken(...pieces) {
  const [server, model] = [new Server(), new MergeLines()];
  model.take(server.answer(pieces.map((details) => server.piece(...details))), 0);
  return model;
}

test("lines of several hosts stand in the order in which they were ended", () => {
  const model = taken([0, "a\nb"], [1, "c\n"], [0, "b\nd\n"]);
  assert.deepEqual(texts(model), [[0, "a"], [1, "c"], [0, "bb"], [0, "d"]]);
});

test("a character that was split between two pieces is whole, whatever came in between", () => {
  const euro = encoder.encode("€");
  const model = taken([0, euro.slice(0, 1)], [1, [0xff, 10]], [0, "error\n", 2], [0, euro.slice(1)], [0, "\n"]);
  assert.deepEqual(texts(model), [[1, "\ufffd"], [0, "error"], [0, "€"]]);
});

test("a line without its end is shown after a second, and goes on where it is", () => {
  const [server, model] = [new Server(), new MergeLines()];
  model.take(server.answer([server.piece(0, "Password: ")]), 0);
  assert.equal(model.flush(999, () => false), false);
  assert.equal(model.flush(1000, () => false), true);
  model.take(server.answer([server.piece(1, "other\n"), server.piece(0, "ok\n")]), 1500);
  assert.deepEqual(texts(model), [[0, "Password: ok"], [1, "other"]]);
  assert.deepEqual(model.takeChanged().map(({ text }) => text), ["Password: ok"]);
  assert.deepEqual(model.takeChanged(), []);
});

test("the last line of a host that has ended is shown at once", () => {
  const [server, model] = [new Server(), new MergeLines()];
  model.take(server.answer([server.piece(0, "no newline")]), 0);
  model.flush(0, (host) => host === 0);
  assert.deepEqual(texts(model), [[0, "no newline"]]);
});

test("only the newest lines are kept, and the others are counted", () => {
  const [server, model] = [new Server(), new MergeLines({ most: 10 })];
  const many = Array.from({ length: 25 }, (_, n) => `${n}\n`).join("");
  model.take(server.answer([server.piece(0, many)]), 0);
  assert.equal(model.lines.length, 10);
  assert.equal(model.lines[0].text, "15");
  assert.deepEqual(model.missing, { older: 15, skipped: 0 });
});

test("what is older than the first answer is told apart from what came too fast", () => {
  const [server, model] = [new Server(), new MergeLines({ most: 100 })];
  server.piece(0, "old\n".repeat(40));
  model.take(server.answer([server.piece(0, "shown\n")], { skipped: 160 }), 0);
  assert.deepEqual(model.missing, { older: 40, skipped: 0 });
  server.piece(0, "flood\n".repeat(7));
  model.take(server.answer([server.piece(0, "newest\n")], { skipped: 42 }), 0);
  assert.deepEqual(model.missing, { older: 40, skipped: 7 });
  assert.deepEqual(model.lines.map(({ kind }) => kind), ["line", "gap", "line"]);
  assert.equal(model.lines[1].lines, 7);
});

test("nothing is counted as missing while more is on its way", () => {
  const [server, model] = [new Server(), new MergeLines()];
  model.take(server.answer([]), 0);
  const [first, second] = [server.piece(0, "one\n"), server.piece(0, "two\n")];
  model.take(server.answer([first], { more: true }), 0);
  assert.deepEqual(model.missing, { older: 0, skipped: 0 });
  model.take(server.answer([second]), 0);
  assert.deepEqual(model.missing, { older: 0, skipped: 0 });
});

test("a piece that is told again adds nothing", () => {
  const [server, model] = [new Server(), new MergeLines()];
  const piece = server.piece(0, "once\n");
  model.take(server.answer([piece]), 0);
  model.take(server.answer([piece]), 0);
  assert.deepEqual(texts(model), [[0, "once"]]);
  assert.deepEqual(model.missing, { older: 0, skipped: 0 });
});

test("what comes after a gap does not continue the line before it, nor a half character", () => {
  const [server, model] = [new Server(), new MergeLines()];
  model.take(server.answer([server.piece(0, "begun")]), 0);
  server.piece(0, [..."x".repeat(9)].map((one) => one.charCodeAt(0)).concat(0xe2));
  model.take(server.answer([server.piece(0, [0x82, 0xac, ...encoder.encode("end\n")])], { skipped: 10 }), 0);
  assert.deepEqual(texts(model).filter(([host]) => host === 0), [[0, "begun"], [0, "end"]]);
});

test("endless lines are cut, and lines that are written over stay short", () => {
  const long = taken([0, "x".repeat(20_000)], [0, "\n"]);
  assert.deepEqual(long.lines.map(({ text }) => text.length), [8192, 8192, 3616]);
  const progress = taken(...Array.from({ length: 2_000 }, (_, n) => [0, `${n} of 2000\r`]), [0, "\n"]);
  assert.equal(progress.lines.length, 1);
  assert.ok(progress.lines[0].text.length < 1100);
  assert.ok(progress.lines[0].text.endsWith("1999 of 2000\r"));
});

test("colours hold until the host ends them, and on no other host's lines", () => {
  const model = taken([0, "\x1b[1mbold\n"], [1, "plain\n"], [0, "still\x1b[0m\n"], [0, "over\n"]);
  assert.deepEqual(model.lines.map(({ style }) => style.bold), [false, false, true, false]);
});

test("base64 stands for bytes", () => {
  assert.deepEqual([...bytesOf("AP9hCg==")], [0, 255, 97, 10]);
});

test("a host has the same colour wherever it is", () => {
  assert.equal(toneOf("web1", 12), toneOf("web1", 12));
  const tones = new Set(Array.from({ length: 100 }, (_, n) => toneOf(`web${n}`, 12)));
  assert.equal(tones.size, 12);
});
