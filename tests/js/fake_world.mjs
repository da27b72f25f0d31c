// A clock that stands still until told otherwise, and sockets that a test plays the server of.

export class FakeSocket {
  readyState = 0;
  sent = [];
  isClosed = false;

  constructor(url) {
    this.url = url;
  }

  opens() {
    this.readyState = 1;
    this.onopen({});
  }

  says(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  sends(frame) {
    this.onmessage({ data: frame });
  }

  drops(code = 1006) {
    this.readyState = 3;
    this.onclose({ code });
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
    this.isClosed = true;
  }

  /** Messages of one type that the page sent. */
  heard(type) {
    return this.sent.filter((message) => message.type === type);
  }
}

export class FakeWorld {
  sockets = [];
  reported = [];
  time = 0;
  online = true;
  dice = 0.5;
  #timers = new Map();
  #next = 1;

  open = (url) => {
    const socket = new FakeSocket(url);
    this.sockets.push(socket);
    return socket;
  };
  now = () => this.time;
  random = () => this.dice;
  isOnline = () => this.online;
  report = (error) => this.reported.push(error);
  after = (ms, call) => {
    this.#timers.set(this.#next, { at: this.time + ms, call });
    return this.#next++;
  };
  forget = (timer) => this.#timers.delete(timer);

  get socket() {
    return this.sockets.at(-1);
  }

  /** Let `ms` pass; what comes due happens in its order and at its time. */
  passes(ms) {
    const end = this.time + ms;
    for (;;) {
      const [due] = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
      if (!due) break;
      this.#timers.delete(due[0]);
      this.time = due[1].at;
      due[1].call();
    }
    this.time = end;
  }
}

/** A delegate that remembers what it was told as [name, ...details]. */
export function listener(overrides = {}) {
  const told = [];
  return new Proxy(
    { told, ...overrides },
    { get: (target, name) => target[name] ?? ((...details) => void told.push([name, ...details])) },
  );
}
