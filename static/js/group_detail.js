// One group opened: what its hosts printed, once; in what it differs from the largest group; which hosts are in it.

import { DiffPanel, openDiff } from "console/diff_view";
import { getJson } from "console/fetching";
import * as format from "console/format";
import { make, makeButton, problemNotice, setText, statusBadge } from "console/group_parts";
import { alike, called, indexesOf } from "console/group_text";
import { showStyled } from "console/styled_text";

export class GroupDetail {
  #root;
  #page;
  #parts = {};
  #tabs = new Map();
  #body;
  #diff = null;
  #request = null;
  #group = null;
  #largest = null;
  #tab = "output";
  #drawn = "";

  /** `closed()` hears that somebody wants back to the list, on a narrow screen. */
  constructor(root, page, closed) {
    this.#root = root;
    this.#page = page;
    for (const part of root.querySelectorAll("[data-group]")) this.#parts[part.dataset.group] = part;
    for (const tab of root.querySelectorAll("[data-tab]")) {
      this.#tabs.set(tab.dataset.tab, tab);
      tab.addEventListener("click", () => this.show(tab.dataset.tab));
    }
    this.#body = this.#parts.body;
    this.#parts.back.addEventListener("click", closed);
    this.#parts.choose.addEventListener("click", () => page.chosen.set(indexesOf(this.#group.hosts)));
    this.#body.addEventListener("click", (event) => this.#clicked(event));
  }

  /** Key of the shown group, or null. */
  get key() {
    return this.#group?.key ?? null;
  }

