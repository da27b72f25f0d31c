import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { blankWords, countLines, endSentence, progressSentence, startOf, startOfNewest } = await import("console/pane_words");
const { STATUSES } = await import("console/host_store");

const MiB = 1024 * 1024;
const host = (more) => ({
  name: "web1", address: "10.0.0.1", status: "succeeded", exit_status: 0, exit_signal: "", size: 0, dropped: 0,
  started: "2026-01-01T00:00:00Z", finished: "2026-01-01T00:00:41.200Z", canceling: false, ...more,
});

test("begins a finished log a screenful of megabytes before its end, and a growing one at its start", () => {
  assert.equal(startOf(host({ size: 100 * MiB })), 99 * MiB);
  assert.equal(startOf(host({ size: 1000 })), 0);
  assert.equal(startOf(host({ size: 100 * MiB, status: "running" })), 0);
});

test("fetches about as much of a log as the wanted lines take, and never all of a huge one", () => {
  const huge = host({ size: 100 * MiB, lines: 1_000_000 });
  const from = startOfNewest(huge, 50_000);
  const lines = (100 * MiB - from) / (100 * MiB / 1_000_000);
  assert.ok(lines >= 50_000 && lines < 60_000, `${lines} lines`);
  assert.equal(startOfNewest(host({ size: 5 * MiB, lines: 50_000 }), 50_000), 0);
  assert.equal(startOfNewest(host({ size: 100 * MiB, lines: 0 }), 50_000), 68 * MiB);
  assert.equal(startOfNewest(host({ size: 0, lines: 0 }), 50_000), 0);
});

test("counts lines in bytes", () => {
  const count = (text) => countLines(new TextEncoder().encode(text));
  assert.deepEqual(["", "one", "one\n", "\n\n\n", "a\r\nb\rc\n"].map(count), [0, 0, 1, 3, 2]);
});

test("has words for an empty pane in every status", () => {
  for (const status of STATUSES) {
    const [title, text] = blankWords(host({ status }));
    assert.match(title, /^[A-Z]/);
    assert.match(text, /\.$/);
  }
});

test("ends a log with how the program ended and what is stored", () => {
  assert.equal(endSentence(host({ size: 18204 })), "exit 0 after 41.2 s · 18,204 bytes, all stored");
  assert.equal(
    endSentence(host({ size: 10, dropped: 5, status: "failed", exit_status: null, exit_signal: "TERM" })),
    "failed · TERM after 41.2 s · 10 bytes, 5 bytes beyond the limit not stored",
  );
});

test("claims of no log more than is known", () => {
  assert.equal(
    endSentence(host({ size: 329, status: "lost", exit_status: null })),
    "lost after 41.2 s · 329 bytes stored, later output unknown",
  );
  assert.equal(endSentence(host({ status: "unreachable", exit_status: null })), "");
  assert.equal(endSentence(host({ status: "canceled", started: null, exit_status: null })), "");
  assert.equal(progressSentence(host({ size: 5 })), "succeeded · loading 5 bytes");
});
