// What a host's row and tile show of it. Pure.

import * as format from "console/format";
import { quietText, stallOf } from "console/stall";

/** Longer names are cut in a row or tile: the hint has the whole. */
const LONG_NAME = 18;

/**
 * {status, outcome, detail, printed, elapsed, stall, hint} at server time `now` in ms. `outcome` is how the host stands
 * in words, `detail` what it said last, after the likely cause of a stall; `stall` is "yes" or "no", `hint` what to do
 * about a stall, or the whole of a line that may be cut.
 */
export function faceOf(host, now) {
  const stall = stallOf(host, now);
  const { text, printed } = format.detail(host);
  const hint = stall?.cause ? `${stall.cause}. ${stall.advice}` : text;
  return {
    status: host.status,
    outcome: stall ? quietText(stall) : format.outcome(host),
    detail: stall?.cause ? `${stall.cause} · ${text}` : text,
    printed: printed && !stall?.cause,
    elapsed: format.elapsedText(host, now),
    stall: stall ? "yes" : "no",
    hint: host.name.length > LONG_NAME ? `${host.name}\n${hint}` : hint,
  };
}
