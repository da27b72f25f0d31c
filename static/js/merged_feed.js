// Asks for merged output when there is some: one request at a time, a few a second, none while nobody looks. No DOM.

/** Milliseconds from one request to the next, at least. */
const PACE = 250;
/** Drawing may take this share of the time, or a flood would leave the page none to answer. */
const MOST_SHARE = 1 / 4;
const RETRY = 3_000;

const browser = {
  now: () => performance.now(),
  after: (ms, call) => setTimeout(call, ms),
  forget: (timer) => clearTimeout(timer),
};

export class MergedFeed {
  #ask;
  #delegate;
  #world;
  #hosts = [];
  #cursor = "";
  #isRunning = false;
  #isWanted = false;
  #request = null;
  #timer = null;
  #notBefore = 0;

  /**
   * `ask({hosts, after}, signal)` promises an answer; the delegate hears received(answer), failed(error).
   * `world` replaces the browser's clock in tests.
   */
  constructor(ask, delegate, world = browser) {
    this.#ask = ask;
    this.#delegate = delegate;
    this.#world = world;
  }

  /** Begin with the newest output of `hosts`. */
  begin(hosts) {
    this.#stop();
    this.#hosts = hosts;
    this.#cursor = "";
    this.grew();
  }

  /** Ask for `hosts` too from now on; they have printed nothing before. */
  add(hosts) {
    this.#hosts = [...this.#hosts, ...hosts];
    this.grew();
  }

  /** There is more than was told. */
  grew() {
    this.#isWanted = true;
    this.#plan();
  }

  pause() {
    this.#isRunning = false;
    this.#stop();
  }

  /** Ask again, for what was printed meanwhile, too. */
  resume() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.grew();
  }

  #stop() {
    this.#request?.abort();
    this.#request = null;
    if (this.#timer !== null) this.#world.forget(this.#timer);
    this.#timer = null;
  }

  #plan() {
    if (!this.#isRunning || !this.#isWanted || this.#hosts.length === 0) return;
    if (this.#request || this.#timer !== null) return;
    this.#timer = this.#world.after(Math.max(0, this.#notBefore - this.#world.now()), () => {
      this.#timer = null;
      this.#send();
    });
  }

  async #send() {
    const request = new AbortController();
    this.#request = request;
    this.#isWanted = false;
    this.#notBefore = this.#world.now() + PACE;
    try {
      const answer = await this.#ask({ hosts: this.#hosts, after: this.#cursor }, request.signal);
      if (request !== this.#request) return;
      this.#cursor = answer.after;
      this.#isWanted ||= answer.more;
      this.#deliver(answer);
    } catch (error) {
      if (request !== this.#request) return;
      this.#isWanted = true;
      this.#notBefore = this.#world.now() + RETRY;
      this.#delegate.failed(error);
    }
    // The delegate may have begun anew.
    if (request === this.#request) this.#request = null;
    this.#plan();
  }

  #deliver(answer) {
    const began = this.#world.now();
    this.#delegate.received(answer);
    const ended = this.#world.now();
    this.#notBefore = Math.max(this.#notBefore, ended + (ended - began) / MOST_SHARE);
  }
}
