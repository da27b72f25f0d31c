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
