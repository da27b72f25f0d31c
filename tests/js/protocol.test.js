import "./page_modules.mjs";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const protocol = await import("console/protocol");
const frames = JSON.parse(readFileSync(new URL("../fixtures/protocol_frames.json", import.meta.url), "utf8"));

const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const buffer = (hex) => bytes(hex).buffer;
const hex = (data) => Buffer.from(data).toString("hex");

for (const row of frames.output) {
  test(`reads and writes the output frame: ${row.name}`, () => {
    const { host, offset, stream, data } = protocol.decodeOutput(buffer(row.frame));
    assert.deepEqual([host, offset, stream, hex(data)], [row.host, row.offset, row.stream, row.data]);
    assert.equal(hex(protocol.encodeOutput({ ...row, data: bytes(row.data) })), row.frame);
  });
}

for (const row of frames.not_output) {
  test(`rejects a binary frame: ${row.name}`, () => {
    assert.throws(() => protocol.decodeOutput(buffer(row.frame)), protocol.ProtocolError);
  });
}

for (const row of frames.client) {
  test(`says what the server understands: ${row.frame}`, () => {
    assert.equal(protocol[row.call](...row.arguments), row.frame);
  });
}

test("rejects an offset that a page cannot count to", () => {
  const frame = new Uint8Array(protocol.encodeOutput({ host: 0, offset: 0, stream: 1, data: bytes("") }));
  frame.fill(0xff, 8, 16);
  assert.throws(() => protocol.decodeOutput(frame.buffer), protocol.ProtocolError);
});

for (const text of ["", "no JSON", "null", "[]", "7", '{"host":1}', '{"type":4}']) {
  test(`rejects a text frame that is no message: ${text || "empty"}`, () => {
    assert.throws(() => protocol.decodeText(text), protocol.ProtocolError);
  });
}
