// The focus view: one host's output as the host printed it, live.

import { FocusPane } from "console/focus_pane";

export class FocusView {
  #page;
  #pane;
  #isShown = false;
  #wanted = null;

  constructor(root, page) {
    this.#page = page;
    const { store, socket, openLink, now, settings } = page;
    this.#pane = new FocusPane(root.querySelector(".pane"), { store, socket, openLink, now, settings });
  }

  /** The pane that has the reader's attention: {host, shown, received}. */
  get pane() {
    return this.#pane;
  }

  shown() {
    this.#isShown = true;
    this.hostOpened(this.#wanted ?? this.#page.opened);
  }

  hidden() {
    this.#isShown = false;
  }

  hostOpened(i) {
    this.#wanted = i;
    if (this.#isShown && i !== null) this.#pane.open(i);
  }

  hostsChanged(indexes) {
    if (indexes.includes(this.#pane.host)) this.#pane.update();
  }

  outputReceived(...details) {
    this.#pane.outputReceived(...details);
  }

  gapReceived(gap) {
    this.#pane.gapReceived(gap);
  }

  outputEnded(message) {
    this.#pane.outputEnded(message);
  }

  tick() {
    this.#pane.tick();
  }
}
