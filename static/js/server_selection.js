// Which servers are picked: the pure half of the picker. Keeps the order in which things were picked.

import { expand } from "console/node_sets";

export { parseNames } from "console/node_sets";

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** web2 before web10. */
export const naturally = (a, b) => collator.compare(a, b);

export class ServerSelection {
  /** `servers` as /servers.json has them: [{name, host, groups, tags, key}]. */
  constructor(servers) {
    this.servers = [...servers].sort((a, b) => naturally(a.name, b.name));
    this.byName = new Map(this.servers.map((server) => [server.name, server]));
    this.byText = textsOf(this.servers);
    this.picked = new Set();
    this.members = { groups: collect(this.servers, "groups"), tags: collect(this.servers, "tags") };
    // One lower-case text per server, so that a keystroke costs 5,000 substring searches and no more.
    this.texts = this.servers.map((server) =>
      [server.name, server.host, ...server.groups, ...server.tags].join("\n").toLowerCase(),
    );
  }

  has(name) {
    return this.picked.has(name);
  }

  /**
   * What a word somebody typed means: {names, unknown}. A server's name is meant exactly; otherwise the word may be a
   * node set, or a name in another case or an address that only one server has.
   */
  meant(word) {
    if (this.byName.has(word)) return { names: [word], unknown: [] };
    const words = expand(word);
    if (words.length === 0) words.push(word);
    const names = [];
    const unknown = [];
    for (const one of words) {
      const name = this.byName.has(one) ? one : this.byText.get(one.toLowerCase());
      if (name) names.push(name);
      else unknown.push(one);
    }
    // A set of which nothing is known stays as it was written, to be corrected in one place.
    return { names, unknown: names.length === 0 ? [word] : unknown };
  }

  /** What several words mean together. */
  meantBy(words) {
    const found = words.map((word) => this.meant(word));
    return {
      names: [...new Set(found.flatMap(({ names }) => names))],
      unknown: [...new Set(found.flatMap(({ unknown }) => unknown))],
    };
  }

  /** Pick what `words` mean; gives back those that mean no server. */
  add(words) {
    const { names, unknown } = this.meantBy(words);
    for (const name of names) this.picked.add(name);
    return unknown;
  }

  remove(names) {
    for (const name of names) this.picked.delete(name);
  }

  clear() {
    this.picked.clear();
  }

  /** Servers in which every word of `query` occurs, as the server side sees it; all of them for an empty query. */
  matching(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    return this.servers.filter((_, index) => words.every((word) => this.texts[index].includes(word)));
  }

  /** The picked servers, in natural order. */
  chosen() {
    return this.servers.filter((server) => this.picked.has(server.name));
  }

  /** How many of `names` are picked, and the checkbox state that follows: "true", "mixed" or "false". */
  state(names) {
    const count = names.reduce((sum, name) => sum + this.picked.has(name), 0);
    return { count, checked: count === 0 ? "false" : count === names.length ? "true" : "mixed" };
  }

  /** Names of the servers with a label; `kind` is "groups" or "tags". */
  membersOf(kind, label) {
    return this.members[kind].get(label) ?? [];
  }

  /** Pick all of `names`, or put them all back when all of them are picked already. */
  toggleAll(names) {
    if (this.state(names).checked === "true") this.remove(names);
    else this.add(names);
  }
}

/** Lower-case names and addresses to the one server that has them; a name goes before an address. */
function textsOf(servers) {
  const texts = new Map();
  for (const field of ["host", "name"]) {
    const seen = new Map();
    for (const server of servers) {
      const text = server[field].toLowerCase();
      seen.set(text, seen.has(text) ? null : server.name);
    }
    for (const [text, name] of seen) texts.set(text, name);
  }
  return texts;
}

function collect(servers, kind) {
  const members = new Map();
  for (const server of servers) {
    for (const label of server[kind]) {
      if (!members.has(label)) members.set(label, []);
      members.get(label).push(server.name);
    }
  }
  return new Map([...members].sort(([a], [b]) => naturally(a, b)));
}
