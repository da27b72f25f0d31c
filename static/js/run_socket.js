// One socket to the console that survives everything: it reconnects, goes on where it stopped, and gives every byte of
// a subscribed host's output to its delegate exactly once and in order.
//
// The delegate may have: connectionChanged(state), helloReceived(message), statusReceived(message),
// outputReceived(host, offset, data, stream), outputEnded(message), gapReceived({host, from, to}),
// presenceReceived(message), notesReceived(message),
// clockReceived(serverTime), roundTripMeasured(ms), errorReceived(message).

import * as protocol from "console/protocol";

const FIRST_DELAY = 500;
const LONGEST_DELAY = 10_000;
const PULSE = 1_000;
const PING_EVERY = 15_000;
/** The server says something every 5 s: a longer silence is worth a question, */
const PROBE_AFTER = 8_000;
/** and one that goes unanswered for so long is worth saying. */
const ANSWER_WITHIN = 2_000;
const DEAD_AFTER = 40_000;
const ACK_BYTES = 32 * 1024;
const ACK_DELAY = 100;
const ASK_AGAIN_AFTER = 2_000;

const FINAL_CLOSES = {
  [protocol.CLOSE_LOGIN]: "login",
  [protocol.CLOSE_FORBIDDEN]: "forbidden",
  [protocol.CLOSE_NOT_FOUND]: "missing",
};

/** Milliseconds to wait before connection attempt `attempt` (0 is the first retry): full jitter, 0.5 s to 10 s. */
export function retryDelay(attempt, random = Math.random) {
  const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (attempt + 1));
  return FIRST_DELAY + random() * (ceiling - FIRST_DELAY);
}

const browser = {
  open: (url) => new WebSocket(url, [protocol.SUBPROTOCOL]),
  now: () => performance.now(),
  random: () => Math.random(),
  after: (ms, call) => setTimeout(call, ms),
  forget: (timer) => clearTimeout(timer),
  isOnline: () => navigator.onLine,
  report: (error) => console.error(error),
};

export class RunSocket {
  #url;
  #delegate;
  #world;
  #socket = null;
  #state = { phase: "idle" };
  #attempt = 0;
  #heard = 0;
  #retryTimer = null;
  #pulseTimer = null;
  #ackTimer = null;
  #pinged = 0;
  #liveSince = 0;
  #subscriptions = new Map();

  /** `world` replaces the browser's sockets, clock and dice in tests. */
  constructor(url, delegate, world = {}) {
    this.#url = url;
    this.#delegate = delegate;
    this.#world = { ...browser, ...world };
  }

  /** {phase: "idle" | "connecting" | "live" | "silent" | "waiting" | "offline" | "login" | "forbidden" | "missing" | "refused"}. */
  get state() {
    return this.#state;
  }

  get isLive() {
    return this.#state.phase === "live";
  }

