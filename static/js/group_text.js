// What the page says about groups of hosts. Pure.

import * as format from "console/format";

/** "0-2,7" as [0, 1, 2, 7]: the inverse of asRanges. */
export function indexesOf(ranges) {
  const indexes = [];
  for (const part of ranges.split(",")) {
    const [first, last = first] = part.split("-").map(Number);
    if (part !== "") for (let i = first; i <= last; i += 1) indexes.push(i);
  }
  return indexes;
}

/** The group that the others are compared with, or undefined. */
export const largestOf = (groups) => groups.find((group) => group.largest);

/** What hosts of `group` have in common beside how they ended. */
export function alike(group) {
  if (group.size === 0) return group.count === 1 ? "no output" : "without output";
  return group.count === 1 ? "on its own" : "identical";
}

/** The whole picture in a few words: "982 identical, 18 differ", "no two of 7 hosts printed the same". */
export function summary(groups, isOver = false) {
  const total = groups.reduce((sum, group) => sum + group.count, 0);
  const largest = largestOf(groups);
  if (!largest) return "";
  const differ = total - largest.count;
  if (differ === 0) return total === 1 ? (isOver ? "1 host" : "1 host so far") : `All ${format.number(total)} identical`;
  if (groups.every((group) => group.count === 1)) return `No two of ${format.plural(total, "host")} alike`;
  const rest = `${format.number(differ)} ${differ === 1 ? "differs" : "differ"}`;
  return `${format.number(largest.count)} ${alike(largest)}, ${rest}`;
}

/** "the 982", or the host's name where it stands alone: what a diff is against. */
export function called(group, nameOf) {
  return group.count === 1 ? nameOf(group.sample) : `the ${format.number(group.count)}`;
}

/** "12 still running", "1 still waiting to start", or "" from counts by status. */
export function unfinishedText(counts) {
  const of = (status) => counts.get(status) ?? 0;
  const running = of("running") + of("starting");
  const parts = [];
  if (of(format.RECONNECTING) > 0) parts.push(`${format.number(of(format.RECONNECTING))} reconnecting`);
  if (running > 0) parts.push(`${format.number(running)} still running`);
  if (of("queued") > 0) parts.push(`${format.number(of("queued"))} still queued`);
  return parts.join(", ");
}

/** Words of a line that are compared with another's: more would take long, and nobody reads such lines. */
const MOST_WORDS = 120;

/**
 * The parts in which two lines differ, word by word, as [[[start, end], …] of one, [[start, end], …] of the other];
 * null where hardly anything is the same, so that marking parts would not help.
 */
export function changedParts(one, other) {
  const words = [one, other].map((text) => text.match(/\p{L}+|\p{N}+|\s+|[^\p{L}\p{N}\s]/gu) ?? []);
  if (words.some((list) => list.length > MOST_WORDS)) return null;
  const kept = sameWords(...words);
  const same = kept.reduce((sum, [at]) => sum + words[0][at].trim().length, 0);
  if (same * 3 < Math.max(one.trim().length, other.trim().length)) return null;
  return [0, 1].map((which) => rangesWithout(words[which], new Set(kept.map((pair) => pair[which]))));
}

/** The longest common sequence of two lists of words, as pairs of places. */
function sameWords(one, other) {
  const longest = Array.from({ length: one.length + 1 }, () => new Uint16Array(other.length + 1));
  for (let i = one.length - 1; i >= 0; i -= 1) {
    for (let j = other.length - 1; j >= 0; j -= 1) {
      longest[i][j] = one[i] === other[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < one.length && j < other.length;) {
    if (one[i] === other[j]) pairs.push([i++, j++]);
    else if (longest[i + 1][j] >= longest[i][j + 1]) i += 1;
    else j += 1;
  }
  return pairs;
}

/** Where the words of a line stand that are not `kept`; neighbours as one. */
function rangesWithout(words, kept) {
  const ranges = [];
  let end = 0;
  words.forEach((word, at) => {
    const start = end;
    end += word.length;
    if (kept.has(at)) return;
    if (ranges.at(-1)?.[1] === start) ranges.at(-1)[1] = end;
    else ranges.push([start, end]);
  });
  return ranges;
}

/**
 * The lines of a hunk, [sign, text], as {sign, text, marks: [[start, end], …]}: where as many lines were taken out as
 * put in, each is compared with its counterpart.
 */
export function markedLines(lines) {
  const marked = lines.map(([sign, text]) => ({ sign, text, marks: [] }));
  for (let at = 0; at < marked.length; at += 1) {
    const removed = runFrom(marked, at, "-");
    const added = runFrom(marked, at + removed, "+");
    if (removed > 0 && removed === added) {
      for (let n = at; n < at + removed; n += 1) markPair(marked[n], marked[n + removed]);
    }
    at += Math.max(removed + added - 1, 0);
  }
  return marked;
}

function runFrom(lines, at, sign) {
  let count = 0;
  while (lines[at + count]?.sign === sign) count += 1;
  return count;
}

function markPair(one, other) {
  [one.marks, other.marks] = changedParts(one.text, other.text) ?? [[], []];
}
