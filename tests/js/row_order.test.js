import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { itemsThatStay } = await import("console/row_order");

const moved = (current, wanted) => wanted.filter((item) => !itemsThatStay(current, wanted).has(item));

test("moves nothing when the order is right", () => {
  assert.deepEqual(moved([1, 2, 3], [1, 2, 3]), []);
  assert.deepEqual(moved([], []), []);
});

test("moves the one row that went to the end, and not all the others", () => {
  assert.deepEqual(moved([1, 2, 3, 4, 5], [2, 3, 4, 5, 1]), [1]);
  assert.deepEqual(moved([1, 2, 3, 4, 5], [5, 1, 2, 3, 4]), [5]);
});

test("leaves rows out that a filter hides", () => {
  assert.deepEqual(moved([9, 1, 8, 2, 7, 3], [1, 2, 3]), []);
});

test("moves rows that were not there before", () => {
  assert.deepEqual(moved([1, 3], [1, 2, 3]), [2]);
});

test("keeps as many as can be kept when everything is turned round", () => {
  assert.equal(itemsThatStay([1, 2, 3, 4], [4, 3, 2, 1]).size, 1);
  assert.equal(itemsThatStay([3, 1, 4, 0, 5, 9, 2, 6], [0, 1, 2, 3, 4, 5, 6, 9]).size, 4);
});
