// What a host's row and tile show of it. Pure.

import { squeezed } from "console/cut_text";
import * as format from "console/format";
import { quietText, stallOf } from "console/stall";

/** Longer names may be cut in a row or tile: the hint has the whole. */
const LONG_NAME = 12;

/**
 * {standing, outcome, detail, printed, elapsed, stall, hint} at server time `now` in ms. `outcome` is how the host stands
 * in words, `detail` what it said last, after the likely cause of a stall; `stall` is "yes" or "no", `hint` what to do
 * about a stall, and the whole of what may be cut or has no room: name, line, reason, since when there is no contact.
 */
export function faceOf(host, now) {
  const stall = stallOf(host, now);
  const { text, printed } = format.detail(host);
  const said = printed ? squeezed(text) : text;
  return {
    standing: format.standing(host),
    outcome: stall ? quietText(stall) : outcomeOf(host, now),
    detail: stall?.cause ? `${stall.cause} · ${said}` : said,
    printed: printed && !stall?.cause,
    elapsed: format.elapsedText(host, now),
    stall: stall ? "yes" : "no",
    hint: hintOf(host, stall, text),
  };
}

function outcomeOf(host, now) {
  const words = format.outcome(host);
  return format.isReconnecting(host) && !host.canceling ? `${words} · ${format.awayText(host, now)}` : words;
}

function hintOf(host, stall, text) {
  return [
    host.name.length > LONG_NAME && host.name,
    stall?.cause ? `${stall.cause}. ${stall.advice}` : text,
    format.reasonText(host) !== text && format.reasonText(host),
    host.contact_lost && format.isReconnecting(host) && `No contact since ${format.clock(host.contact_lost)} UTC.`,
    host.mode === "attached" && "Attached: it ends with the connection.",
  ].filter(Boolean).join("\n");
}