  start() {
    if (this.#socket || this.#retryTimer) return;
    this.#connect();
  }

  stop() {
    this.#dropSocket();
    this.#setState({ phase: "idle" });
  }

  /** Do not wait for the next attempt: the operator asked, or the network came back. */
  retryNow() {
    if (!["waiting", "offline", "silent"].includes(this.#state.phase)) return;
    this.#attempt = 0;
    this.#connect();
  }

  /** The browser says the network is gone: believe it until the server is heard again. */
  networkLost() {
    if (this.isLive) this.#fallSilent();
  }

  /** Receive host's output from byte `from` on; `maxBehind` 0 never skips anything. */
  subscribe(host, from, maxBehind) {
    this.#subscriptions.set(host, { cursor: from, acked: from, parsed: from, maxBehind, askedAt: null });
    this.#send(protocol.subscribe(host, from, maxBehind));
  }

  unsubscribe(host) {
    if (this.#subscriptions.delete(host)) this.#send(protocol.unsubscribe(host));
  }

  /** Where the next byte of a subscribed host will be. */
  cursor(host) {
    return this.#subscriptions.get(host)?.cursor ?? 0;
  }

  /** Call when host's output up to `offset` was dealt with, not when it arrived: this opens the server's window. */
  acknowledge(host, offset) {
    const subscription = this.#subscriptions.get(host);
    if (!subscription) return;
    subscription.parsed = Math.max(subscription.parsed, offset);
    if (subscription.parsed - subscription.acked >= ACK_BYTES) this.#sendAck(host, subscription);
    else this.#ackTimer ??= this.#world.after(ACK_DELAY, () => this.#sendAcks());
  }

  /** Cancel one host, or the run when `host` is null. False when nobody would hear it now. */
  cancel(host = null) {
    return this.#send(protocol.cancel(host));
  }

  /** Write a note under a key of its own. False when nobody would hear it now. */
  say(key, text) {
    return this.#send(protocol.say(key, text));
  }

  // ---- Connection ----

  #connect() {
    this.#dropSocket();
    this.#setState({ phase: "connecting", attempt: this.#attempt });
    let socket;
    try {
      socket = this.#world.open(this.#url);
    } catch (error) {
      this.#world.report(error);
      this.#retryLater();
      return;
    }
    socket.binaryType = "arraybuffer";
    // A socket that was replaced may still fire events; they concern nobody any more.
    const current = (handle) => (event) => socket === this.#socket && handle(event);
    socket.onopen = current(() => this.#opened());
    socket.onmessage = current((event) => this.#received(event.data));
    socket.onclose = current((event) => this.#closed(event.code));
    this.#socket = socket;
    this.#heard = this.#world.now();
    this.#pulse();
  }

  #opened() {
    for (const [host, subscription] of this.#subscriptions) this.#ask(host, subscription);
    this.#ping();
  }

  #closed(code) {
    this.#dropSocket();
    if (FINAL_CLOSES[code]) this.#setState({ phase: FINAL_CLOSES[code] });
    else if (code === protocol.CLOSE_TOO_MANY_ERRORS) this.#setState({ phase: "refused" });
    else this.#retryLater();
  }

  #retryLater() {
    const delay = retryDelay(this.#attempt, this.#world.random);
    this.#attempt += 1;
    const phase = this.#world.isOnline() ? "waiting" : "offline";
    this.#retryTimer = this.#world.after(delay, () => this.#connect());
    this.#setState({ phase, retryAt: this.#world.now() + delay, attempt: this.#attempt });
  }

  #dropSocket() {
    for (const timer of [this.#retryTimer, this.#pulseTimer, this.#ackTimer]) {
      if (timer !== null) this.#world.forget(timer);
    }
    this.#retryTimer = this.#pulseTimer = this.#ackTimer = null;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  /** Browsers tell nobody about a peer that vanished: ask, say so when nobody answers, and give up after 40 s. */
  #pulse() {
    this.#pulseTimer = this.#world.after(PULSE, () => {
      const now = this.#world.now();
      const quiet = now - this.#heard;
      if (quiet > DEAD_AFTER) {
        this.#closed(0);
        return;
      }
      const isProbed = this.#pinged - this.#heard >= PROBE_AFTER;
      if (this.isLive && isProbed && now - this.#pinged >= ANSWER_WITHIN) this.#fallSilent();
      else if ((quiet >= PROBE_AFTER && !isProbed) || now - this.#pinged >= PING_EVERY) this.#ping();
      this.#pulse();
    });
  }

  #fallSilent() {
    this.#setState({ phase: "silent", since: this.#heard, isOnline: this.#world.isOnline() });
    this.#ping();
  }

  #ping() {
    this.#pinged = this.#world.now();
    this.#send(protocol.ping(this.#pinged));
  }

  #setState(state) {
    this.#state = state;
    this.#tell("connectionChanged", state);
  }

  // ---- Messages ----

  #received(data) {
    this.#heard = this.#world.now();
    if (this.#state.phase === "silent") {
      this.#liveSince = this.#heard;
      this.#setState({ phase: "live" });
    }
    try {
      if (typeof data === "string") this.#textReceived(protocol.decodeText(data));
      else this.#outputReceived(protocol.decodeOutput(data));
    } catch (error) {
      this.#world.report(error);
    }
  }

  #textReceived(message) {
    switch (message.type) {
      case "hello":
        this.#attempt = 0;
        this.#setState({ phase: "live" });
        return this.#tell("helloReceived", message);
      case "status":
        return this.#tell("statusReceived", message);
      case "presence":
        return this.#tell("presenceReceived", message);
      case "notes":
        return this.#tell("notesReceived", message);
      case "end":
        return this.#tell("outputEnded", message);
      case "gap":
        return this.#gapReceived(message);
      case "clock":
        return this.#tell("clockReceived", message.server_time);
      case "pong":
        // A ping that waited out an outage measured the outage.
        if (message.t < this.#liveSince) return undefined;
        return this.#tell("roundTripMeasured", this.#heard - message.t);
      case "error":
        return this.#tell("errorReceived", message);
      default: // A newer server may say more than this page understands.
    }
  }

  #outputReceived({ host, offset, stream, data }) {
    const subscription = this.#subscriptions.get(host);
    const end = offset + data.length;
    if (!subscription || end <= subscription.cursor) {
      // Sent before the server heard that nobody wants it any more: say that it arrived, or it counts as under way.
      this.#send(protocol.ack(host, end));
      return;
    }
    if (offset > subscription.cursor) {
      this.#askAgain(host, subscription);
      return;
    }
    const fresh = data.subarray(subscription.cursor - offset);
    const from = subscription.cursor;
    subscription.cursor = end;
    subscription.askedAt = null;
    this.#tell("outputReceived", host, from, fresh, stream);
  }

  #gapReceived({ host, from, to }) {
    const subscription = this.#subscriptions.get(host);
    if (!subscription || to <= subscription.cursor) return;
    const skipped = { host, from: Math.max(from, subscription.cursor), to };
    subscription.cursor = to;
    this.#tell("gapReceived", skipped);
  }

  /** Bytes are missing and no gap was announced: ask from the cursor, but not once per frame that is under way. */
  #askAgain(host, subscription) {
    const now = this.#world.now();
    if (subscription.askedAt !== null && now - subscription.askedAt < ASK_AGAIN_AFTER) return;
    subscription.askedAt = now;
    this.#ask(host, subscription);
  }

  #ask(host, subscription) {
    subscription.acked = subscription.cursor;
    this.#send(protocol.subscribe(host, subscription.cursor, subscription.maxBehind));
  }

  #sendAcks() {
    this.#ackTimer = null;
    for (const [host, subscription] of this.#subscriptions) this.#sendAck(host, subscription);
  }

  #sendAck(host, subscription) {
    if (subscription.parsed <= subscription.acked) return;
    subscription.acked = subscription.parsed;
    this.#send(protocol.ack(host, subscription.parsed));
  }

  #send(text) {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(text);
    return true;
  }

  /** An error in somebody's handler must not end the stream. */
  #tell(what, ...details) {
    try {
      this.#delegate[what]?.(...details);
    } catch (error) {
      this.#world.report(error);
    }
  }
}
