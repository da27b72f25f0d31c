// A search of output, asked step by step: the server looks for a moment each time and says where to go on. No DOM.

import { getJson } from "console/fetching";

/** Milliseconds before a step is asked again for which the server had no time at all. */
const REST = 300;

/** What `/search.json` and a run's `search.json` take, from {text, isRegex, isCase}. */
export const paramsOf = ({ text, isRegex, isCase }) => ({
  q: text,
  regex: isRegex ? 1 : null,
  case: isCase ? 1 : null,
});

/**
 * The answers to `params` at `address` one after the other, until everything is searched or `signal` says stop.
 * Begins after the place `after`. Throws what getJson throws.
 */
export async function* searchSteps(address, params, signal, { after = null, ask = getJson } = {}) {
  for (let next = after; ; ) {
    const answer = await ask(address, { ...params, after: next }, signal);
    yield answer;
    if (answer.next === null) return;
    if (answer.next === next) await rest(signal);
    next = answer.next;
  }
}

/** The indexes of the hosts of a run that printed `text`, as a Promise; for the filter of the grid. */
export async function hostsWithOutput(page, text, signal, ask = getJson) {
  const indexes = [];
  for await (const { hosts } of searchSteps(page.at("search.json"), { q: text, hits: 0 }, signal, { ask })) {
    for (const { i } of hosts) indexes.push(i);
  }
  return indexes;
}

/** The part of an address that leads to a search: "#view=search&q=disk+full&regex=1". */
export function searchHash({ text, isRegex, isCase }) {
  const params = new URLSearchParams({ view: "search" });
  if (text) params.set("q", text);
  if (text && isRegex) params.set("regex", "1");
  if (text && isCase) params.set("case", "1");
  return `#${params}`;
}

/** The inverse: the search of a location's hash, or null where there is none. */
export function searchOf(hash) {
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  const text = params.get("q");
  if (params.get("view") !== "search" || !text) return null;
  return { text, isRegex: params.get("regex") === "1", isCase: params.get("case") === "1" };
}

function rest(signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, REST);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("The search was stopped.", "AbortError"));
    });
  });
}
