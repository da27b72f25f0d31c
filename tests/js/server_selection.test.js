import "./page_modules.mjs";
import assert from "node:assert/strict";
import test from "node:test";

const { ServerSelection, naturally, parseNames } = await import("console/server_selection");

const server = (name, groups = [], tags = []) => ({ name, host: `${name}.example.net`, groups, tags, key: "trusted" });
const fleet = () =>
  new ServerSelection([
    server("web10", ["web"], ["eu"]),
    server("web2", ["web"]),
    server("web1", ["web"], ["eu"]),
    server("db1", ["db"], ["eu", "PCI"]),
  ]);
const names = (servers) => servers.map(({ name }) => name);

test("splits a pasted list like the server does", () => {
  assert.deepEqual(parseNames(" web1,web2;db1\r\n\tweb1\n , db2 "), ["web1", "web2", "db1", "db2"]);
  assert.deepEqual(parseNames(" ,\n"), []);
});

test("puts web2 before web10", () => {
  assert.deepEqual(["web10", "web2", "db1"].sort(naturally), ["db1", "web2", "web10"]);
  assert.deepEqual(names(fleet().servers), ["db1", "web1", "web2", "web10"]);
});

test("every word of a search must occur in name, address, group or tag", () => {
  assert.deepEqual(names(fleet().matching("WEB eu")), ["web1", "web10"]);
  assert.deepEqual(names(fleet().matching("pci")), ["db1"]);
  assert.deepEqual(names(fleet().matching("example.net db")), ["db1"]);
  assert.deepEqual(names(fleet().matching("web nothing")), []);
  assert.equal(fleet().matching("  ").length, 4);
});

test("a word does not match across two labels", () => {
  assert.deepEqual(names(fleet().matching("webeu")), []);
});

test("adding names gives back those that do not exist", () => {
  const selection = fleet();
  assert.deepEqual(selection.add(["web2", "nope", "web1", "web2", "WEB1"]), ["nope"]);
  assert.deepEqual([...selection.picked], ["web2", "web1"]);
  assert.deepEqual(names(selection.chosen()), ["web1", "web2"]);
});

test("a label is on, off or mixed, and toggling it fills it before it empties it", () => {
  const selection = fleet();
  const web = selection.membersOf("groups", "web");
  assert.deepEqual(selection.state(web), { count: 0, checked: "false" });
  selection.add(["web1"]);
  assert.deepEqual(selection.state(web), { count: 1, checked: "mixed" });
  selection.toggleAll(web);
  assert.deepEqual(selection.state(web), { count: 3, checked: "true" });
  selection.toggleAll(web);
  assert.deepEqual(selection.state(web), { count: 0, checked: "false" });
});

test("picks by group and tag combine, and putting one back leaves the other", () => {
  const selection = fleet();
  selection.toggleAll(selection.membersOf("groups", "db"));
  selection.toggleAll(selection.membersOf("tags", "eu"));
  assert.deepEqual([...selection.picked].sort(), ["db1", "web1", "web10"]);
  selection.remove(["web1"]);
  assert.equal(selection.has("web1"), false);
  selection.clear();
  assert.equal(selection.picked.size, 0);
});

test("labels come in natural order and unknown ones are empty", () => {
  const selection = new ServerSelection([server("a", ["g10", "g9"])]);
  assert.deepEqual([...selection.members.groups.keys()], ["g9", "g10"]);
  assert.deepEqual(selection.membersOf("groups", "gone"), []);
});

test("an empty list is neither on nor mixed", () => {
  assert.equal(fleet().state([]).checked, "false");
});

test("a word may be a name in another case or an address, when only one server has it", () => {
  const selection = new ServerSelection([
    { ...server("Web1"), host: "192.0.2.1" }, { ...server("web2"), host: "192.0.2.9" },
    { ...server("WEB2"), host: "192.0.2.9" }, { ...server("db1"), host: "web1" },
  ]);
  assert.deepEqual(selection.meant("WEB1"), { names: ["Web1"], unknown: [] });
  assert.deepEqual(selection.meant("web1").names, ["Web1"]);
  assert.deepEqual(selection.meant("192.0.2.1").names, ["Web1"]);
  assert.deepEqual(selection.meant("web2").names, ["web2"]);
  assert.deepEqual(selection.meant("wEb2"), { names: [], unknown: ["wEb2"] });
  assert.deepEqual(selection.meant("192.0.2.9"), { names: [], unknown: ["192.0.2.9"] });
});

test("a node set picks what exists of it and leaves the rest to be corrected", () => {
  const selection = fleet();
  assert.deepEqual(selection.meant("web[1-3,10]"), { names: ["web1", "web2", "web10"], unknown: ["web3"] });
  assert.deepEqual(selection.meant("db[7-9]"), { names: [], unknown: ["db[7-9]"] });
  assert.deepEqual(selection.add(["WEB[1-2]", "x[1-2]"]), ["x[1-2]"]);
  assert.deepEqual([...selection.picked], ["web1", "web2"]);
});
