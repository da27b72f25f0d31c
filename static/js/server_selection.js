// Which servers are picked: the pure half of the picker. Keeps the order in which things were picked.

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** web2 before web10. */
export const naturally = (a, b) => collator.compare(a, b);

/** The names in a pasted text: separated by white space, commas or semicolons, each once. */
export function parseNames(text) {
  return [...new Set(text.split(/[\s,;]+/).filter(Boolean))];
}

export class ServerSelection {
  /** `servers` as /servers.json has them: [{name, host, groups, tags, key}]. */
  constructor(servers) {
    this.servers = [...servers].sort((a, b) => naturally(a.name, b.name));
    this.byName = new Map(this.servers.map((server) => [server.name, server]));
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

  /** Pick `names`; gives back those that no server has. */
  add(names) {
    const unknown = [];
    for (const name of names) {
      if (this.byName.has(name)) this.picked.add(name);
      else unknown.push(name);
    }
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
