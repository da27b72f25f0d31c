import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const format = await import("console/format");

const host = (more) => ({
  name: "web1", address: "10.0.0.1", status: "running", reason: "", exit_status: null, exit_signal: "", started: null,
  finished: null, size: 0, dropped: 0, last_line: "", canceling: false, ...more,
});

test("writes durations so that they can be compared", () => {
  const written = [0, 400, 41_200, 59_949, 59_950, 134_000, 3_734_000, 266_460_000].map(format.duration);
  assert.deepEqual(written, ["0.0 s", "0.4 s", "41.2 s", "59.9 s", "1:00", "2:14", "1:02:14", "3 d 02:01"]);
});

test("counts seconds without tenths while they pass", () => {
  assert.deepEqual([0, 999, 17_900, 61_000].map(format.wholeDuration), ["0 s", "0 s", "17 s", "1:01"]);
  assert.equal(format.wholeDuration(-500), "0 s");
});

test("writes numbers and plurals", () => {
  assert.equal(format.number(4182991), "4,182,991");
  assert.equal(format.plural(1, "host"), "1 host");
  assert.equal(format.plural(1200, "host"), "1,200 hosts");
});

test("writes times in UTC", () => {
  assert.equal(format.clock("2026-05-01T14:03:02.250Z"), "14:03:02");
});

test("says how a host stands", () => {
  assert.equal(format.outcome(host({ status: "failed", exit_status: 100 })), "failed · exit 100");
  assert.equal(format.outcome(host({ status: "failed", exit_signal: "KILL" })), "failed · KILL");
  assert.equal(format.outcome(host({ status: "timed_out" })), "timed out");
  assert.equal(format.outcome(host({ canceling: true })), "canceling");
});

test("prefers the program's words where it spoke, the console's where it did not", () => {
  const words = { last_line: "E: broken", reason: "The console says why." };
  const detail = (more) => format.detail(host({ ...words, ...more })).text;
  assert.equal(detail({ status: "running" }), "E: broken");
  assert.equal(detail({ status: "failed", exit_status: 1 }), "E: broken");
  assert.equal(detail({ status: "failed", exit_status: 1, dropped: 9 }), "The console says why.");
  assert.equal(detail({ status: "unreachable" }), "The console says why.");
  assert.deepEqual(format.detail(host({ status: "queued" })), { text: "10.0.0.1", printed: false });
});

test("measures a host by the server's clock", () => {
  const started = "2026-01-01T00:00:00Z";
  const now = Date.parse("2026-01-01T00:00:17.900Z");
  assert.equal(format.elapsedText(host({ started }), now), "17 s");
  assert.equal(format.elapsedText(host({ started, finished: "2026-01-01T00:00:02.500Z" }), now), "2.5 s");
  assert.equal(format.elapsedText(host({}), now), "");
});


const LOST = "2026-05-01T14:03:02Z";

test("calls a host reconnecting that may go on without contact, whatever it was before", () => {
  assert.equal(format.standing(host({ contact_lost: LOST })), "reconnecting");
  assert.equal(format.standing(host({ status: "starting", contact_lost: LOST })), "reconnecting");
  for (const status of ["queued", "succeeded", "lost"]) assert.equal(format.standing(host({ status, contact_lost: LOST })), status);
  assert.equal(format.standing(host()), "running");
  assert.equal(format.outcome(host({ contact_lost: LOST, canceling: true })), "cancel waits for contact");
});

test("tells the console's reason of a host without contact, not the old last line", () => {
  const away = host({ contact_lost: LOST, reason: "Trying again in 8 s.", last_line: "Unpacking" });
  assert.deepEqual(format.detail(away), { text: "Trying again in 8 s.", printed: false });
  assert.equal(format.reasonText({ ...away, canceling: true }), "Trying again in 8 s. It is ended as soon as there is contact again.");
});
