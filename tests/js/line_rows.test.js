import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { LineRows } = await import("console/line_rows");

function made(total, folds = [], notes = []) {
  const rows = new LineRows();
  rows.setTotal(total);
  rows.setFolds(folds.map(([from, to]) => ({ from, to, title: `fold ${from}` })));
  rows.setNotes(notes.map((line) => ({ line, note: `note ${line}` })));
  return rows;
}

const all = (rows) => Array.from({ length: rows.count }, (_, row) => rows.at(row)).map((row) => row.n ?? row.note);

/** What there is to see, found out line by line. */
function expected(total, folds, closed, notes) {
  const shown = [];
  const isHidden = (n) => folds.some(([from, to]) => closed.includes(from) && n > from && n <= (to ?? total));
  const waiting = [...notes].sort((a, b) => a - b);
  for (let n = 1; n <= total + 1; n += 1) {
    if (n <= total && isHidden(n)) continue;
    while (waiting.length > 0 && waiting[0] <= n) shown.push(`note ${waiting.shift()}`);
    if (n <= total) shown.push(n);
  }
  return shown;
}

test("has a row for each line, and a line for each row", () => {
  const rows = made(5);
  assert.deepEqual(all(rows), [1, 2, 3, 4, 5]);
  assert.deepEqual([rows.rowOf(1), rows.rowOf(5), rows.rowOf(99)], [0, 4, 4]);
  assert.equal(rows.at(5), undefined);
  assert.equal(made(0).count, 0);
});

test("leaves out what a closed fold hides, and shows it again", () => {
  const rows = made(10, [[3, 6], [8, null]]);
  rows.close([3, 8]);
  assert.deepEqual(all(rows), [1, 2, 3, 7, 8]);
  assert.deepEqual([rows.rowOf(5), rows.rowOf(7), rows.rowOf(10)], [2, 3, 4]);
  rows.setTotal(20);
  assert.deepEqual(all(rows), [1, 2, 3, 7, 8]);
  rows.close([8], false);
  assert.equal(rows.count, 17);
});

test("opens what hides a line, and only that", () => {
  const rows = made(20, [[2, 15], [4, 8], [10, 12], [16, 18]]);
  rows.close([2, 4, 10, 16]);
  rows.reveal(6);
  assert.deepEqual(all(rows), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16, 19, 20]);
  rows.reveal(16);
  assert.ok(rows.isClosed(16));
  rows.reveal(11, 17);
  assert.ok(!rows.isClosed(10) && !rows.isClosed(16));
});

test("shows notes at their lines, and after a closed fold's title where they fall into it", () => {
  const rows = made(6, [[2, 4]], [1, 3, 6, 7]);
  assert.deepEqual(all(rows), ["note 1", 1, 2, "note 3", 3, 4, 5, "note 6", 6, "note 7"]);
  rows.close([2]);
  assert.deepEqual(all(rows), ["note 1", 1, 2, "note 3", 5, "note 6", 6, "note 7"]);
});

test("agrees with counting line by line, whatever is folded and noted", () => {
  let seed = 7;
  const random = (below) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  for (let round = 0; round < 300; round += 1) {
    const total = random(30);
    const folds = [];
    for (let from = 1; from < total; from += 1 + random(6)) {
      folds.push([from, random(5) === 0 ? null : Math.min(total, from + random(8))]);
    }
    const closed = folds.map(([from]) => from).filter(() => random(2));
    const notes = Array.from({ length: random(4) }, () => 1 + random(total + 1));
    const rows = made(total, folds, notes);
    rows.close(closed);
    assert.deepEqual(all(rows), expected(total, folds, closed, notes), JSON.stringify({ total, folds, closed, notes }));
    for (let row = 0; row < rows.count; row += 1) {
      const { n } = rows.at(row);
      if (n) assert.equal(rows.rowOf(n), row);
    }
  }
});

test("is quick with ten million lines and ten thousand folds", () => {
  const folds = Array.from({ length: 10_000 }, (_, number) => [number * 1000 + 1, number * 1000 + 900]);
  const rows = made(10_000_000, folds);
  const start = performance.now();
  rows.close(folds.map(([from]) => from));
  assert.equal(rows.count, 10_000_000 - 10_000 * 899);
  for (let row = 0; row < rows.count; row += 101) assert.equal(rows.rowOf(rows.at(row).n), row);
  assert.ok(performance.now() - start < 1_000);
});
