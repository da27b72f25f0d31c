// The line at the bottom: whether what is on the page is what is true now.

import * as format from "console/format";

/** How old the oldest byte is that is known to be stored and not drawn yet. Pure; times in ms. */
export class LagMeter {
  #marks = [];

  /** The log was `size` bytes long at time `now`. */
  stored(size, now) {
    const last = this.#marks.at(-1);
    if (!last || size > last.size) this.#marks.push({ size, at: now });
  }

  /** `size` bytes have been drawn. */
  drawn(size) {
    while (this.#marks.length > 0 && this.#marks[0].size <= size) this.#marks.shift();
  }

  lag(now) {
    return this.#marks.length > 0 ? now - this.#marks[0].at : 0;
  }

  reset() {
    this.#marks = [];
  }
}

/** [word for the style, sentence] for a connection state. */
export function connectionWords(state, lag, now) {
  switch (state.phase) {
    case "live":
      return lag >= 2_000 ? ["behind", `live, ${(lag / 1000).toFixed(0)} s behind`] : ["live", liveWords(lag)];
    case "silent":
      return state.isOnline
        ? ["waiting", `no answer for ${Math.round((now - state.since) / 1000)} s`]
        : ["offline", "offline: this computer has no network"];
    case "waiting":
      return ["waiting", `reconnecting in ${Math.max(0, Math.ceil((state.retryAt - now) / 1000))} s`];
    case "offline":
      return ["offline", "offline: this computer has no network"];
    case "login":
      return ["ended", "login needed"];
    case "forbidden":
      return ["ended", "no longer allowed"];
    case "missing":
      return ["ended", "this run does not exist"];
    case "refused":
      return ["ended", "closed by the server: reload the page"];
    default:
      return ["waiting", state.attempt > 0 ? "reconnecting" : "connecting"];
  }
}

function liveWords(lag) {
  return lag < 100 ? "live" : `live, ${(lag / 1000).toFixed(1)} s behind`;
}

export class StatusBar {
  #parts;
  #state = { phase: "idle" };

  constructor(root) {
    const names = ["connection", "connection-text", "retry", "bytes", "clock", "rtt"];
    this.#parts = Object.fromEntries(names.map((name) => [name, root.querySelector(`[data-bar="${name}"]`)]));
  }

  connectionChanged(state) {
    this.#state = state;
    if (state.phase !== "live") setText(this.#parts.rtt, "");
  }

  roundTripMeasured(ms) {
    this.#parts.rtt.textContent = `rtt ${ms < 1 ? "<1" : Math.round(ms)} ms`;
  }

  /** `bytes` is {received, stored} of the shown host, or null; `serverTime` in ms, null until the server told it. */
  draw({ lag, bytes, serverTime }) {
    const { connection, retry, clock } = this.#parts;
    const [kind, words] = connectionWords(this.#state, lag, performance.now());
    connection.dataset.kind = kind;
    setText(this.#parts["connection-text"], words);
    retry.hidden = !["waiting", "offline", "silent"].includes(this.#state.phase);
    setText(this.#parts.bytes, bytes ? bytesWords(bytes) : "");
    setText(clock, serverTime === null ? "" : `server ${format.clock(serverTime)} UTC`);
  }
}

function bytesWords({ received, stored }) {
  return `${format.number(received)} of ${format.number(Math.max(received, stored))} bytes`;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
