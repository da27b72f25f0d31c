// The run as a whole: its status, how far it is, the counters that filter the list, and what can be done with it.

import { asRanges } from "console/chosen";
import * as format from "console/format";
import { STALLED, STATUSES, isActive } from "console/host_store";
import { watchOutputFilter } from "console/output_filter";
import { estimateText } from "console/progress_estimate";

const ANNOUNCE_EVERY = 5_000;

export class RunHeader {
  #store;
  #run;
  #icons;
  #now;
  #delegate;
  #page;
  #parts;
  #plan;
  #segments = new Map();
  #chips = new Map();
  #announced = { text: "", at: -Infinity };

  /** `delegate` hears statusToggled(status). `run` has created and status; `now()` is the server's time in ms. */
  constructor(root, { store, run, icons, now, delegate, page }) {
    this.#store = store;
    this.#run = run;
    this.#icons = icons;
    this.#now = now;
    this.#delegate = delegate;
    this.#page = page;
    this.#parts = Object.fromEntries(
      [...root.querySelectorAll("[data-run]")].map((element) => [element.dataset.run, element]),
    );
    const { fanout, median, runs } = root.dataset;
    this.#plan = { fanout: Number(fanout), earlier: median ? { median: Number(median), runs: Number(runs) } : null };
    this.#parts.counters.replaceChildren();
    this.#parts.segments.replaceChildren();
    page.chosen.onChange(() => this.#drawActions());
    watchOutputFilter(document.getElementById("host-filter"), page);
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
    this.#drawCounter(STALLED, this.#store.stalled().length);
    setText(this.#parts.elapsed, this.#progress().filter(Boolean).join(" · "));
    this.#announce();
  }

  /** "132 of 200 done", "2:14 elapsed", "about 1:05 left (median of 12 runs)". */
  #progress() {
    const store = this.#store;
    const took = (store.finished ?? this.#now()) - Date.parse(this.#run.created);
    if (store.isOver) return [`took ${format.duration(took)}`];
    const done = store.size > 1 && `${format.number(store.number("over"))} of ${format.number(store.size)} done`;
    const estimate = estimateText(store.all(), { ...this.#plan, now: this.#now() });
    return [done, `${format.wholeDuration(took)} elapsed`, estimate];
  }

  #drawStatus() {
    const { badge } = this.#parts;
    const { status } = this.#run;
    badge.className = `status status-${status}`;
    badge.querySelector("use").setAttribute("href", `#icon-${this.#icons[status]}`);
    setText(badge.querySelector("span"), format.statusWords(status));
  }

  #drawSegments(counts) {
    const { segments } = this.#parts;
    // The bar fills from the left with what is done well; the rest stands as in the counters.
    const order = ["succeeded", ...STATUSES.filter((status) => status !== "succeeded")];
    const text = format.countsText(counts);
    if (segments.title === text) return;
    const known = new Map(counts);
    for (const [at, status] of order.entries()) {
      const segment = this.#segments.get(status) ?? (known.has(status) ? this.#addSegment(status, at) : null);
      if (!segment) continue;
      segment.hidden = !known.has(status);
      segment.style.flex = `${known.get(status) ?? 0} 0 0`;
    }
    segments.setAttribute("aria-label", `Progress: ${text}`);
    segments.title = text;
  }

  #addSegment(status, at) {
    const segment = document.createElement("span");
    segment.className = `status-${status}`;
    segment.dataset.at = at;
    this.#segments.set(status, segment);
    const { segments } = this.#parts;
    segments.insertBefore(segment, [...segments.children].find((other) => Number(other.dataset.at) > at) ?? null);
    return segment;
  }

  #drawCounters(counts) {
    const known = new Map(counts);
    for (const status of STATUSES) this.#drawCounter(status, known.get(status) ?? 0);
  }

  #drawCounter(status, count) {
    const isOn = this.#store.hasStatusFilter(status);
    const chip = this.#chips.get(status) ?? (count > 0 ? this.#addChip(status) : null);
    if (!chip) return;
    chip.hidden = count === 0 && !isOn;
    if (chip.getAttribute("aria-pressed") !== String(isOn)) chip.setAttribute("aria-pressed", String(isOn));
    setText(chip.lastElementChild, `${format.number(count)} ${format.statusWords(status)}`);
  }

  #addChip(status) {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = `chip status-${status}`;
    chip.title = status === STALLED
      ? "Show only running hosts that have printed nothing for 30 seconds"
      : `Show only hosts that are ${format.statusWords(status)}`;
    chip.append(iconOf(this.#icons[status] ?? "hourglass-empty"), document.createElement("span"));
    chip.addEventListener("click", () => this.#delegate.statusToggled(status));
    this.#chips.set(status, chip);
    const order = [STALLED, ...STATUSES];
    const after = order.slice(order.indexOf(status) + 1).map((other) => this.#chips.get(other)).find(Boolean);
    this.#parts.counters.insertBefore(chip, after ?? null);
    return chip;
  }

  #drawActions() {
    const { cancel } = this.#parts;
    const isOver = this.#store.isOver;
    if (cancel) {
      cancel.hidden = isOver;
      cancel.disabled = Boolean(this.#run.cancel_requested);
      setText(this.#parts["cancel-text"], this.#run.cancel_requested ? this.#cancelingWords() : "Cancel");
    }
    if (this.#parts.failed) this.#drawAgain(isOver);
  }

  #cancelingWords() {
    const away = this.#store.number("away");
    return away > 0 && away === this.#store.number("active") ? "Cancel waits for contact" : "Canceling…";
  }

  /** What can be run again: those that went wrong, those that did not get to their end, those somebody chose. */
  #drawAgain(isOver) {
    const { failed, retry, unfinished, chosen } = this.#parts;
    const unsuccessful = this.#store.number("unsuccessful");
    const notFinished = this.#store.number("unfinished");
    const picked = this.#page.chosen.size;
    failed.hidden = !isOver || unsuccessful === 0;
    retry.hidden = unsuccessful === 0;
    unfinished.hidden = notFinished === 0;
    chosen.hidden = picked === 0;
    setText(this.#parts["failed-text"], againSentence(this.#store, unsuccessful));
    setText(this.#parts["retry-text"], `On the ${format.number(unsuccessful)} that did not succeed`);
    setText(this.#parts["unfinished-text"], `On the ${format.number(notFinished)} that did not finish`);
    setText(this.#parts["chosen-text"], picked === 1 ? "On the chosen host" : `On the ${format.number(picked)} chosen`);
    if (picked > 0) chosen.href = this.#page.again({ hosts: asRanges(this.#page.chosen.values()) });
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

/** The whole header would be laid out anew for a text that is the same. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function againSentence(store, unsuccessful) {
  if (unsuccessful !== 1) return `Run again on the ${format.number(unsuccessful)} that did not succeed`;
  for (const { name, status } of store.all()) {
    if (!isActive(status) && status !== "succeeded") return `Run again on ${name}`;
  }
  return "";
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
