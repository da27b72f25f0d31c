// What a pane says about the log it shows, and where it begins with it. Pure.

import * as format from "console/format";
import { isActive } from "console/host_store";

/** Bytes of a finished log that are shown at first. */
const FIRST_SIGHT = 1024 * 1024;
/** Bytes that are fetched for a pane at most, however long the lines are. */
const MOST_FETCHED = 32 * 1024 * 1024;
/** Lines differ in length: so much more than the average is fetched. */
const MARGIN = 1.1;
const LINE_FEED = 10;

/** Where to begin with a host's log, so that the first screen comes at once. */
export function startOf(host) {
  return isActive(host.status) ? 0 : Math.max(0, host.size - FIRST_SIGHT);
}

/** About where the newest `count` lines of a host's log begin: a guess from how long its lines are. */
export function startOfNewest(host, count) {
  const wanted = host.lines > count ? Math.ceil((host.size / host.lines) * count * MARGIN) : host.size;
  return Math.max(0, host.size - Math.min(wanted, MOST_FETCHED));
}

/** How many line feeds `data` has. */
export function countLines(data) {
  let lines = 0;
  for (let at = data.indexOf(LINE_FEED); at !== -1; at = data.indexOf(LINE_FEED, at + 1)) lines += 1;
  return lines;
}

/** What stands where output would be, while there is none: [title, sentence]. */
export function blankWords(host) {
  const words = {
    queued: ["Waiting for its turn", "It starts as soon as another host is done."],
    starting: ["Connecting", `Opening an SSH connection to ${host.address}.`],
    running: ["Running", "Nothing printed so far."],
    reconnecting: ["Reconnecting", "Nothing had arrived when contact was lost; the program may be going on."],
    succeeded: ["No output", "The program ended well and printed nothing."],
    failed: ["No output", "The program failed and printed nothing."],
    timed_out: ["Timed out", "Nothing was printed until then."],
    canceled: ["Canceled", "Nothing was printed until then."],
    unreachable: ["Unreachable", "The program was not started."],
    lost: ["Lost", "Nothing it may have printed arrived here."],
    skipped: ["Skipped", "The program was not started."],
  };
  return words[format.standing(host)];
}

/** What the console says of a host above its log, in full: since when there is no contact, and why. */
export function consoleWords(host, now) {
  const since = format.isReconnecting(host) ? `No contact since ${format.clock(host.contact_lost)}, for ${format.awayText(host, now)}.` : "";
  return [since, format.reasonText(host)].filter(Boolean).join(" ");
}

/** The line below a log that still grows. */
export function progressSentence(host) {
  if (!isActive(host.status)) return `${format.outcome(host)} · loading ${format.plural(host.size, "byte")}`;
  return `${format.outcome(host)} · ${format.plural(host.size, "byte")} so far`;
}

/** The line below a finished log; it is the page's, so no output can fake it. */
export function endSentence(host) {
  if (!host.started || ["unreachable", "skipped"].includes(host.status)) return "";
  const ended = host.exit_status === null ? format.outcome(host) : `exit ${host.exit_status}`;
  const after = host.started && host.finished ? ` after ${format.elapsedText(host)}` : "";
  const kept = host.dropped > 0 ? `${format.plural(host.dropped, "byte")} beyond the limit not stored` : "all stored";
  const size = format.plural(host.size, "byte");
  if (host.status === "lost") return `${ended}${after} · ${size} stored, later output unknown`;
  return `${ended}${after} · ${size}, ${kept}`;
}
