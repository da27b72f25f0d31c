import "./page_modules.mjs";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { FakeWorld, listener } from "./fake_world.mjs";

const { encodeOutput } = await import("console/protocol");
const { RunSocket, retryDelay } = await import("console/run_socket");

const HELLO = { type: "hello", run: {}, hosts: [], window: 1048576, may_cancel: true, server_time: "2026-01-01T00:00:00Z" };
const encode = (text) => new TextEncoder().encode(text);
const decode = (data) => new TextDecoder().decode(data);

let world;
let delegate;
let socket;

beforeEach(() => {
  world = new FakeWorld();
  delegate = listener();
  socket = new RunSocket("ws://console/ws/runs/1/", delegate, world);
});

function connect() {
  socket.start();
  world.socket.opens();
  world.socket.says(HELLO);
}

function output(offset, text, host = 0) {
  world.socket.sends(encodeOutput({ host, offset, stream: 1, data: encode(text) }));
}

const received = () =>
  delegate.told.filter(([what]) => what === "outputReceived").map(([, host, offset, data]) => [host, offset, decode(data)]);
const phases = () => delegate.told.filter(([what]) => what === "connectionChanged").map(([, state]) => state.phase);

test("waits between half a second and ten, longer each time and never exactly as others do", () => {
  assert.equal(retryDelay(0, () => 0), 500);
  assert.equal(retryDelay(0, () => 1), 1000);
  assert.equal(retryDelay(2, () => 0.5), 2250);
  assert.equal(retryDelay(50, () => 1), 10_000);
  assert.equal(retryDelay(50, () => 0), 500);
});

test("subscribes when the socket opens and gives output in order", () => {
  socket.subscribe(0, 0, 100);
  connect();
  output(0, "one\n");
  output(4, "two\n");
  assert.deepEqual(world.socket.heard("subscribe"), [{ type: "subscribe", host: 0, from: 0, max_behind: 100 }]);
  assert.deepEqual(received(), [[0, 0, "one\n"], [0, 4, "two\n"]]);
});

test("drops what came before, wholly or in part", () => {
  connect();
  socket.subscribe(0, 0, 0);
  output(0, "abcdef");
  output(0, "abc");
  output(4, "efgh");
  assert.deepEqual(received(), [[0, 0, "abcdef"], [0, 6, "gh"]]);
});

test("asks once from its cursor when bytes are missing, and takes nothing until they come", () => {
  connect();
  socket.subscribe(0, 0, 0);
  output(0, "abc");
  output(10, "klm");
  output(13, "nop");
  assert.deepEqual(world.socket.heard("subscribe").map(({ from }) => from), [0, 3]);
  output(3, "defghijklmnop");
  assert.deepEqual(received().map(([, , text]) => text).join(""), "abcdefghijklmnop");
});

test("ignores output of a host nobody reads any more", () => {
  connect();
  socket.subscribe(0, 0, 0);
  socket.unsubscribe(0);
  socket.subscribe(1, 0, 0);
  output(0, "late");
  output(0, "wanted", 1);
  assert.deepEqual(received(), [[1, 0, "wanted"]]);
});

test("goes on from its cursor after the connection was lost", () => {
  connect();
  socket.subscribe(0, 0, 77);
  output(0, "before ");
  world.socket.drops();
  world.passes(1_000);
  assert.equal(world.sockets.length, 2);
  world.socket.opens();
  world.socket.says(HELLO);
  output(0, "before and after");
  assert.deepEqual(world.socket.heard("subscribe"), [{ type: "subscribe", host: 0, from: 7, max_behind: 77 }]);
  assert.deepEqual(received().map(([, , text]) => text), ["before ", "and after"]);
  assert.deepEqual(phases(), ["connecting", "live", "waiting", "connecting", "live"]);
});

test("loses and repeats nothing when the connection is cut at any byte", () => {
  const log = Array.from({ length: 400 }, (_, line) => `line ${line}\n`).join("");
  let seed = 1;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  connect();
  socket.subscribe(0, 0, 0);
  while (socket.cursor(0) < log.length) {
    const { from } = world.socket.heard("subscribe").at(-1);
    let at = from;
    for (let frames = random(6); frames >= 0 && at < log.length; frames -= 1) {
      const start = Math.max(0, at - random(5));
      at += 1 + random(90);
      output(start, log.slice(start, at));
    }
    output(socket.cursor(0), log.slice(socket.cursor(0), socket.cursor(0) + 20));
    world.socket.drops();
    world.passes(10_000);
    world.socket.opens();
    world.socket.says(HELLO);
  }
  assert.equal(received().map(([, , text]) => text).join(""), log);
});

for (const [code, phase] of [[4401, "login"], [4403, "forbidden"], [4404, "missing"], [4400, "refused"]]) {
  test(`never tries again after ${code}`, () => {
    connect();
    world.socket.drops(code);
    world.passes(600_000);
    assert.equal(world.sockets.length, 1);
    assert.equal(socket.state.phase, phase);
  });
}

test("comes back after the console closed the socket because nobody would ring", () => {
  socket.start();
  world.socket.opens();
  world.socket.drops(4503);
  assert.equal(socket.state.phase, "waiting");
  world.passes(10_000);
  assert.equal(world.sockets.length, 2);
});

