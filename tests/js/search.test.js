import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { hostsWithOutput, paramsOf, searchHash, searchOf, searchSteps } = await import("console/search_steps");
const { HostsEver, SearchHits } = await import("console/search_hits");
const { placeOf } = await import("console/place");

/** Answers one after the other, and what was asked. */
function server(...answers) {
  const asked = [];
  const ask = async (address, params) => {
    asked.push({ address, ...params });
    return answers[asked.length - 1];
  };
  return { ask, asked };
}

const found = (i, count, lines, more = false) => ({ i, name: `web${i}`, count, more, hits: lines.map((line) => ({ line })) });

test("a search is asked step by step, each where the last one stopped", async () => {
  const { ask, asked } = server({ next: "1.2" }, { next: "1.5" }, { next: null });
  const answers = [];
  for await (const answer of searchSteps("/x", { q: "a" }, null, { ask })) answers.push(answer);
  assert.equal(answers.length, 3);
  assert.deepEqual(asked.map(({ after }) => after), [null, "1.2", "1.5"]);
});

test("tells which hosts printed a text, without their lines", async () => {
  const { ask, asked } = server({ hosts: [{ i: 3 }], next: "1.4" }, { hosts: [{ i: 7 }, { i: 9 }], next: null });
  const page = { at: (path) => `/runs/7/${path}` };
  assert.deepEqual(await hostsWithOutput(page, "disk full", null, ask), [3, 7, 9]);
  assert.deepEqual(asked[0], { address: "/runs/7/search.json", q: "disk full", hits: 0, after: null });
});

test("a search stands in the address, whatever is looked for", () => {
  for (const text of ["disk full", "a&b=c#d", "(x|y)+ %20", "L12", "grün"]) {
    const query = { text, isRegex: true, isCase: false };
    assert.deepEqual(searchOf(searchHash(query)), query);
    assert.deepEqual(placeOf(searchHash(query)), { host: null, view: "search", lines: null });
  }
  assert.equal(searchHash({ text: "", isRegex: true, isCase: true }), "#view=search");
  for (const hash of ["", "#view=search", "#view=grid&q=x", "#h=web1&L12"]) assert.equal(searchOf(hash), null);
  assert.deepEqual(paramsOf({ text: "a", isRegex: false, isCase: true }), { q: "a", regex: null, case: 1 });
});

test("a long log's hits come in several answers, its count is that of all", () => {
  const hits = new SearchHits();
  hits.add({ hosts: [found(0, 1, [4]), found(1, 2, [1, 2])], searched: 1, of: 3 });
  const [second] = hits.add({ hosts: [found(1, 5, [8, 9, 12])], searched: 3, of: 3 });
  assert.deepEqual(second.hits.map(({ line }) => line), [1, 2, 8, 9, 12]);
  assert.deepEqual(hits.indexes(), [0, 1]);
  assert.equal(hits.summary, "6 lines on 2 hosts");
  hits.add({ hosts: [found(2, 1000, [], true)], searched: 3, of: 3 });
  assert.equal(hits.summary, "1,006+ lines on 3 hosts");
  assert.equal(new SearchHits().summary, "No line");
});

test("what was found in many runs is put together by host, newest run first", () => {
  const ever = new HostsEver();
  const runs = { 9: { title: "nine" }, 7: { title: "seven" } };
  ever.add({ hosts: [{ run: 9, ...found(0, 1, [1]) }, { run: 9, ...found(1, 1, [1]) }], runs, searched: 1, of: 4 });
  const [web1] = ever.add({ hosts: [{ run: 7, ...found(1, 2, [5, 6]) }], runs, searched: 4, of: 4 });
  assert.deepEqual(web1.runs.map(({ run, told }) => [run, told.title]), [[9, "nine"], [7, "seven"]]);
  assert.deepEqual(ever.names(), ["web0", "web1"]);
  assert.equal(ever.summary, "2 hosts in 2 runs");
});
