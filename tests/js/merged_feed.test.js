import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeWorld, listener } from "./fake_world.mjs";

const { MergedFeed } = await import("console/merged_feed");

/** A server that answers when the test says so. */
class FakeServer {
  asked = [];

  ask = (params, signal) =>
    new Promise((resolve, reject) => {
      this.asked.push({ ...params, resolve, reject, signal });
      signal.addEventListener("abort", () => reject(signal.reason));
    });

  async answers(answer = {}) {
    this.asked.at(-1).resolve({ after: `after ${this.asked.length}`, more: false, ...answer });
    await settled();
  }
}

const settled = () => new Promise((done) => setImmediate(done));

function begun() {
  const [world, server, delegate] = [new FakeWorld(), new FakeServer(), listener()];
  const feed = new MergedFeed(server.ask, delegate, world);
  feed.begin([0, 1]);
  return { world, server, delegate, feed };
}

test("asks nothing before somebody looks", () => {
  const { world, server, feed } = begun();
  world.passes(5_000);
  assert.equal(server.asked.length, 0);
  feed.resume();
  world.passes(0);
  assert.deepEqual(server.asked[0].hosts, [0, 1]);
});

test("asks again only when something grew, from where it was, and at most four times a second", async () => {
  const { world, server, feed } = begun();
  feed.resume();
  world.passes(0);
  await server.answers();
  world.passes(10_000);
  assert.equal(server.asked.length, 1);
  feed.grew();
  world.passes(0);
  assert.equal(server.asked[1].after, "after 1");
  await server.answers();
  for (let n = 0; n < 50; n += 1) feed.grew();
  world.passes(249);
  assert.equal(server.asked.length, 2);
  world.passes(1);
  assert.equal(server.asked.length, 3);
});

test("has one request at a time, and asks once for all that grew meanwhile", async () => {
  const { world, server, feed } = begun();
  feed.resume();
  world.passes(0);
  for (let n = 0; n < 5; n += 1) feed.grew();
  world.passes(5_000);
  assert.equal(server.asked.length, 1);
  await server.answers();
  world.passes(5_000);
  assert.equal(server.asked.length, 2);
});

test("goes on at once when the answer says that there is more", async () => {
  const { world, server, feed } = begun();
  feed.resume();
  world.passes(0);
  await server.answers({ more: true });
  world.passes(250);
  assert.equal(server.asked.length, 2);
});

test("gives up its request when nobody looks any more, and goes on from there later", async () => {
  const { world, server, delegate, feed } = begun();
  feed.resume();
  world.passes(0);
  await server.answers();
  feed.grew();
  world.passes(250);
  feed.pause();
  assert.equal(server.asked[1].signal.aborted, true);
  await settled();
  world.passes(60_000);
  assert.equal(server.asked.length, 2);
  feed.resume();
  world.passes(0);
  assert.equal(server.asked[2].after, "after 1");
  assert.deepEqual(delegate.told.map(([what]) => what), ["received"]);
});

test("begins anew with other hosts, and drops the late answer for the ones before", async () => {
  const { world, server, delegate, feed } = begun();
  feed.resume();
  world.passes(0);
  feed.begin([7]);
  world.passes(250);
  assert.deepEqual([server.asked[1].hosts, server.asked[1].after], [[7], ""]);
  server.asked[0].resolve({ after: "late", more: false });
  await settled();
  assert.deepEqual(delegate.told, []);
});

test("says what went wrong and tries again in a few seconds", async () => {
  const { world, server, delegate, feed } = begun();
  feed.resume();
  world.passes(0);
  server.asked[0].reject(new Error("The console does not answer."));
  await settled();
  assert.equal(delegate.told[0][0], "failed");
  world.passes(2_999);
  assert.equal(server.asked.length, 1);
  world.passes(1);
  assert.equal(server.asked.length, 2);
});
