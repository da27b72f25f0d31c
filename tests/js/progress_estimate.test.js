import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { estimateText, ownMedian, remaining } = await import("console/progress_estimate");

const NOW = Date.parse("2026-05-01T12:00:00Z");
const at = (seconds) => new Date(NOW + seconds * 1000).toISOString();
const queued = (count) => Array(count).fill({ status: "queued", started: null });
const running = (...seconds) => seconds.map((ran) => ({ status: "running", started: at(-ran) }));
const done = (...seconds) => seconds.map((took) => ({ status: "succeeded", started: at(-100), finished: at(took - 100) }));
const left = (hosts, fanout, median = 60) => remaining(hosts, fanout, median * 1000, NOW) / 1000;

test("is what the youngest running host still needs", () => {
  assert.equal(left(running(10, 50), 64), 50);
});

test("is nothing more than overdue where all ran longer than usual", () => {
  assert.equal(left(running(70, 90), 64), 0);
});

test("lets what waits go through the places in waves", () => {
  assert.equal(left(queued(8), 4), 120);
  assert.equal(left(queued(9), 4), 180);
  // Two places come free in 10 s and in 40 s; the third host waits for the first of them again.
  assert.equal(left([...running(50, 20), ...queued(1)], 2), 70);
  assert.equal(left([...running(50, 20), ...queued(2)], 2), 100);
  assert.equal(left([...running(50, 20), ...queued(3)], 2), 130);
});

test("fills places that are free, and never has more of them than hosts", () => {
  assert.equal(left([...running(30), ...queued(1)], 64), 60);
  assert.equal(left(queued(1), 64), 60);
});

test("gives a host that is starting all its time", () => {
  assert.equal(left([{ status: "starting", started: null }], 64), 60);
});

test("is as long as playing it through", () => {
  const ran = [55, 3, 31, 12, 44];
  const places = ran.map((seconds) => 60 - seconds);
  for (let n = 0; n < 23; n += 1) {
    places.sort((a, b) => a - b);
    places[0] += 60;
  }
  assert.equal(left([...running(...ran), ...queued(23)], 5), Math.max(...places));
});

test("knows nothing of a run that is over", () => {
  assert.equal(remaining(done(5), 64, 60_000, NOW), null);
  assert.equal(estimateText(done(5), { fanout: 64, earlier: { median: 60_000, runs: 3 }, now: NOW }), "");
});

test("learns from the run's own hosts once there are some", () => {
  assert.equal(ownMedian(done(1, 2, 3, 4)), null);
  assert.equal(ownMedian(done(1, 2, 9, 4, 3)), 3000);
  assert.equal(ownMedian(done(1, 2, 3, 4, 5, 6)), 3500);
});

test("says it in words, with where it is known from", () => {
  const text = (hosts, earlier) => estimateText(hosts, { fanout: 64, earlier, now: NOW });
  assert.equal(text(running(10), { median: 75_000, runs: 12 }), "about 1:05 left (median of 12 runs)");
  assert.equal(text(running(10), { median: 40_000, runs: 1 }), "about 30 s left (median of 1 run)");
  assert.equal(text(running(80), { median: 41_000, runs: 12 }), "longer than usual (median 41.0 s of 12 runs)");
  assert.equal(text(running(10), null), "");
  assert.equal(text([...running(10), ...done(20, 20, 20, 20, 20)], null), "about 10 s left (median of this run's hosts)");
});

test("is coarser the longer it takes", () => {
  const text = (median) => estimateText(queued(1), { fanout: 1, earlier: { median, runs: 2 }, now: NOW });
  assert.equal(text(123_456), "about 2:05 left (median of 2 runs)");
  assert.equal(text(4_000_000), "about 1:07:00 left (median of 2 runs)");
});

test("promises nothing where hosts that are late hold up the others", () => {
  const words = (hosts) => estimateText(hosts, { fanout: 1, earlier: { median: 60_000, runs: 3 }, now: NOW });
  assert.match(words([...running(89), ...queued(1)]), /^about 1:00 left/);
  assert.match(words([...running(91), ...queued(1)]), /^at least 1:00 left/);
});
