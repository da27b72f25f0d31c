// The wire protocol console.v1 as pure functions; the counterpart of consoles/protocol.py. See docs/protocol.md.

export const SUBPROTOCOL = "console.v1";
export const HEADER_SIZE = 16;
export const STDOUT = 1;
export const STDERR = 2;

export const CLOSE_LOGIN = 4401;
export const CLOSE_FORBIDDEN = 4403;
export const CLOSE_NOT_FOUND = 4404;
export const CLOSE_TOO_MANY_ERRORS = 4400;

const OUTPUT_FRAME = 1;

export class ProtocolError extends Error {}

/** A binary frame as {host, offset, stream, data}. Throws ProtocolError for anything else. */
export function decodeOutput(buffer) {
  if (buffer.byteLength < HEADER_SIZE) throw new ProtocolError("A binary frame is shorter than its header.");
  const view = new DataView(buffer);
  const stream = view.getUint8(1);
  if (view.getUint8(0) !== OUTPUT_FRAME || (stream !== STDOUT && stream !== STDERR) || view.getUint16(2) !== 0) {
    throw new ProtocolError("A binary frame is of an unknown type or stream.");
  }
  const offset = Number(view.getBigUint64(8));
  if (!Number.isSafeInteger(offset)) throw new ProtocolError("An offset is beyond what a page can count.");
  return { host: view.getUint32(4), offset, stream, data: new Uint8Array(buffer, HEADER_SIZE) };
}

/** The inverse of decodeOutput, as an ArrayBuffer. */
export function encodeOutput({ host, offset, stream, data }) {
  const frame = new Uint8Array(HEADER_SIZE + data.length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, OUTPUT_FRAME);
  view.setUint8(1, stream);
  view.setUint32(4, host);
  view.setBigUint64(8, BigInt(offset));
  frame.set(data, HEADER_SIZE);
  return frame.buffer;
}

/** A JSON text frame as an object that has a type. Throws ProtocolError for anything else. */
export function decodeText(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    throw new ProtocolError("A message is not JSON.");
  }
  if (message === null || typeof message !== "object" || typeof message.type !== "string") {
    throw new ProtocolError("A message has no type.");
  }
  return message;
}

const frame = (type, fields = {}) => JSON.stringify({ type, ...fields });

/** Ask for host's output from a byte offset on; max_behind 0 never skips. */
export const subscribe = (host, from, maxBehind) => frame("subscribe", { host, from, max_behind: maxBehind });
export const unsubscribe = (host) => frame("unsubscribe", { host });
export const ack = (host, offset) => frame("ack", { host, offset });
/** Cancel one host, or the whole run when host is null. */
export const cancel = (host = null) => frame("cancel", host === null ? {} : { host });
/** Write a note into the run; the same key never writes two. */
export const say = (key, text) => frame("say", { key, text });
export const ping = (t) => frame("ping", { t });
export const start = (request) => frame("start", request);
