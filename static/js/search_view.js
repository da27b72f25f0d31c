// The search view: what all hosts of the run printed, searched on the server, and shown host by host as it is found.

import { asRanges } from "console/chosen";
import { FetchError, SilenceError, whileTrying } from "console/fetching";
import { number, plural } from "console/format";
import { SearchHits } from "console/search_hits";
import { SearchHost } from "console/search_host";
import { paramsOf, searchHash, searchOf, searchSteps } from "console/search_steps";

export { hostsWithOutput } from "console/search_steps";

/** Lines that are drawn without being asked for. */
const MOST_DRAWN = 150;
/** Milliseconds of rest in filtering before the hosts that are left are searched. */
const REST = 400;
const ITEMS = ".found-head, .found-line, .found-more";

export class SearchView {
  #page;
  #part;
  #hits = new SearchHits();
  #hosts = new Map();
  /** What was searched for last, {text, isRegex, isCase}; null before the first search. */
  #query = null;
  /** The hosts it was searched on, as ranges; null for all. */
  #where = null;
  #next = null;
  #stopper = null;
  #drawn = 0;
  #sizes = new Map();
  #restTimer = null;
  /** Whether the search broke off because the console did not answer. */
  #isCut = false;
  #isShown = false;

  constructor(root, page) {
    this.#page = page;
    this.#part = (name) => root.querySelector(`[data-search="${name}"]`);
    this.#listen();
    addEventListener("hashchange", () => this.#isShown && this.#goToAddress());
  }

  keys = {
    "/": () => this.#focusText(),
    j: () => this.#move(1),
    k: () => this.#move(-1),
    ArrowDown: () => this.#move(1),
    ArrowUp: () => this.#move(-1),
    ArrowRight: () => this.#toggleHost(true),
    ArrowLeft: () => this.#toggleHost(false),
    // The browser follows links and presses buttons; there is no list here whose cursor Enter could mean.
    Enter: () => false,
  };

  shown() {
    this.#isShown = true;
    this.#goToAddress();
    const opened = this.#part("results").querySelector(".is-opened");
    if (opened) opened.focus();
    else if (matchMedia("(pointer: fine)").matches) this.#focusText();
  }

  hidden() {
    this.#isShown = false;
  }

  hostsChanged(indexes) {
    for (const i of indexes) this.#hosts.get(i)?.drawState(this.#page.store.get(i), this.#page.icons);
  }

  /** The search is of the hosts that pass the filter. */
  filterChanged() {
    if (!this.#query || this.#filtered() === this.#where) return;
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => this.#filtered() !== this.#where && this.#search(this.#query), REST);
  }

  tick() {
    if (!this.#query || this.#stopper) return;
    if (this.#isCut && this.#page.socket.isLive) this.#run();
    const grown = [...this.#sizes].filter(([i, size]) => this.#page.store.get(i).size > size).length;
    this.#part("news").hidden = grown === 0;
    this.#part("news").querySelector("span").textContent =
      `${plural(grown, "host")} ${grown === 1 ? "has" : "have"} printed more since.`;
  }

  // ---- What is asked ----

  #listen() {
    this.#part("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#search(this.#typed());
    });
    for (const name of ["regex", "case"]) {
      this.#part(name).addEventListener("click", () => {
        this.#press(name, !this.#isPressed(name));
        if (this.#query && this.#typed().text) this.#search(this.#typed());
      });
    }
    this.#part("text").addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown") return;
      event.preventDefault();
      this.#move(1);
    });
    this.#part("stop").addEventListener("click", () => this.#stop());
    this.#part("on").addEventListener("click", () => this.#run());
    this.#part("again").addEventListener("click", () => this.#search(this.#query));
    this.#part("only").addEventListener("click", () => this.#showOnly());
    this.#part("choose").addEventListener("click", () => this.#page.chosen.set(this.#hits.indexes()));
    this.#part("others").addEventListener("click", () => this.#page.chosen.set(this.#others()));
    this.#part("results").addEventListener("click", (event) => this.#clicked(event));
  }

  #typed() {
    return { text: this.#part("text").value, isRegex: this.#isPressed("regex"), isCase: this.#isPressed("case") };
  }

  #isPressed(name) {
    return this.#part(name).getAttribute("aria-pressed") === "true";
  }

  #press(name, isOn) {
    this.#part(name).setAttribute("aria-pressed", String(isOn));
  }

  #focusText() {
    this.#part("text").focus();
    this.#part("text").select();
  }

  /** Search for what the address says; an address without a search gets the one that is shown. */
  #goToAddress() {
    const query = searchOf(location.hash);
    if (!query) {
      if (this.#query) this.#remember();
    } else if (JSON.stringify(query) !== JSON.stringify(this.#query)) {
      this.#part("text").value = query.text;
      this.#press("regex", query.isRegex);
      this.#press("case", query.isCase);
      this.#search(query);
    }
  }

  #remember() {
    history.replaceState(null, "", searchHash(this.#query));
  }

  #filtered() {
    const { store } = this.#page;
    return store.isFiltered ? asRanges(store.ordered()) : null;
  }

  // ---- Searching ----

  #search(query) {
    this.#stopper?.abort();
    clearTimeout(this.#restTimer);
    this.#query = query.text ? query : null;
    this.#where = this.#filtered();
    this.#hits = new SearchHits();
    this.#hosts.clear();
    this.#next = null;
    this.#drawn = 0;
    this.#part("results").replaceChildren();
    this.#sizes = new Map([...this.#page.store.all()].map((host) => [host.i, host.size]));
    history.replaceState(null, "", searchHash(query));
    this.#fail("");
    if (this.#query && this.#where !== "") this.#run();
    else this.#draw(this.#query ? "done" : "idle");
  }

  /** Ask step by step, from where the last search was stopped. */
  async #run() {
    const stopper = new AbortController();
    this.#stopper = stopper;
    this.#isCut = false;
    this.#fail("");
    this.#draw("busy");
    const params = { ...paramsOf(this.#query), hosts: this.#where };
    try {
      const steps = searchSteps(this.#page.at("search.json"), params, stopper.signal, { after: this.#next });
      for await (const answer of steps) {
        if (stopper.signal.aborted) return;
        this.#next = answer.next;
        for (const found of this.#hits.add(answer)) this.#drawHost(found);
        this.#draw("busy");
      }
      this.#ended(stopper, "done");
    } catch (error) {
      if (error.name === "AbortError") return;
      if (stopper.signal.aborted) return;
      this.#isCut = error instanceof SilenceError;
      this.#fail(error instanceof FetchError ? whileTrying(error) : "The search ended unexpectedly: search again.");
      this.#ended(stopper, this.#hits.of > 0 ? "stopped" : "failed");
    }
  }

  #ended(stopper, phase) {
    if (this.#stopper === stopper) this.#stopper = null;
    this.#draw(phase);
  }

  #stop() {
    this.#stopper?.abort();
    this.#stopper = null;
    this.#draw("stopped");
  }

  #fail(sentence) {
    this.#part("error").textContent = sentence;
    this.#part("error").hidden = !sentence;
    this.#part("text").classList.toggle("is-wrong", Boolean(sentence));
  }

  // ---- Drawing ----

  /** `phase` is idle, busy, stopped, done or failed. */
  #draw(phase) {
    const { searched, of, size } = this.#hits;
    const isBusy = phase === "busy";
    this.#part("view").dataset.phase = phase;
    this.#part("go").hidden = isBusy;
    this.#part("stop").hidden = !isBusy;
    this.#part("idle").hidden = phase !== "idle" && phase !== "failed";
    this.#part("state").hidden = phase === "idle" || phase === "failed";
    this.#part("none").hidden = phase !== "done" || size > 0;
    this.#part("hint").textContent = this.#hint();
    this.#part("on").hidden = phase !== "stopped";
    this.#part("news").hidden = true;
    this.#part("progress").style.width = `${of ? (100 * searched) / of : 0}%`;
    this.#part("summary").textContent = isBusy && size === 0 ? "Searching" : this.#hits.summary;
    this.#part("searched").textContent = this.#searchedText(phase);
    this.#drawTools(phase);
    if (phase === "done") this.#part("told").textContent = `${this.#hits.summary}. ${this.#searchedText(phase)}.`;
  }

  #searchedText(phase) {
    const { searched, of } = this.#hits;
    const where = this.#where === null ? "" : " that pass the filter";
    if (phase === "done") return `${number(of)} ${of === 1 ? "host" : "hosts"}${where} searched`;
    const progress = of ? `searched ${number(searched)} of ${number(of)} hosts${where}` : "";
    return phase === "stopped" ? `stopped: ${progress}` : progress;
  }

  #hint() {
    const { text, isRegex, isCase } = this.#query ?? {};
    if (this.#where !== null) return "Only the hosts that pass the filter were searched: press Esc to clear it.";
    if (isRegex) return "An expression has to fit within one line. With its switch off it is searched for as text.";
    if (/[|*+?^$\\[(]/.test(text)) {
      return "It was searched for as it is written: switch the expression on if signs such as | and * mean more.";
    }
    if (isCase) return "Upper and lower case count: switch that off to find more.";
    return "Every line that is stored was looked at. Lines are compared without their colours.";
  }

  #drawTools(phase) {
    const { size, of } = this.#hits;
    const label = (name, text) => (this.#part(name).querySelector("span").textContent = text);
    const others = phase === "done" ? of - size : 0;
    this.#part("tools").hidden = size === 0 || this.#page.store.size === 1;
    label("only", size === 1 ? "Show only this host" : `Show only these ${number(size)}`);
    label("choose", size === 1 ? "Choose this host" : `Choose these ${number(size)}`);
    label("others", others === 1 ? "Choose the other one" : `Choose the other ${number(others)}`);
    this.#part("others").hidden = others === 0;
  }

  #drawHost(found) {
    let host = this.#hosts.get(found.i);
    if (!host) {
      const linkTo = (lines) => this.#page.linkTo({ host: found.name, lines });
      host = new SearchHost(this.#part("host"), found, linkTo);
      host.drawState(this.#page.store.get(found.i), this.#page.icons);
      this.#hosts.set(found.i, host);
      this.#part("results").append(host.element);
    }
    const before = host.drawn;
    host.add(found);
    if (before === 0 && this.#drawn < MOST_DRAWN) host.open();
    this.#drawn += host.drawn - before;
  }

  // ---- What is done with the hits ----

  #clicked(event) {
    const section = event.target.closest(".found-host");
    const host = section && this.#hosts.get(Number(section.dataset.i));
    if (!host) return;
    const line = event.target.closest(".found-line");
    if (line && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
      event.preventDefault();
      this.#open(Number(section.dataset.i), line);
    } else if (event.target.closest(".found-head")) {
      if (host.isOpen) host.close();
      else host.open();
    } else if (event.target.closest(".found-more")) {
      const at = host.drawn;
      host.open(true);
      section.querySelectorAll(".found-line")[at]?.focus();
    }
  }

  #open(i, line) {
    this.#part("results").querySelector(".is-opened")?.classList.remove("is-opened");
    line.classList.add("is-opened");
    const number = Number(line.dataset.line);
    this.#page.open(i, { isAsked: true, view: "lines", lines: { from: number, to: number } });
  }

  #showOnly() {
    this.#page.store.filterHosts(this.#hits.indexes());
    this.#page.filterChanged();
    this.#page.setPlace({ view: "grid" });
    this.#page.show("grid");
  }

  #others() {
    const found = new Set(this.#hits.indexes());
    const { store } = this.#page;
    return (this.#where === null ? [...store.all()].map(({ i }) => i) : store.ordered()).filter((i) => !found.has(i));
  }

  #items() {
    return [...this.#part("results").querySelectorAll(ITEMS)];
  }

  #move(step) {
    const items = this.#items();
    if (items.length === 0) return false;
    const at = items.indexOf(document.activeElement);
    if (at + step < 0 && at !== -1) this.#focusText();
    else items[at === -1 ? 0 : Math.min(at + step, items.length - 1)].focus();
    return true;
  }

  #toggleHost(isOpen) {
    const section = document.activeElement.closest?.(".found-host");
    const host = section && this.#hosts.get(Number(section.dataset.i));
    if (!host) return false;
    section.querySelector(".found-head").focus();
    if (isOpen && !host.isOpen) host.open();
    if (!isOpen) host.close();
    return true;
  }
}
