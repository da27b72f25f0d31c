import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { LagMeter, connectionWords } = await import("console/status_bar");

test("measures the age of the oldest byte that is stored and not drawn", () => {
  const meter = new LagMeter();
  meter.stored(100, 1_000);
  meter.stored(200, 1_500);
  assert.equal(meter.lag(2_000), 1_000);
  meter.drawn(100);
  assert.equal(meter.lag(2_000), 500);
  meter.drawn(200);
  assert.equal(meter.lag(9_000), 0);
});

test("does not grow older when the same size is told again", () => {
  const meter = new LagMeter();
  meter.stored(100, 1_000);
  meter.drawn(100);
  meter.stored(200, 2_000);
  meter.stored(200, 3_000);
  assert.equal(meter.lag(3_000), 1_000);
});

test("says how the connection is, and what the operator can do", () => {
  const words = (state, lag = 0) => connectionWords(state, lag, 10_000);
  assert.deepEqual(words({ phase: "live" }), ["live", "live"]);
  assert.deepEqual(words({ phase: "live" }, 420), ["live", "live, 0.4 s behind"]);
  assert.deepEqual(words({ phase: "live" }, 61_000), ["behind", "live, 61 s behind"]);
  assert.deepEqual(words({ phase: "silent", since: 1_000, isOnline: true }), ["waiting", "no answer for 9 s"]);
  assert.deepEqual(words({ phase: "silent", since: 1_000, isOnline: false })[0], "offline");
  assert.deepEqual(words({ phase: "waiting", retryAt: 13_400 }), ["waiting", "reconnecting in 4 s"]);
  assert.deepEqual(words({ phase: "connecting", attempt: 2 }), ["waiting", "reconnecting"]);
  assert.deepEqual(words({ phase: "connecting", attempt: 0 }), ["waiting", "connecting"]);
  assert.deepEqual(words({ phase: "login" }), ["ended", "login needed"]);
});
