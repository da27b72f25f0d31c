import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeWorld } from "./fake_world.mjs";

const { GroupFeed } = await import("console/group_feed");

/** A feed whose requests a test answers. */
function setUp() {
  const world = new FakeWorld();
  const requests = [];
  const feed = new GroupFeed(
    (signal) => new Promise((answered, failed) => {
      requests.push({ answered, failed });
      signal.addEventListener("abort", () => failed(new DOMException("gone", "AbortError")));
    }),
    world,
  );
  const told = [];
  feed.onChange(() => told.push([feed.answer?.groups ?? null, feed.problem]));
  const settle = () => new Promise((done) => setImmediate(done));
  const answer = async (groups, pending = 0) => {
    requests.at(-1).answered({ groups, pending, unfinished: 0 });
    await settle();
  };
  const fail = async (text) => {
    requests.at(-1).failed(new Error(text));
    await settle();
  };
  return { world, feed, requests, told, answer, fail, settle };
}

test("asks nothing while nobody looks", () => {
  const { world, feed, requests } = setUp();
  feed.ask();
  world.passes(10_000);
  assert.equal(requests.length, 0);
  feed.wanted("panel", true);
  world.passes(0);
  assert.equal(requests.length, 1);
});

test("asks at most once a second, however many hosts finish, and once more after the last", async () => {
  const { world, feed, requests, answer } = setUp();
  feed.wanted("panel", true);
  for (let n = 0; n < 100; n += 1) {
    feed.ask();
    world.passes(25);
    if (requests.length > 0) await answer([n]);
  }
  world.passes(5_000);
  assert.ok(requests.length >= 3 && requests.length <= 4, `${requests.length} requests in 2.5 s`);
});

test("never has two requests under way", async () => {
  const { world, feed, requests, answer } = setUp();
  feed.wanted("panel", true);
  feed.ask();
  world.passes(0);
  feed.ask();
  world.passes(5_000);
  assert.equal(requests.length, 1);
  await answer(["old"]);
  world.passes(0);
  assert.equal(requests.length, 2);
});

test("asks again while the console still compares", async () => {
  const { world, feed, requests, answer, told } = setUp();
  feed.wanted("panel", true);
  feed.ask();
  world.passes(0);
  await answer(["a"], 700);
  assert.ok(feed.isLoading);
  world.passes(1_000);
  await answer(["a", "b"], 0);
  world.passes(10_000);
  assert.equal(requests.length, 2);
  assert.deepEqual(told, [[["a"], ""], [["a", "b"], ""]]);
});

test("keeps what it knows when a request fails, tries again later and later, and at once when told to", async () => {
  const { world, feed, requests, answer, fail, told } = setUp();
  feed.wanted("panel", true);
  feed.ask();
  world.passes(0);
  await answer(["a"]);
  feed.ask();
  world.passes(1_000);
  await fail("The console does not answer.");
  assert.deepEqual(told.at(-1), [["a"], "The console does not answer."]);
  world.passes(2_900);
  assert.equal(requests.length, 2);
  world.passes(200);
  await fail("The console does not answer.");
  world.passes(3_100);
  assert.equal(requests.length, 3);
  feed.retry();
  world.passes(0);
  await answer(["a", "b"]);
  assert.deepEqual(told.at(-1), [["a", "b"], ""]);
});

test("gives up a request that never ends", async () => {
  const { world, feed, settle } = setUp();
  feed.wanted("panel", true);
  feed.ask();
  world.passes(0);
  world.passes(30_000);
  await settle();
  assert.match(feed.problem, /takes too long/);
});
