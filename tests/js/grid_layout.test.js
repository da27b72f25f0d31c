import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { groupsOf, headingOf, neighbour } = await import("console/grid_layout");

// Two rows and one tile of failed, one row of running, in three columns:  0 1 2 / 3 4 | 5 6 7 / 8
const GROUPS = [["failed", [0, 1, 2, 3, 4]], ["running", [5, 6, 7, 8]]];
const from = (i, key) => neighbour(GROUPS, 3, i, key);

test("cuts the order into groups; what starts belongs to what runs", () => {
  const statuses = ["failed", "failed", "starting", "running", "succeeded"];
  const groups = groupsOf([0, 1, 2, 3, 4], (i) => statuses[i]);
  assert.deepEqual(groups, [["failed", [0, 1]], ["running", [2, 3]], ["succeeded", [4]]]);
});

test("says in a heading how many there are of what", () => {
  assert.deepEqual(headingOf("failed", ["failed", "failed"]), [["failed", 2]]);
  assert.deepEqual(headingOf("running", ["starting", "running", "running"]), [["running", 2], ["starting", 1]]);
  assert.deepEqual(headingOf("running", ["starting"]), [["starting", 1]]);
});

test("moves left and right in reading order and holds at the ends", () => {
  assert.deepEqual([from(2, "ArrowRight"), from(4, "ArrowRight"), from(8, "ArrowRight")], [3, 5, 8]);
  assert.deepEqual([from(3, "ArrowLeft"), from(5, "ArrowLeft"), from(0, "ArrowLeft")], [2, 4, 0]);
});

test("moves up and down within a column, across groups and into shorter rows", () => {
  assert.deepEqual([from(0, "ArrowDown"), from(3, "ArrowDown"), from(6, "ArrowUp")], [3, 5, 4]);
  assert.deepEqual([from(2, "ArrowDown"), from(7, "ArrowUp"), from(7, "ArrowDown")], [4, 4, 8]);
  assert.deepEqual([from(1, "ArrowUp"), from(8, "ArrowDown")], [1, 8]);
});

test("jumps to the first and the last", () => {
  assert.deepEqual([from(6, "Home"), from(6, "End")], [0, 8]);
});

test("begins at the first tile where the cursor is on none", () => {
  assert.equal(from(null, "ArrowDown"), 0);
  assert.equal(from(99, "ArrowLeft"), 0);
  assert.equal(neighbour([], 3, null, "ArrowDown"), null);
});
