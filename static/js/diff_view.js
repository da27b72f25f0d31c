// What one host printed differently from another, or from its last good run: a panel that a view can hold, and a dialog
// that every view can open.

import { getJson } from "console/fetching";
import * as format from "console/format";
import { make, makeButton, problemNotice } from "console/group_parts";
import { markedLines } from "console/group_text";

const SIGNS = { "-": ["is-removed", "−"], "+": ["is-added", "+"], " ": ["is-common", " "] };
const MASKED =
  "Colours, host names, times, durations, rates and process numbers are left out of the comparison: " +
  "they stand here as <host>, <time> and the like.";

export class DiffPanel {
  #root;
  #page;
  #request = null;

  /** `root` is filled; nothing is asked before show(). */
  constructor(root, page) {
    this.#root = root;
    this.#page = page;
    root.classList.add("diff");
  }

  /**
   * Show what host `host` printed differently from `against`: a host's index or "last-good". `names` may say how the
   * left and the right side are called.
   */
  async show({ host, against, names = [null, null] }) {
    this.stop();
    const request = new AbortController();
    this.#request = request;
    this.#fill(loading());
    try {
      const answer = await getJson(this.#page.at(`hosts/${host}/diff`), { against }, request.signal);
      if (this.#request === request) this.#draw(answer, names);
    } catch (error) {
      if (this.#request !== request) return;
      this.#fill(problemNotice(error.message, () => this.show({ host, against, names })));
    }
  }

  /** Give up what is on its way. */
  stop() {
    this.#request?.abort();
    this.#request = null;
  }

  #fill(...parts) {
    this.#root.replaceChildren(...parts);
  }

  #draw(answer, names) {
    if (!answer.left) return this.#fill(blank("Nothing to compare with", answer.note));
    const sides = [this.#side(answer, "left", names[0]), this.#side(answer, "right", names[1])];
    const head = make("div", "diff-head");
    head.append(...sides.map(({ element }) => element));
    if (answer.hunks.length === 0) {
      const text = answer.truncated
        ? "The parts that were compared do not differ; these logs are too large to compare as a whole."
        : "Both printed the same.";
      return this.#fill(head, blank(answer.truncated ? "No difference found" : "No difference", text));
    }
    const body = make("div", "diff-body");
    body.tabIndex = 0;
    body.setAttribute("role", "region");
    body.setAttribute("aria-label", `Differences: minus is ${sides[0].name}, plus is ${sides[1].name}`);
    if (answer.truncated) {
      head.append(make("strong", "diff-cut", "Too much to compare or to show as a whole: this is a part."));
    }
    body.append(...answer.hunks.map(hunkElement), make("p", "diff-foot", MASKED));
    this.#fill(head, body);
  }

  /** Who is meant by minus or plus, with a link where it is another run. */
  #side(answer, which, called) {
    const side = answer[which];
    const isOther = side.run !== this.#page.run.id;
    const name = called ?? (isOther ? `run #${side.run}` : side.name);
    const [kind, sign] = SIGNS[which === "left" ? "-" : "+"];
    const element = make("span", `diff-side ${kind}`);
    element.append(make("span", "diff-sign", sign));
    const title = isOther ? make("a", "diff-name", name) : make("span", "diff-name", name);
    if (isOther) title.href = side.link;
    const facts = [format.outcome(side), format.plural(side.lines, "line")];
    if (isOther) facts.unshift(`${side.created.slice(0, 10)} ${format.clock(side.created)} UTC`);
    element.append(title, make("span", "quiet", facts.join(" · ")));
    return { element, name };
  }
}

/** Show a diff in a dialog of its own: openDiff(page, { host: 3, against: "last-good" }), or against an index. */
export function openDiff(page, { host, against, names }) {
  const dialog = document.getElementById("diff-dialog") ?? makeDialog();
  const title = against === "last-good" ? "compared with its last good run" : "compared with";
  const other = against === "last-good" ? "" : ` ${page.store.get(against)?.name ?? "another host"}`;
  dialog.querySelector("h2").textContent = `${page.store.get(host)?.name ?? "This host"} ${title}${other}`;
  const panel = new DiffPanel(dialog.querySelector(".diff-place"), page);
  dialog.addEventListener("close", () => panel.stop(), { once: true });
  if (!dialog.open) dialog.showModal();
  return panel.show({ host, against, names });
}

function makeDialog() {
  const dialog = make("dialog", "diff-dialog");
  dialog.id = "diff-dialog";
  dialog.setAttribute("aria-labelledby", "diff-title");
  const title = make("h2");
  title.id = "diff-title";
  const head = make("div", "diff-title");
  head.append(title, makeButton("Close", () => dialog.close(), "btn"));
  dialog.append(head, make("div", "diff-place"));
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  return dialog;
}

function loading() {
  const text = make("p", "diff-blank quiet", "Comparing…");
  text.setAttribute("role", "status");
  return text;
}

function blank(title, text) {
  const element = make("div", "empty");
  element.append(make("h2", "", title), make("p", "", text));
  return element;
}

function hunkElement(hunk) {
  const element = make("div", "diff-hunk");
  element.append(make("div", "diff-header", hunk.header), ...markedLines(hunk.lines).map(lineElement));
  return element;
}

function lineElement({ sign, text, marks }) {
  const [kind, shown] = SIGNS[sign];
  const line = make("div", `diff-line ${kind}`);
  const content = make("span", "diff-text");
  let done = 0;
  for (const [start, end] of marks) {
    content.append(text.slice(done, start), make("mark", "", text.slice(start, end)));
    done = end;
  }
  content.append(text.slice(done));
  line.append(make("span", "diff-sign", shown), content);
  return line;
}