test("begins with short waits again once the server answered", () => {
  world.dice = 1;
  socket.start();
  for (let failures = 0; failures < 6; failures += 1) {
    world.socket.drops();
    world.passes(10_000);
  }
  world.socket.opens();
  world.socket.says(HELLO);
  world.socket.drops();
  assert.equal(socket.state.retryAt - world.time, 1_000);
});

test("says offline while there is no network, and tries at once when it is back", () => {
  connect();
  world.online = false;
  world.socket.drops();
  assert.equal(socket.state.phase, "offline");
  world.online = true;
  socket.retryNow();
  assert.equal(world.sockets.length, 2);
});

test("acknowledges what was dealt with and not what arrived", () => {
  connect();
  socket.subscribe(0, 0, 0);
  output(0, "x".repeat(40_000));
  world.passes(1_000);
  assert.deepEqual(world.socket.heard("ack"), []);
  socket.acknowledge(0, 40_000);
  assert.deepEqual(world.socket.heard("ack"), [{ type: "ack", host: 0, offset: 40_000 }]);
});

test("collects small acknowledgements for a moment", () => {
  connect();
  socket.subscribe(0, 0, 0);
  output(0, "x".repeat(300));
  for (const offset of [100, 200, 300]) socket.acknowledge(0, offset);
  assert.deepEqual(world.socket.heard("ack"), []);
  world.passes(100);
  assert.deepEqual(world.socket.heard("ack"), [{ type: "ack", host: 0, offset: 300 }]);
});

test("does not acknowledge to a new connection what the old one sent", () => {
  connect();
  socket.subscribe(0, 0, 0);
  output(0, "x".repeat(1_000));
  world.socket.drops();
  world.passes(1_000);
  world.socket.opens();
  socket.acknowledge(0, 1_000);
  world.passes(1_000);
  assert.deepEqual(world.socket.heard("ack"), []);
});

test("moves its cursor over a gap and tells what was really skipped", () => {
  connect();
  socket.subscribe(0, 0, 10);
  output(0, "abc");
  world.socket.says({ type: "gap", host: 0, from: 0, to: 100 });
  output(100, "tail");
  const [, gap] = delegate.told.find(([what]) => what === "gapReceived");
  assert.deepEqual(gap, { host: 0, from: 3, to: 100 });
  assert.deepEqual(received().at(-1), [0, 100, "tail"]);
});

test("measures the round trip of its pings", () => {
  connect();
  const [{ t }] = world.socket.heard("ping");
  world.passes(42);
  world.socket.says({ type: "pong", t });
  assert.deepEqual(delegate.told.at(-1), ["roundTripMeasured", 42]);
});

test("asks after 8 quiet seconds, says so when nobody answers, and gives up after 40", () => {
  connect();
  world.passes(8_000);
  assert.equal(world.socket.heard("ping").length, 2);
  assert.equal(socket.state.phase, "live");
  world.passes(3_000);
  assert.deepEqual(socket.state, { phase: "silent", since: 0, isOnline: true });
  world.passes(34_000);
  assert.equal(world.sockets[0].isClosed, true);
});

test("is live again with the first word, and measures no round trip over the silence", () => {
  connect();
  world.passes(11_000);
  const { t } = world.socket.heard("ping").at(-1);
  world.socket.says({ type: "pong", t });
  assert.equal(socket.state.phase, "live");
  assert.ok(!delegate.told.some(([what]) => what === "roundTripMeasured"));
});

test("believes at once that the network is gone", () => {
  connect();
  world.online = false;
  socket.networkLost();
  assert.deepEqual(socket.state, { phase: "silent", since: 0, isOnline: false });
});

test("keeps a server that says anything at all", () => {
  connect();
  for (let second = 0; second < 120; second += 5) {
    world.passes(5_000);
    world.socket.says({ type: "clock", server_time: "2026-01-01T00:00:00Z" });
  }
  assert.equal(socket.state.phase, "live");
});

test("goes on when a handler throws, and reports it", () => {
  const broken = listener({
    outputReceived() {
      throw new Error("broken handler");
    },
  });
  socket = new RunSocket("ws://console/", broken, world);
  connect();
  socket.subscribe(0, 0, 0);
  output(0, "abc");
  output(3, "def");
  assert.equal(socket.cursor(0), 6);
  assert.equal(world.reported.length, 2);
});

test("goes on after a frame that is not of the protocol", () => {
  connect();
  socket.subscribe(0, 0, 0);
  world.socket.sends("no JSON");
  world.socket.sends(new ArrayBuffer(3));
  world.socket.says({ type: "something_new" });
  output(0, "abc");
  assert.deepEqual(received(), [[0, 0, "abc"]]);
  assert.equal(world.reported.length, 2);
});

test("hears nothing more from a socket it has given up", () => {
  connect();
  const [old] = world.sockets;
  world.passes(45_000);
  old.says({ type: "clock", server_time: "2026-01-01T00:00:00Z" });
  old.drops(4401);
  assert.notEqual(socket.state.phase, "login");
});

test("says whether a cancel was heard", () => {
  assert.equal(socket.cancel(), false);
  connect();
  assert.equal(socket.cancel(3), true);
  assert.deepEqual(world.socket.heard("cancel"), [{ type: "cancel", host: 3 }]);
});

test("leaves nothing behind when it is stopped", () => {
  connect();
  socket.stop();
  world.passes(600_000);
  assert.equal(world.sockets.length, 1);
  assert.equal(world.socket.isClosed, true);
});
