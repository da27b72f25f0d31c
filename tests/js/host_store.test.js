import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { HostStore } = await import("console/host_store");

const host = (i, status, more = {}) => ({
  i, name: `web${i}`, address: `10.0.0.${i}`, status, reason: "", exit_status: null, exit_signal: "", started: null,
  finished: null, size: 0, dropped: 0, last_line: "", canceling: false, ...more,
});
const storeOf = (...statuses) => new HostStore(statuses.map((status, i) => host(i, status)));

test("puts failures first and keeps the run's order among equals", () => {
  const store = storeOf("succeeded", "running", "queued", "failed", "unreachable", "failed", "starting", "lost");
  assert.deepEqual(store.ordered(), [7, 3, 5, 4, 1, 6, 2, 0]);
});

test("does not move a host between starting and running", () => {
  const store = storeOf("starting", "running");
  store.apply([host(0, "running")]);
  assert.deepEqual(store.ordered(), [0, 1]);
});

test("tells which hosts changed, and knows no strangers", () => {
  const store = storeOf("queued", "queued");
  assert.deepEqual(store.apply([host(0, "queued"), host(1, "running"), host(9, "running")]), [1]);
});

test("never takes a final state back, however late a message is", () => {
  const store = storeOf("failed");
  assert.deepEqual(store.apply([host(0, "running")]), []);
  assert.equal(store.get(0).status, "failed");
});

test("never lets a log shrink", () => {
  const store = new HostStore([host(0, "running", { size: 500 })]);
  store.apply([host(0, "succeeded", { size: 400 })]);
  assert.deepEqual([store.get(0).status, store.get(0).size], ["succeeded", 500]);
});

test("counts statuses, worst first", () => {
  const store = storeOf("succeeded", "running", "failed", "succeeded", "lost");
  assert.deepEqual(store.counts(), [["lost", 1], ["failed", 1], ["running", 1], ["succeeded", 2]]);
});

test("counts what a second run could take, as the new-run page does", () => {
  const store = storeOf("succeeded", "failed", "timed_out", "canceled", "unreachable", "lost", "skipped", "running");
  assert.equal(store.number("unsuccessful"), 6);
  assert.equal(store.number("unfinished"), 5);
  assert.equal(store.isOver, false);
});

test("is over with the last host, and knows when that was", () => {
  const store = new HostStore([
    host(0, "succeeded", { finished: "2026-01-01T00:00:05Z" }),
    host(1, "failed", { finished: "2026-01-01T00:00:09Z" }),
    host(2, "skipped"),
  ]);
  assert.equal(store.isOver, true);
  assert.equal(store.finished, Date.parse("2026-01-01T00:00:09Z"));
});

test("finds hosts by name, address, reason and last line in any case", () => {
  const store = new HostStore([
    host(0, "failed", { reason: "The host key has changed." }),
    host(1, "running", { last_line: "Unpacking OpenSSL" }),
    host(2, "queued"),
  ]);
  const found = (text) => {
    store.filterText(text);
    return store.ordered();
  };
  assert.deepEqual(found("host KEY"), [0]);
  assert.deepEqual(found(" openssl "), [1]);
  assert.deepEqual(found("10.0.0.2"), [2]);
  assert.deepEqual(found("web"), [0, 1, 2]);
  assert.deepEqual(found("nothing"), []);
});

test("shows several statuses at once, and all again", () => {
  const store = storeOf("failed", "running", "queued");
  store.toggleStatus("failed");
  store.toggleStatus("queued");
  assert.deepEqual(store.ordered(), [0, 2]);
  store.toggleStatus("failed");
  assert.deepEqual(store.ordered(), [2]);
  store.clearFilter();
  assert.equal(store.isFiltered, false);
  assert.equal(store.ordered().length, 3);
});


test("keeps the tags that only the page brings", () => {
  const store = new HostStore([host(0, "queued", { tags: ["prod"] })]);
  store.apply([host(0, "running")]);
  store.filterText("tag:prod");
  assert.deepEqual(store.ordered(), [0]);
});

test("counts on as hosts move", () => {
  const store = storeOf("queued", "queued", "running");
  store.apply([host(0, "running"), host(2, "failed")]);
  assert.deepEqual(store.counts(), [["failed", 1], ["running", 1], ["queued", 1]]);
  assert.equal(store.number("active"), 2);
});

test("gives the same order back while nothing moved", () => {
  const store = storeOf("running", "queued");
  const before = store.ordered();
  store.apply([host(0, "running", { last_line: "news" })]);
  assert.equal(store.ordered(), before);
  store.apply([host(1, "running")]);
  assert.notEqual(store.ordered(), before);
});

test("filters anew when what is filtered by changes", () => {
  const store = storeOf("running", "running");
  store.filterText("ready");
  assert.deepEqual(store.ordered(), []);
  store.apply([host(1, "running", { last_line: "ready now" })]);
  assert.deepEqual(store.ordered(), [1]);
});

test("shows who has gone quiet, as time goes by", () => {
  let now = Date.parse("2026-01-01T00:00:10Z");
  const started = "2026-01-01T00:00:00Z";
  const store = new HostStore([host(0, "running", { started }), host(1, "queued")], () => now);
  store.toggleStatus("stalled");
  assert.deepEqual([store.ordered(), store.stalled()], [[], []]);
  now += 30_000;
  assert.deepEqual([store.ordered(), store.stalled()], [[0], [0]]);
});

test("takes over from the server who printed a text", () => {
  const store = storeOf("running", "running", "running");
  store.filterText("out:oops");
  assert.deepEqual(store.wantedOutputs, ["oops"]);
  assert.equal(store.ordered().length, 3);
  store.outputFound("oops", new Set([1]));
  assert.deepEqual(store.ordered(), [1]);
});

test("shows only a set of hosts that another view asked for", () => {
  const store = storeOf("running", "running", "running");
  store.filterHosts([0, 2]);
  assert.deepEqual([store.ordered(), store.isFiltered], [[0, 2], true]);
  store.clearFilter();
  assert.deepEqual(store.ordered(), [0, 1, 2]);
});


test("counts, orders and filters hosts without contact apart from those that run", () => {
  const away = { contact_lost: "2026-01-01T00:00:00Z" };
  const store = new HostStore([host(0, "running"), host(1, "running", away), host(2, "failed"), host(3, "starting", away)]);
  assert.deepEqual(store.counts(), [["failed", 1], ["reconnecting", 2], ["running", 1]]);
  assert.deepEqual(store.ordered(), [2, 1, 3, 0]);
  assert.deepEqual([store.number("active"), store.number("away"), store.number("over"), store.isOver], [3, 2, 1, false]);
  store.toggleStatus("reconnecting");
  assert.deepEqual(store.ordered(), [1, 3]);
  store.apply([host(1, "running", { contact_lost: null })]);
  assert.deepEqual([store.ordered(), store.counts()[1]], [[3], ["reconnecting", 1]]);
  store.clearFilter();
  store.filterText("is:reconnecting");
  assert.deepEqual(store.ordered(), [3]);
  store.filterText("is:active");
  assert.deepEqual(store.ordered(), [3, 0, 1]);
});
