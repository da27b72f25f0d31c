import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { parseFilter } = await import("console/host_filter");

const HOSTS = [
  { name: "web1", address: "10.0.0.1:22", status: "failed", reason: "", last_line: "E: Broken pipe", exit_status: 100,
    exit_signal: "", tags: ["prod", "Edge"] },
  { name: "web2", address: "10.0.0.2:22", status: "running", reason: "", last_line: "Unpacking openssl", tags: ["stage"] },
  { name: "db1", address: "10.0.0.3:22", status: "timed_out", reason: "Ran for two hours.", last_line: "", tags: ["prod"] },
  { name: "web1-test", address: "10.0.0.4:22", status: "succeeded", reason: "", last_line: "ok", exit_status: 0 },
];
const found = (text, facts) => {
  const { matches } = parseFilter(text);
  return HOSTS.filter((host) => matches(host, facts)).map(({ name }) => name);
};

test("wants every word, somewhere in name, address, reason or last line", () => {
  assert.deepEqual(found("web"), ["web1", "web2", "web1-test"]);
  assert.deepEqual(found("WEB pipe"), ["web1"]);
  assert.deepEqual(found("10.0.0.3"), ["db1"]);
  assert.deepEqual(found("hours"), ["db1"]);
  assert.deepEqual(found("web1-test"), ["web1-test"]);
  assert.deepEqual(found("web nothing"), []);
});

test("takes a quoted text as one", () => {
  assert.deepEqual(found('"broken pipe"'), ["web1"]);
  assert.deepEqual(found('"pipe broken"'), []);
  assert.deepEqual(found('"broken pi'), ["web1"]);
});

test("finds by tag, by one of several and by all of them", () => {
  assert.deepEqual(found("tag:prod"), ["web1", "db1"]);
  assert.deepEqual(found("tag:edge tag:prod"), ["web1"]);
  assert.deepEqual(found("tag:edge,stage"), ["web1", "web2"]);
  assert.deepEqual(found("tag:pro"), []);
});

test("finds by status, its beginning, several of them and kinds", () => {
  assert.deepEqual(found("status:failed"), ["web1"]);
  assert.deepEqual(found("status:timed"), ["db1"]);
  assert.deepEqual(found("status:timed-out"), ["db1"]);
  assert.deepEqual(found("status:failed status:run"), ["web1", "web2"]);
  assert.deepEqual(found("is:bad"), ["web1", "db1"]);
  assert.deepEqual(found("status:done -status:bad"), ["web1-test"]);
});

test("leaves out what has a minus before it", () => {
  assert.deepEqual(found("web -tag:prod"), ["web2", "web1-test"]);
  assert.deepEqual(found("-web"), ["db1"]);
  assert.deepEqual(found('web -"broken pipe"'), ["web2", "web1-test"]);
});

test("finds by name alone and by exit status", () => {
  assert.deepEqual(found("name:web1"), ["web1", "web1-test"]);
  assert.deepEqual(found("exit:100"), ["web1"]);
  assert.deepEqual(found("exit:0"), ["web1-test"]);
});

test("asks who is stalled", () => {
  const isStalled = ({ name }) => name === "web2";
  assert.deepEqual(found("status:stalled", { isStalled }), ["web2"]);
  assert.equal(parseFilter("status:stalled").isOfTime, true);
  assert.equal(parseFilter("status:failed").isOfTime, false);
});

test("says what has to be searched for in the output, and leaves nobody out before the answer", () => {
  assert.deepEqual(parseFilter('out:"out of memory" web out:oops -out:fine').outputs, ["out of memory", "oops", "fine"]);
  assert.equal(found("out:oops").length, HOSTS.length);
  const hasOutput = (host, text) => host.name === "db1" && text === "oops";
  assert.deepEqual(found("out:oops", { hasOutput }), ["db1"]);
  assert.deepEqual(found("-out:oops", { hasOutput }), ["web1", "web2", "web1-test"]);
});

test("hides nothing while somebody is still typing", () => {
  for (const text of ["", "  ", "-", "tag:", "status:", "-tag:", 'out:"', "tag:,"]) {
    assert.equal(found(text).length, HOSTS.length, text);
    assert.equal(parseFilter(text).isEmpty, true, text);
  }
});

test("takes what is no field for a word", () => {
  assert.deepEqual(found("10.0.0.1:22"), ["web1"]);
  assert.deepEqual(found("E:"), ["web1"]);
  assert.deepEqual(found("port:22"), []);
});
