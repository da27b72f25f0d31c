// A piece of output in one element, with its colours: what the line view shows, without lines to point at.

import { spanElement } from "console/line_elements";
import { PLAIN } from "console/line_style";
import { spansOf, styleAfter } from "console/line_text";

/** So many pieces with colours are drawn; whatever comes after them stands there without. */
const MOST_PIECES = 20_000;

/** `text` as spans {text, style, mark}, neighbours of one style together; line ends stay. Pure. */
export function runsOf(text, most = MOST_PIECES) {
  const runs = [];
  let style = PLAIN;
  for (const [number, line] of text.split("\n").entries()) {
    if (number > 0) add(runs, { text: "\n", style: PLAIN });
    const isPlain = runs.length >= most;
    for (const span of spansOf(line, style)) add(runs, isPlain ? { text: span.text, style: PLAIN } : span);
    style = styleAfter(line, style);
  }
  return runs;
}

function add(runs, span) {
  const last = runs.at(-1);
  if (last && !span.mark && !last.mark && last.style === span.style) last.text += span.text;
  else runs.push({ ...span });
}

/** Let `element` show `text`. Whatever a host prints becomes text and colours, and nothing else. */
export function showStyled(element, text) {
  element.replaceChildren(...runsOf(text).map(spanElement));
}
