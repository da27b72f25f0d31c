// What the filter box understands, as a question to ask of each host. Pure.
//
//   web "host key"        words, each in name, address, reason or last line
//   tag:prod,stage        a tag that is one of these
//   status:failed         a status, or how it begins; "stalled", "active" and "bad" are several at once
//   name: exit: group of one field;  out:text  somewhere in the output;  -word  not so

import { standing } from "console/format";

const PART = /(-?)(?:(tag|status|is|name|exit|out|output):)?(?:"([^"]*)"?|(\S+))/gi;

/** What `status:` may say beside the statuses themselves. */
const KINDS = {
  active: ["queued", "starting", "running", "reconnecting"],
  bad: ["failed", "lost", "timed_out", "unreachable"],
  done: ["succeeded", "failed", "timed_out", "canceled", "unreachable", "lost", "skipped"],
};

/**
 * Understand `text`. The filter has `matches(host, facts)`, where `facts` may have isStalled(host) and
 * hasOutput(host, text); `outputs`, the texts that have to be searched for in the output; and `isEmpty`,
 * `isOfStatus` (news of a host's status may change the answer), `isOfWords` (so may its last line), `isOfTime`.
 */
export function parseFilter(text) {
  const terms = termsOf(text);
  const states = terms.filter(({ field, isNot }) => field === "status" && !isNot);
  const rest = terms.filter((term) => !states.includes(term));
  return {
    isEmpty: terms.length === 0,
    outputs: [...new Set(terms.filter(({ field }) => field === "out").flatMap(({ values }) => values))],
    isOfWords: terms.some(({ field }) => field === ""),
    isOfStatus: terms.some(({ field }) => field === "status" || field === "exit"),
    isOfTime: terms.some(({ field, values }) => field === "status" && values.some((value) => isHow("stalled", value))),
    // Two statuses of one host at once would find nothing: naming several means any of them.
    matches: (host, facts = {}) =>
      (states.length === 0 || states.some((term) => fits(term, host, facts))) &&
      rest.every((term) => fits(term, host, facts) !== term.isNot),
  };
}

function termsOf(text) {
  const terms = [];
  for (const [, not, named, quoted, plain] of text.matchAll(PART)) {
    const field = fieldOf(named);
    const value = (quoted ?? plain).toLowerCase();
    // "tag:" alone, or "-": somebody is still typing.
    if (value === "" || (field === "" && quoted === undefined && isUnfinished(value))) continue;
    const values = quoted === undefined && field !== "" && field !== "out" ? value.split(",").filter(Boolean) : [value];
    if (values.length > 0) terms.push({ field, values, isNot: not === "-" });
  }
  return terms;
}

const isUnfinished = (value) => value === "-" || /^(tag|status|is|name|exit|out|output):$/.test(value);

function fieldOf(named) {
  const name = (named ?? "").toLowerCase();
  if (name === "is") return "status";
  return name === "output" ? "out" : name;
}

function fits({ field, values }, host, facts) {
  return values.some((value) => FITS[field](host, value, facts));
}

const FITS = {
  "": (host, value) => [host.name, host.address, host.reason, host.last_line].some((part) => has(part, value)),
  name: (host, value) => has(host.name, value),
  tag: (host, value) => (host.tags ?? []).some((tag) => tag.toLowerCase() === value),
  exit: (host, value) => String(host.exit_status) === value || (host.exit_signal ?? "").toLowerCase() === value,
  status: (host, value, { isStalled }) =>
    isHow(standing(host), value) || (KINDS[value] ?? []).includes(standing(host)) ||
    (isHow("stalled", value) && Boolean(isStalled?.(host))),
  // Until the server has answered, nothing is left out: an empty list would look like an answer.
  out: (host, value, { hasOutput }) => hasOutput?.(host, value) ?? true,
};

const has = (part, value) => (part ?? "").toLowerCase().includes(value);
const isHow = (status, value) => status.startsWith(value.replace(/[ -]/g, "_"));
