import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { faceOf } = await import("console/host_face");

const NOW = Date.parse("2026-05-01T12:10:00Z");
const host = (more) => ({
  name: "web1", address: "10.0.0.1", status: "running", reason: "", exit_status: null, exit_signal: "", finished: null,
  started: "2026-05-01T12:00:00Z", printed: "2026-05-01T12:09:59Z", dropped: 0, last_line: "Unpacking", canceling: false,
  ...more,
});

test("shows how a host stands, what it said last and how long it has run", () => {
  const face = faceOf(host(), NOW);
  assert.deepEqual([face.outcome, face.detail, face.printed, face.elapsed], ["running", "Unpacking", true, "10:00"]);
  assert.deepEqual([face.stall, face.hint], ["no", "Unpacking"]);
});

test("says since when a stalled host is quiet and why, with what to do about it", () => {
  const face = faceOf(host({ printed: "2026-05-01T12:07:50Z", last_line: "Continue? [Y/n]" }), NOW);
  assert.deepEqual([face.outcome, face.detail], ["no output for 2:10", "asks a question · Continue? [Y/n]"]);
  assert.deepEqual([face.stall, face.printed], ["yes", false]);
  assert.match(face.hint, /^asks a question\. Cancel it/);
});

test("shows the last line alone where it does not tell why", () => {
  const face = faceOf(host({ printed: "2026-05-01T12:07:50Z" }), NOW);
  assert.deepEqual([face.outcome, face.detail, face.hint], ["no output for 2:10", "Unpacking", "Unpacking"]);
});


test("says for how long there is no contact, and never calls such a host stalled", () => {
  const away = { contact_lost: "2026-05-01T12:09:18Z", printed: "2026-05-01T12:00:01Z", reason: "Trying again in 8 s." };
  const face = faceOf(host(away), NOW);
  assert.deepEqual([face.standing, face.outcome, face.stall], ["reconnecting", "reconnecting · 42 s", "no"]);
  assert.deepEqual([face.detail, face.printed], ["Trying again in 8 s.", false]);
  assert.equal(face.hint, "Trying again in 8 s.\nNo contact since 12:09:18 UTC.");
  assert.equal(faceOf(host({ ...away, canceling: true }), NOW).outcome, "cancel waits for contact");
});

test("has the whole reason and the mode in the hint", () => {
  const reason = "Killed: 3 processes survive KILL: 812 sh, 813 dd, 814 sync.";
  assert.equal(faceOf(host({ status: "canceled", reason }), NOW).hint, reason);
  const failed = host({ status: "failed", exit_status: 3, reason: "It left a process behind.", mode: "attached" });
  assert.equal(faceOf(failed, NOW).hint, "Unpacking\nIt left a process behind.\nAttached: it ends with the connection.");
});

test("shortens a bar in the row and has the whole line in the hint", () => {
  const line = "Progress: [##########..........] 45%";
  const face = faceOf(host({ last_line: line }), NOW);
  assert.deepEqual([face.detail, face.hint], ["Progress: [##…..…] 45%", line]);
});
