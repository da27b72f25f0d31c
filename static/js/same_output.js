// The side panel that tells which hosts printed the same: how many are alike, and which differ.

import { asRanges } from "console/chosen";
import { openDiff } from "console/diff_view";
import * as format from "console/format";
import { feedOf, hasEnded } from "console/group_feed";
import { make, makeButton, problemNotice, statusIcon } from "console/group_parts";
import { alike, called, indexesOf, largestOf, unfinishedText } from "console/group_text";

/** Groups that differ named one by one; the grouped view has them all. */
const MOST_NAMED = 5;

export class SameOutput {
  #page;
  #feed;
  #body;
  #drawn = { answer: null, words: "" };

  constructor(root, page) {
    this.#page = page;
    this.#feed = feedOf(page);
    this.#body = root.querySelector(".same-body");
    this.#feed.onChange(() => this.#draw());
    // Only who sees it costs the console anything.
    new IntersectionObserver(([entry]) => this.#feed.wanted(this, entry.isIntersecting)).observe(root);
    this.#draw();
  }

  /** These hosts have news; where some have ended, the groups may be others now. */
  hostsChanged(indexes) {
    if (hasEnded(this.#page, indexes)) this.#feed.ask();
    this.#draw();
  }

  #draw() {
    const { answer, problem } = this.#feed;
    const counts = new Map(this.#page.store.counts());
    // Hosts report several times a second: only what says something new is drawn.
    const words = [problem, hasEnded(this.#page), unfinishedText(counts)].join("\n");
    if (answer === this.#drawn.answer && words === this.#drawn.words) return;
    this.#drawn = { answer, words };
    const parts = answer?.groups.length ? this.#cards(answer) : [this.#nothingYet(problem)];
    if (problem) parts.unshift(problemNotice(problem, () => this.#feed.retry()));
    const rest = answer?.groups.length ? this.#rest(answer, counts) : "";
    if (rest) parts.push(make("p", "same-rest quiet", rest));
    this.#body.replaceChildren(...parts.filter(Boolean));
  }

  #nothingYet(problem) {
    if (problem) return null;
    const text = hasEnded(this.#page)
      ? "Comparing the outputs…"
      : "Hosts gather here as they finish: those that printed the same count as one.";
    return make("p", "quiet", text);
  }

  #cards({ groups }) {
    if (this.#page.store.size === 1) return [this.#onlyHost(groups[0])];
    const largest = largestOf(groups);
    const others = groups.filter((group) => group !== largest);
    const isLone = largest.count === 1 && others.length > 0;
    const soFar = this.#page.store.isOver ? "" : " so far";
    const lone = () => make("p", "quiet", `No two hosts printed the same${soFar}.`);
    const cards = [isLone ? lone() : this.#largestCard(largest)];
    const differing = isLone ? groups : others;
    if (differing.length > 0) cards.push(this.#differCard(differing, largest));
    return cards;
  }

  #onlyHost(group) {
    const card = make("div", "same-card");
    card.append(make("p", "quiet", "One host: nothing beside it in this run."));
    const compare = () => openDiff(this.#page, { host: group.sample, against: "last-good" });
    card.append(makeButton("Compare with its last good run", compare));
    return card;
  }

  #largestCard(group) {
    const card = make("div", "same-card");
    const title = makeButton("", () => this.#open(group), "same-title");
    title.append(statusIcon(this.#page.icons, group.status), hosts(group.count), ` ${alike(group)}`);
    title.classList.add(`status-${group.status}`);
    card.append(title, make("p", "same-names", group.names));
    return card;
  }

  #differCard(groups, largest) {
    const count = groups.reduce((sum, group) => sum + group.count, 0);
    const card = make("div", "same-card");
    const title = makeButton("", () => this.#open(groups[0]), "same-title");
    title.append(hosts(count), count === 1 ? " differs" : " differ");
    card.append(title);
    const list = make("ul", "same-list");
    list.append(...groups.slice(0, MOST_NAMED).map((group) => this.#row(group)));
    if (groups.length > MOST_NAMED) {
      const more = make("li");
      const text = `${format.plural(groups.length - MOST_NAMED, "group")} more`;
      more.append(makeButton(text, () => this.#open(groups[MOST_NAMED])));
      list.append(more);
    }
    card.append(list, this.#actions(groups, largest));
    return card;
  }

  #row(group) {
    const row = make("li");
    const button = makeButton("", () => this.#open(group), `same-row status-${group.status}`);
    const words = make("span", "same-outcome", `${format.number(group.count)} ${format.outcome(group)}`);
    button.append(statusIcon(this.#page.icons, group.status), words, make("span", "same-names", group.names));
    row.append(button);
    return row;
  }

  #actions(groups, largest) {
    const line = make("p", "same-actions");
    const printed = groups.find((group) => group !== largest && group.size > 0);
    if (printed && largest.size > 0) {
      const name = called(largest, (i) => this.#page.store.get(i).name);
      line.append(makeButton(`Diff to ${name}`, () => this.#open(printed, "diff")));
    }
    if (this.#page.settings.mayStart) {
      const all = groups.flatMap((group) => indexesOf(group.hosts));
      const link = make("a", "", "Run again on these");
      link.href = this.#page.again({ hosts: asRanges(all) });
      line.append(link);
    }
    return line;
  }

  #rest({ pending }, counts) {
    const waiting = pending > 0 ? `comparing ${format.number(pending)} more` : "";
    return [unfinishedText(counts), waiting].filter(Boolean).join(", ");
  }

  #open(group, tab = "output") {
    this.#page.setPlace({ view: "grouped" });
    this.#page.show("grouped");
    this.#page.views.get("grouped").openGroup(group.key, tab);
  }
}

const hosts = (count) => make("b", "", format.plural(count, "host"));
