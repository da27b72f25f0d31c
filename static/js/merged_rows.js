// The rows of the merged view: time, host, line. What a host printed becomes text and colours, never markup.

import * as format from "console/format";
import { lookOf } from "console/line_style";
import { spansOf } from "console/line_text";
import { STDERR, toneOf } from "console/merge_lines";

/** As many as static/css/run/merged.css has. */
const TONES = 12;

/** The element for a line of MergeLines. */
export function rowOf(line, store) {
  if (line.kind === "gap") return element("p", "merged-gap", gapSentence(line));
  const { name } = store.get(line.host);
  const row = element("div", `merged-line tone-${toneOf(name, TONES)}`);
  if (line.stream === STDERR) row.classList.add("is-stderr");
  const host = element("span", "merged-host", name);
  host.title = `${name}: open its output`;
  host.dataset.host = line.host;
  row.append(element("time", "", line.time.slice(11, 23)), host, element("span", "merged-text"));
  drawLine(row, line);
  return row;
}

/** Bring the text of a row up to date. */
export function drawLine(row, line) {
  row.lastChild.replaceChildren(...spansOf(line.text, line.style).map(nodeOf));
}

function nodeOf({ text, style, mark }) {
  const { color, background, classes } = lookOf(style);
  if (!mark && color === null && background === null && classes.length === 0) return document.createTextNode(text);
  const node = element("span", [...classes, ...(mark ? ["unseen"] : [])].join(" "), text);
  if (color !== null) node.style.color = color;
  if (background !== null) node.style.background = background;
  return node;
}

function gapSentence({ bytes, lines }) {
  const what = lines > 0 ? format.plural(lines, "line") : format.plural(bytes, "byte");
  return `${what} skipped here: they came faster than this view shows them. All are stored.`;
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
