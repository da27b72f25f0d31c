// How long a run will probably still take. Pure.

import * as format from "console/format";

/** So many hosts of the run itself have to be done before their durations say anything about the others. */
const FEWEST_OF_OWN = 5;
/** A host that takes so many times the median is late. */
const LATE = 1.5;

/**
 * Milliseconds until the last host is done, when each takes `median` ms: what runs takes the rest of it, what waits
 * goes through `fanout` places in waves. 0 when all that is left takes longer than usual already; null when over.
 */
export function remaining(hosts, fanout, median, now) {
  const places = [];
  let waiting = 0;
  for (const { status, started } of hosts) {
    if (status === "queued") waiting += 1;
    else if (status === "running" || status === "starting") {
      places.push(started ? Math.max(0, median - (now - Date.parse(started))) : median);
    }
  }
  if (places.length === 0 && waiting === 0) return null;
  for (let free = Math.min(fanout - places.length, waiting); free > 0; free -= 1) places.push(0);
  // All take equally long, so the places come free in the same order again and again.
  places.sort((a, b) => a - b);
  const waves = Math.floor(waiting / places.length);
  const extra = waiting % places.length;
  return Math.max(places.at(-1) + waves * median, extra > 0 ? places[extra - 1] + (waves + 1) * median : 0);
}

/** Median duration of the hosts that succeeded in this run, in ms; null while they are too few to tell. */
export function ownMedian(hosts) {
  const durations = [];
  for (const { status, started, finished } of hosts) {
    if (status === "succeeded" && started && finished) durations.push(Date.parse(finished) - Date.parse(started));
  }
  return durations.length < FEWEST_OF_OWN ? null : medianOf(durations);
}

function medianOf(numbers) {
  const sorted = numbers.sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * "about 1:05 left (median of 12 runs)", "longer than usual (median 0:41 of 12 runs)", or "" where nothing is known.
 * `earlier` is {median, runs} of earlier runs or null.
 */
export function estimateText(hosts, { fanout, earlier, now }) {
  const list = [...hosts];
  const median = earlier?.median ?? ownMedian(list);
  if (median === null) return "";
  const left = remaining(list, fanout, median, now);
  if (left === null) return "";
  const source = earlier ? `of ${format.plural(earlier.runs, "run")}` : "of this run's hosts";
  if (left === 0) return `longer than usual (median ${format.duration(median)} ${source})`;
  // Hosts that are overdue hold up what waits for their places, for nobody knows how long.
  const isLate = list.some((host) => isOverdue(host, median, now));
  return `${isLate ? "at least" : "about"} ${format.wholeDuration(Math.max(1_000, rounded(left)))} left (median ${source})`;
}

const isOverdue = ({ status, started }, median, now) =>
  status === "running" && started !== null && now - Date.parse(started) > median * LATE;

/** Nobody believes seconds in an hour: the longer it takes, the coarser it is told. */
function rounded(ms) {
  const step = ms < 60_000 ? 1_000 : ms < 600_000 ? 5_000 : 60_000;
  return Math.round(ms / step) * step;
}