  /** Show `group`; `largest` is the one to compare with. The same group again only brings it up to date. */
  open(group, largest, tab = null) {
    const isOther = group.key !== this.key;
    this.#group = group;
    this.#largest = largest;
    this.#root.hidden = false;
    this.#drawHead();
    if (isOther || (tab && tab !== this.#tab)) this.show(tab ?? "output");
    else if (this.#tab === "hosts") this.#drawHosts();
  }

  /** Show one of "output", "diff" and "hosts"; gives back whether there is such a thing. */
  show(tab) {
    if (this.#tabs.get(tab).disabled) tab = "output";
    this.#tab = tab;
    for (const [name, button] of this.#tabs) button.setAttribute("aria-pressed", String(name === tab));
    this.#stop();
    this.#drawn = "";
    this.#body.scrollTop = 0;
    if (tab === "diff") this.#showDiff();
    else if (tab === "hosts") this.#drawHosts();
    else this.#loadOutput();
  }

  focus() {
    this.#parts.title.focus();
  }

  /** Give up what is on its way: nobody looks any more. */
  #stop() {
    this.#request?.abort();
    this.#request = null;
    this.#diff?.stop();
  }

  #drawHead() {
    const group = this.#group;
    const { title, facts, names, reason, again, choose } = this.#parts;
    title.replaceChildren(
      statusBadge(this.#page.icons, group.status, format.outcome(group)),
      ` ${format.plural(group.count, "host")} ${alike(group)}`,
    );
    setText(facts, this.#facts(group));
    setText(names, group.names);
    setText(reason, group.reason);
    // The badge says that already.
    reason.hidden = !group.reason || group.reason === `The program ended with exit status ${group.exit_status}.`;
    again.hidden = !this.#page.settings.mayStart;
    again.href = this.#page.again({ hosts: group.hosts });
    const which = group.count === 1 ? "it" : `these ${format.number(group.count)}`;
    setText(again.querySelector("span"), `Run again on ${which}`);
    setText(choose.querySelector("span"), group.count === 1 ? "Choose it" : "Choose these");
    setText(this.#tabs.get("hosts").querySelector("span"), format.plural(group.count, "host"));
    this.#drawDiffTab();
  }

  #facts(group) {
    if (group.size === 0) return "";
    const size = `${format.plural(group.lines, "line")}, ${format.bytes(group.size)}`;
    return group.in_part ? `${size}; compared by their beginning, their end and the number of lines` : size;
  }

  #drawDiffTab() {
    const tab = this.#tabs.get("diff");
    const { largest } = this;
    setText(tab.querySelector("span"), largest ? `Diff to ${this.#called(largest)}` : "Diff");
    tab.disabled = !largest;
  }

  /** The group to compare the shown one with, or null where one of the two printed nothing. */
  get largest() {
    const isUseful = this.#largest && this.#largest.key !== this.key && this.#largest.size > 0 && this.#group.size > 0;
    return isUseful ? this.#largest : null;
  }

  #called(group) {
    return called(group, (i) => this.#page.store.get(i).name);
  }

  #showDiff() {
    const place = make("div", "group-diff");
    this.#body.replaceChildren(place);
    this.#diff = new DiffPanel(place, this.#page);
    const { count } = this.#group;
    const right = count === 1 ? null : `these ${format.number(count)}`;
    this.#diff.show({
      host: this.#group.sample, against: this.largest.sample, names: [this.#called(this.largest), right],
    });
  }

  async #loadOutput() {
    const group = this.#group;
    if (group.size === 0) return this.#body.replaceChildren(nothingPrinted(group));
    const request = new AbortController();
    this.#request = request;
    const wait = make("p", "diff-blank quiet", "Loading the output…");
    wait.setAttribute("role", "status");
    this.#body.replaceChildren(wait);
    try {
      const output = await getJson(this.#page.at(`hosts/${group.sample}/end`), {}, request.signal);
      if (this.#request === request) this.#drawOutput(output);
    } catch (error) {
      if (this.#request === request) this.#body.replaceChildren(problemNotice(error.message, () => this.#loadOutput()));
    }
  }

  #drawOutput({ text, skipped }) {
    const { name } = this.#page.store.get(this.#group.sample);
    const line = make("p", "group-whose quiet");
    const left = format.bytes(skipped);
    const whose = skipped === 0 ? `As ${name} printed it. ` : `What ${name} printed, without the first ${left}. `;
    const { sample } = this.#group;
    line.append(whose, makeButton("Open its lines", () => this.#page.open(sample, { isAsked: true, view: "lines" })));
    const output = make("pre", "group-output");
    showStyled(output, text.replace(/\n$/, ""));
    output.tabIndex = 0;
    output.setAttribute("aria-label", `Output of ${name}`);
    this.#body.replaceChildren(line, output);
    if (skipped > 0) output.scrollTop = output.scrollHeight;
  }

  #drawHosts() {
    if (this.#drawn === this.#group.hosts) return;
    this.#drawn = this.#group.hosts;
    const list = make("ul", "group-hosts");
    list.append(...indexesOf(this.#group.hosts).map((i) => this.#hostRow(this.#page.store.get(i))).filter(Boolean));
    this.#body.replaceChildren(list);
  }

  #hostRow(host) {
    if (!host) return null;
    const row = make("li", "group-host");
    row.dataset.i = host.i;
    const open = make("button", "link-button group-host-name", host.name);
    open.dataset.do = "open";
    const compare = make("button", "link-button", "Compare with the last good run");
    compare.dataset.do = "last-good";
    compare.setAttribute("aria-label", `Compare ${host.name} with its last good run`);
    for (const button of [open, compare]) button.type = "button";
    const facts = [host.address, format.elapsedText(host, this.#page.now())].filter(Boolean).join(" · ");
    row.append(open, make("span", "quiet numbers", facts), compare);
    return row;
  }

  #clicked(event) {
    const asked = event.target.closest("[data-do]")?.dataset.do;
    if (!asked) return;
    const i = Number(event.target.closest("[data-i]").dataset.i);
    if (asked === "open") this.#page.open(i, { isAsked: true });
    else openDiff(this.#page, { host: i, against: "last-good" });
  }
}

function nothingPrinted(group) {
  const element = make("div", "empty");
  const text = group.reason || `${group.count === 1 ? "This host" : "These hosts"} ended without a word.`;
  element.append(make("h2", "", "Nothing was printed"), make("p", "", text));
  return element;
}
