// Which hosts ever printed something: goes on searching where the page as it came has stopped, and puts it together.

import { FetchError } from "console/fetching";
import { number, plural } from "console/format";
import { hashOf } from "console/place";
import { HostsEver, countText } from "console/search_hits";
import { lineLink } from "console/search_lines";
import { searchSteps } from "console/search_steps";

/** Runs of one host that are drawn without being asked for. */
const FEW_RUNS = 2;
/** Hosts whose lines are drawn; of more, the names say enough until the search is narrower. */
const MOST_HOSTS = 300;

const part = (name) => document.querySelector(`[data-ever="${name}"]`);
const make = (tag, className, text = "") =>
  Object.assign(document.createElement(tag), { className, textContent: text });

class EverPage {
  #found = new HostsEver();
  #sections = new Map();
  #next;
  #stopper = null;

  constructor(data) {
    this.#next = data.next;
    part("results").replaceChildren();
    this.#add(data);
    this.#draw(this.#next === null);
    part("stop").addEventListener("click", () => this.#stop());
    part("further")?.addEventListener("click", (event) => {
      event.preventDefault();
      this.run();
    });
  }

  /** Search what is left, step by step. */
  async run() {
    if (this.#next === null) return;
    const params = Object.fromEntries(new URLSearchParams(location.search));
    this.#stopper = new AbortController();
    this.#draw(false);
    try {
      for await (const answer of searchSteps("/search.json", params, this.#stopper.signal, { after: this.#next })) {
        this.#next = answer.next;
        this.#add(answer);
        this.#draw(false);
      }
      this.#stopper = null;
    } catch (error) {
      this.#stopper = null;
      if (error.name !== "AbortError") this.#fail(error);
    }
    this.#draw(this.#next === null);
  }

  #stop() {
    this.#stopper?.abort();
  }

  #fail(error) {
    part("error").hidden = false;
    const isTold = error instanceof FetchError;
    part("error").textContent = isTold ? error.message : "The search ended unexpectedly: search again.";
  }

  #add(answer) {
    for (const host of this.#found.add(answer)) {
      if (!this.#sections.has(host.name) && this.#sections.size >= MOST_HOSTS) continue;
      if (!this.#sections.has(host.name)) {
        this.#sections.set(host.name, make("section", "ever-host"));
        part("results").append(this.#sections.get(host.name));
      }
      drawHost(this.#sections.get(host.name), host);
    }
  }

  #draw(isDone) {
    const { searched, of, size } = this.#found;
    const isBusy = this.#stopper !== null;
    part("state").dataset.phase = isDone ? "done" : isBusy ? "busy" : "stopped";
    part("progress").style.width = `${of ? (100 * searched) / of : 0}%`;
    part("summary").textContent = size > 0 ? this.#found.summary : isDone ? "No host" : "Searching";
    part("searched").textContent = isDone
      ? `${plural(of, "run")} searched`
      : `searched ${number(searched)} of ${plural(of, "run")}`;
    part("stop").hidden = !isBusy;
    if (part("further")) part("further").hidden = isBusy || isDone;
    part("results").hidden = size === 0;
    part("none").hidden = !isDone || size > 0;
    this.#drawRunLink();
  }

  #drawRunLink() {
    const link = part("run");
    if (!link) return;
    link.hidden = this.#found.size === 0;
    link.href = `${link.dataset.address}?${new URLSearchParams({ servers: this.#found.names().join(" ") })}`;
    const { size } = this.#found;
    link.lastChild.textContent = size === 1 ? "New run on this host" : `New run on these ${number(size)}`;
  }
}

function drawHost(section, host) {
  const isOpen = section.querySelector("details")?.open;
  const name = make("h2", "ever-name mono", host.name);
  section.replaceChildren(name, ...host.runs.slice(0, FEW_RUNS).map((row) => runRow(host, row)));
  if (host.runs.length <= FEW_RUNS) return;
  const more = make("details", "ever-more");
  const rest = host.runs.slice(FEW_RUNS);
  more.append(make("summary", "", `${number(rest.length)} earlier ${rest.length === 1 ? "run" : "runs"}`));
  more.append(...rest.map((row) => runRow(host, row)));
  more.open = Boolean(isOpen);
  section.append(more);
}

function runRow(host, row) {
  const { icons, runs } = part("results").dataset;
  const address = (lines) => `${runs}${row.run}/${hashOf({ host: host.name, lines })}`;
  const element = make("div", `ever-run-row status-${row.status}`);
  const head = make("p", "ever-run-head");
  const link = make("a", "", `${row.told.title} `);
  link.href = address(null);
  link.append(make("span", "count", `#${row.run}`));
  const facts = make("span", "quiet", `${row.told.requester}, ${row.told.created.slice(0, 16).replace("T", " ")}`);
  head.append(statusIcon(row.status, JSON.parse(icons)), link, " ", facts, " ");
  head.append(make("span", "found-count numbers", countText(row.count, row.more)));
  const lines = make("ol", "found-lines");
  for (const hit of row.hits) {
    const item = document.createElement("li");
    item.append(lineLink(hit, address({ from: hit.line, to: hit.line })));
    lines.append(item);
  }
  element.append(head, lines);
  return element;
}

function statusIcon(status, icons) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${icons[status]}`);
  svg.setAttribute("class", "icon found-status");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", status.replace("_", " "));
  svg.append(use);
  return svg;
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  part("form").elements.q.focus();
  part("form").elements.q.select();
});

// The address carries only what is set.
part("form").addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (name !== "q" && value.trim() === "") formData.delete(name);
});

const data = document.getElementById("ever-data");
if (data) new EverPage(JSON.parse(data.textContent)).run();
