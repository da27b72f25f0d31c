// What somebody types to go to a place in a log: "120", "120-140", "L7", "14:03", "14:03:02". Pure.

const RANGE = /^L?(\d{1,15})(?:\s*(?:-|–|\.\.)\s*L?(\d{1,15}))?$/i;
const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/;
const DAY = 86_400_000;

/** {from, to} of a line or a range, or null. */
export function rangeOf(text) {
  const found = RANGE.exec(text.trim());
  if (!found) return null;
  const [one, other] = [Number(found[1]), Number(found[2] ?? found[1])];
  return Math.min(one, other) < 1 ? null : { from: Math.min(one, other), to: Math.max(one, other) };
}

/** ISO text of a time of day (UTC) at or after `started`, the log's beginning; or null. */
export function momentOf(text, started) {
  const found = CLOCK.exec(text.trim());
  if (!found) return null;
  const [hours, minutes, seconds] = [found[1], found[2], found[3] ?? 0].map(Number);
  if (hours > 23 || minutes > 59 || seconds > 59) return null;
  const begin = Date.parse(started);
  const midnight = begin - (begin % DAY);
  const moment = midnight + ((hours * 60 + minutes) * 60 + seconds) * 1000;
  // A minute is given without its seconds, and the log may have begun within it.
  return new Date(moment + 60_000 > begin ? moment : moment + DAY).toISOString();
}
