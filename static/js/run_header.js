// The run as a whole: its status, how far it is, the counters that filter the list, and what can be done with it.

import * as format from "console/format";
import { STATUSES, isActive } from "console/host_store";

const ANNOUNCE_EVERY = 5_000;

export class RunHeader {
  #store;
  #run;
  #icons;
  #now;
  #delegate;
  #parts;
  #chips = new Map();
  #announced = { text: "", at: -Infinity };

  /** `delegate` hears statusToggled(status). `run` has created and status; `now()` is the server's time in ms. */
  constructor(root, { store, run, icons, now, delegate }) {
    this.#store = store;
    this.#run = run;
    this.#icons = icons;
    this.#now = now;
    this.#delegate = delegate;
    const names = ["badge", "segments", "counters", "elapsed", "announcer", "cancel", "cancel-text", "again", "failed",
      "failed-text", "unfinished", "unfinished-text"];
    this.#parts = Object.fromEntries(names.map((name) => [name, root.querySelector(`[data-run="${name}"]`)]));
    this.#parts.counters.replaceChildren();
    this.draw();
  }

  /** Take over what the server says about the run. */
  runChanged(run) {
    Object.assign(this.#run, run);
    this.draw();
  }

  draw() {
    const counts = this.#store.counts();
    this.#drawStatus();
    this.#drawSegments(counts);
    this.#drawCounters(counts);
    this.#drawActions();
    this.tick();
  }

  /** Only what changes with time. */
  tick() {
    const { created } = this.#run;
    const end = this.#store.finished ?? this.#now();
    const took = end - Date.parse(created);
    this.#parts.elapsed.textContent = this.#store.isOver
      ? `took ${format.duration(took)}`
      : `${format.wholeDuration(took)} elapsed`;
    this.#announce();
  }

  #drawStatus() {
    const { badge } = this.#parts;
    const { status } = this.#run;
    badge.className = `status status-${status}`;
    badge.querySelector("use").setAttribute("href", `#icon-${this.#icons[status]}`);
    badge.querySelector("span").textContent = status.replace("_", " ");
  }

  #drawSegments(counts) {
    const { segments } = this.#parts;
    // The bar fills from the left: done well, then what went wrong, then what moves, then what waits.
    const order = ["succeeded", "failed", "lost", "timed_out", "unreachable", "canceled", "skipped", "running", "starting"];
    const known = new Map(counts);
    segments.replaceChildren(
      ...[...order, "queued"].filter((status) => known.has(status)).map((status) => {
        const segment = document.createElement("span");
        segment.className = `status-${status}`;
        segment.style.flex = `${known.get(status)} 0 0`;
        return segment;
      }),
    );
    const text = format.countsText(counts);
    segments.setAttribute("aria-label", `Progress: ${text}`);
    segments.title = text;
  }

  #drawCounters(counts) {
    const known = new Map(counts);
    for (const status of STATUSES) {
      const count = known.get(status) ?? 0;
      const isOn = this.#store.hasStatusFilter(status);
      const chip = this.#chips.get(status) ?? (count > 0 ? this.#addChip(status) : null);
      if (!chip) continue;
      chip.hidden = count === 0 && !isOn;
      chip.setAttribute("aria-pressed", String(isOn));
      chip.querySelector("span").textContent = `${format.number(count)} ${status.replace("_", " ")}`;
    }
  }

  #addChip(status) {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = `chip status-${status}`;
    chip.title = `Show only hosts that are ${status.replace("_", " ")}`;
    chip.append(iconOf(this.#icons[status]), document.createElement("span"));
    chip.addEventListener("click", () => this.#delegate.statusToggled(status));
    this.#chips.set(status, chip);
    const after = STATUSES.slice(STATUSES.indexOf(status) + 1).map((other) => this.#chips.get(other)).find(Boolean);
    this.#parts.counters.insertBefore(chip, after ?? null);
    return chip;
  }

  #drawActions() {
    const { cancel, failed, unfinished } = this.#parts;
    const isOver = this.#store.isOver;
    if (cancel) {
      cancel.hidden = isOver;
      cancel.disabled = Boolean(this.#run.cancel_requested);
      this.#parts["cancel-text"].textContent = this.#run.cancel_requested ? "Canceling…" : "Cancel";
    }
    if (!failed) return;
    const unsuccessful = this.#store.number("unsuccessful");
    const notFinished = this.#store.number("unfinished");
    failed.hidden = !isOver || unsuccessful === 0;
    unfinished.hidden = !isOver || notFinished === 0;
    this.#parts["failed-text"].textContent = againSentence(this.#store);
    this.#parts["unfinished-text"].textContent = `On the ${format.number(notFinished)} that did not finish`;
  }

  /** One polite voice for all counters, not more often than somebody can listen. */
  #announce() {
    const text = format.countsText(this.#store.counts());
    const now = performance.now();
    if (text === this.#announced.text || now - this.#announced.at < ANNOUNCE_EVERY) return;
    this.#announced = { text, at: now };
    this.#parts.announcer.textContent = text;
  }
}

function againSentence(store) {
  const unsuccessful = [...store.all()].filter(({ status }) => !isActive(status) && status !== "succeeded");
  if (unsuccessful.length === 1) return `Run again on ${unsuccessful[0].name}`;
  return `Run on the ${format.number(unsuccessful.length)} that did not succeed`;
}

export function iconOf(name) {
  const namespace = "http://www.w3.org/2000/svg";
  const icon = document.createElementNS(namespace, "svg");
  const use = document.createElementNS(namespace, "use");
  icon.setAttribute("class", "icon");
  icon.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  icon.append(use);
  return icon;
}
