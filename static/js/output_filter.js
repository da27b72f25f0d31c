// The part of the filter that only the server can answer: out:text, hosts whose output has a text.

import { SilenceError } from "console/fetching";
import { hostsWithOutput } from "console/search_steps";

/** So long somebody has stopped typing before the server is asked. */
const PAUSE = 300;
/** Milliseconds before a console that did not answer is asked again. */
const AGAIN = 3_000;

/** Ask for what the filter box `input` wants to know of the output, and filter again with the answer. */
export function watchOutputFilter(input, page) {
  let timer = null;
  let asking = null;
  const ask = async () => {
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    for (const text of page.store.wantedOutputs) await askFor(text, page, signal);
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });
}

async function askFor(text, page, signal) {
  try {
    const indexes = await hostsWithOutput(page, text, signal);
    if (signal.aborted) return;
    page.store.outputFound(text, new Set(indexes));
    page.filterChanged();
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof SilenceError) setTimeout(() => signal.aborted || askFor(text, page, signal), AGAIN);
    else page.notice(error.message);
  }
}
