import assert from "node:assert/strict";
import test from "node:test";

import { span, startRequest, tellLimits, uuid } from "../../static/js/new_run_request.js";

const fields = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
const limits = { fanout: "64", connect_timeout: "10", idle_timeout: "900", total_timeout: "7200" };
const review = { servers: ["web1", "web2"], script: "", command: "uptime\n", mode: "attached", digest: "x" };

test("asks for exactly what was reviewed, not for what the form says meanwhile", () => {
  const elements = fields({ ...limits, key: "k", title: "T", rerun: "", command: "other", names: "other" });
  assert.deepEqual(startRequest(elements, review), {
    key: "k",
    servers: ["web1", "web2"],
    command: "uptime\n",
    script: "",
    title: "T",
    mode: "attached",
    fanout: 64,
    connect_timeout: 10,
    idle_timeout: 900,
    total_timeout: 7200,
  });
});

test("names the run it repeats", () => {
  assert.equal(startRequest(fields({ ...limits, key: "k", title: "", rerun: "12" }), review).rerun_of, 12);
});

test("tells the limits in words", () => {
  assert.equal(tellLimits(fields(limits)), "fan-out 64, connect 10 s, idle 15 min, total 2 h");
  const odd = fields({ fanout: "", connect_timeout: "x", idle_timeout: "0", total_timeout: "90" });
  assert.equal(tellLimits(odd), "fan-out ?, connect ?, idle for ever, total 90 s");
});

test("tells seconds in the largest unit that divides them", () => {
  assert.deepEqual([1, 60, 3600, 86400, 3660].map(span), ["1 s", "1 min", "1 h", "1 d", "61 min"]);
});

test("makes random version 4 UUIDs without a secure context", () => {
  assert.equal(uuid((bytes) => bytes.fill(255)), "ffffffff-ffff-4fff-bfff-ffffffffffff");
  assert.match(uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(uuid(), uuid());
});
