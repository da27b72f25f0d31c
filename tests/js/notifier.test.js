import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document ??= { querySelector: () => null };
const { HostStore } = await import("console/host_store");
const { pictureOf } = await import("console/notifier");

const picture = (...statuses) => {
  const hosts = statuses.map((status, i) => ({ i, name: `web${i}`, status, size: 0 }));
  return pictureOf(new HostStore(hosts), "Security update");
};

test("counts in the title while the run goes on", () => {
  assert.deepEqual(picture("succeeded", "running", "queued"), {
    title: "(1/3) Security update · Ops Console", icon: "running",
  });
  assert.equal(picture("failed", "running").icon, "bad");
});

test("says in the title how it ended", () => {
  assert.deepEqual(picture("succeeded", "succeeded"), { title: "✓ Security update · Ops Console", icon: "good" });
  assert.deepEqual(picture("failed", "unreachable", "failed", "succeeded"), {
    title: "✗ 2 failed, 1 unreachable: Security update · Ops Console", icon: "bad",
  });
  assert.equal(picture("canceled", "succeeded").title, "✗ 1 canceled: Security update · Ops Console");
});
