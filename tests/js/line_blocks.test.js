import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { BLOCK, LineBlocks } = await import("console/line_blocks");
const { LineScroll, MAX_HEIGHT } = await import("console/line_scroll");
const { momentOf, rangeOf } = await import("console/line_targets");

/** A console with a log of `log.total` lines, of which it gives `log.atOnce` at once; `asked` tells what for. */
function made(log, options = {}) {
  const asked = [];
  const failures = [];
  let waiters = [];
  const load = (params, signal) => new Promise((resolve, reject) => {
    asked.push(params);
    signal.addEventListener("abort", () => reject(Object.assign(new Error("aborted"), { name: "AbortError" })));
    waiters.push(() => resolve(log.answer?.(params) ?? answer(log, params)));
  });
  const blocks = new LineBlocks({ load, loaded: () => {}, failed: (error) => failures.push(error), ...options });
  const settle = async () => {
    for (const wake of waiters.splice(0)) wake();
    await new Promise(setImmediate);
  };
  return { blocks, asked, settle, failures };
}

function answer({ total, size, atOnce = Infinity, text = (n) => `line ${n}` }, { from, count }) {
  const last = Math.min(from + Math.min(count, atOnce) - 1, total);
  const lines = [];
  for (let n = from; n <= last; n += 1) lines.push({ n, text: text(n), cut: 0, time: "", stderr: false });
  return { first: from, total, size, style: "", lines };
}

test("fetches the blocks that are wanted, once", async () => {
  const { blocks, asked, settle } = made({ total: 10_000, size: 1 });
  blocks.grown(1, 10_000);
  blocks.want(990, 1010);
  blocks.want(991, 1011);
  assert.deepEqual(asked, [{ from: 501, count: BLOCK }, { from: 1001, count: BLOCK }]);
  await settle();
  assert.equal(blocks.line(1000).text, "line 1000");
  assert.equal(blocks.line(2000), undefined);
  blocks.want(990, 1010);
  assert.equal(asked.length, 2);
});

test("gives up what is not wanted any more", async () => {
  const { blocks, asked, settle, failures } = made({ total: 100_000, size: 1 });
  blocks.want(1, 40);
  blocks.want(50_000, 50_040);
  await settle();
  assert.deepEqual(asked.map(({ from }) => from), [1, 49_501, 50_001]);
  assert.equal(blocks.line(1), undefined);
  assert.equal(blocks.line(50_000).text, "line 50000");
  assert.deepEqual(failures, []);
});

test("goes on where a short answer ended", async () => {
  const { blocks, asked, settle } = made({ total: 400, size: 1, atOnce: 150 });
  blocks.grown(1, 400);
  for (let round = 0; round < 4; round += 1) {
    blocks.want(1, 400);
    await settle();
  }
  assert.deepEqual(asked.map(({ from }) => from), [1, 151, 301]);
  assert.equal(blocks.line(400).text, "line 400");
});

test("fetches the last line again once the log has grown, for it may have gone on", async () => {
  const log = { total: 10, size: 100, text: (n) => (n === 10 ? "half" : `line ${n}`) };
  const { blocks, asked, settle } = made(log);
  blocks.want(1, 10);
  await settle();
  const ninth = blocks.line(9);
  Object.assign(log, { total: 12, size: 130, text: (n) => (n === 10 ? "half a line" : `line ${n}`) });
  blocks.grown(130, 12);
  blocks.want(1, 12);
  assert.deepEqual(asked.at(-1), { from: 10, count: BLOCK - 9 });
  assert.equal(blocks.line(10).text, "half");
  await settle();
  assert.equal(blocks.line(10).text, "half a line");
  assert.equal(blocks.line(12).text, "line 12");
  assert.equal(blocks.line(9), ninth);
  blocks.want(1, 12);
  assert.equal(asked.length, 2);
});

test("carries colours from line to line, and from what the server says came before", async () => {
  const log = {
    answer: () => ({
      first: 1, total: 3, size: 9, style: "\x1b[1m",
      lines: [{ n: 1, text: "a\x1b[31m" }, { n: 2, text: "b\x1b[0m" }, { n: 3, text: "c" }],
    }),
  };
  const { blocks, settle } = made(log);
  blocks.want(1, 3);
  await settle();
  assert.deepEqual([1, 2, 3].map((n) => [blocks.line(n).style.bold, blocks.line(n).style.fg]), [
    [true, null], [true, "#f0716d"], [false, null],
  ]);
});

test("forgets the oldest lines when they are many, and never what is shown", async () => {
  const { blocks, settle } = made({ total: 100_000, size: 1, text: () => "x".repeat(1000) }, { most: 2_000_000 });
  for (let from = 1; from < 20_000; from += BLOCK) {
    blocks.want(from, from + 40);
    await settle();
    assert.ok(blocks.line(from));
    assert.ok(blocks.weight <= 2_000_000);
  }
  assert.equal(blocks.line(1), undefined);
});

test("says what could not be loaded, and tries again when asked", async () => {
  let isBroken = true;
  const failures = [];
  const load = async () => {
    if (isBroken) throw new Error("broken");
    return answer({ total: 5, size: 1 }, { from: 1, count: 5 });
  };
  const blocks = new LineBlocks({ load, loaded: () => {}, failed: (error) => failures.push(error.message) });
  blocks.want(1, 5);
  await new Promise(setImmediate);
  assert.deepEqual(failures, ["broken"]);
  isBroken = false;
  blocks.want(1, 5);
  await new Promise(setImmediate);
  assert.equal(blocks.line(5).text, "line 5");
});

test("a scroll bar's pixel is the list's while the list is short, and stands for many when it is long", () => {
  const scroll = new LineScroll();
  scroll.set({ count: 1000, rowHeight: 20, viewport: 500 });
  assert.deepEqual([scroll.height, scroll.isExact], [20_000, true]);
  assert.equal(scroll.topOf({ row: 10, offset: 5 }), 205);
  assert.deepEqual(scroll.placeOf(205), { row: 10, offset: 5 });
  scroll.set({ count: 10_000_000, rowHeight: 20, viewport: 500 });
  assert.deepEqual([scroll.height, scroll.isExact], [MAX_HEIGHT, false]);
  assert.equal(scroll.placeOf(0).row, 0);
  assert.ok(Math.abs(scroll.placeOf(MAX_HEIGHT - 500).row - (10_000_000 - 25)) <= 1);
  assert.ok(Math.abs(scroll.placeOf(scroll.topOf({ row: 5_000_000, offset: 0 })).row - 5_000_000) <= 1);
  scroll.set({ count: 3, rowHeight: 20, viewport: 500 });
  assert.deepEqual([scroll.height, scroll.topOf({ row: 2, offset: 0 })], [500, 0]);
});

test("understands lines, ranges and times of day", () => {
  assert.deepEqual(rangeOf("120"), { from: 120, to: 120 });
  assert.deepEqual(rangeOf(" L140-L120 "), { from: 120, to: 140 });
  for (const wrong of ["", "0", "-5", "x", "1-", "1.5"]) assert.equal(rangeOf(wrong), null, wrong);
  assert.equal(momentOf("14:03", "2026-01-31T13:59:59Z"), "2026-01-31T14:03:00.000Z");
  assert.equal(momentOf("14:03:07", "2026-01-31T14:03:30Z"), "2026-01-31T14:03:07.000Z");
  assert.equal(momentOf("0:10", "2026-01-31T23:50:00Z"), "2026-02-01T00:10:00.000Z");
  for (const wrong of ["25:00", "12:60", "12", "12:3"]) assert.equal(momentOf(wrong, "2026-01-31T00:00:00Z"), null, wrong);
});
