// The elements of one row of the line view. What a host printed gets into them as text only.

import * as format from "console/format";
import { lookOf } from "console/line_style";
import { spansOf } from "console/line_text";
import { hashOf } from "console/place";

/** Bytes of one line that can be shown here at most. */
export const WHOLE_LINE = 256 * 1024;

const SVG = "http://www.w3.org/2000/svg";

function made(name, className, text = "") {
  const element = document.createElement(name);
  element.className = className;
  if (text) element.textContent = text;
  return element;
}

function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  svg.firstChild.setAttribute("href", `#icon-${name}`);
  return svg;
}

/** A line's row: number, time and `content`. `href` is the line's own address. */
function row(n, href, time, content) {
  const element = made("div", "line");
  const number = made("a", "line-number");
  number.href = href;
  number.dataset.n = n;
  number.tabIndex = -1;
  number.setAttribute("aria-label", `Line ${n}`);
  const clock = made("span", "line-time");
  clock.dataset.time = time ? time.slice(11, 23) : "";
  if (time) clock.title = `${time.slice(0, 10)} UTC`;
  element.append(number, clock, content);
  return element;
}

/** The element of row `row` of `log` (a LineLog), its `n` the line's number; `known` if that still fits. */
export function rowElement(log, row, known) {
  const found = log.rows.at(row);
  if (found.kind === "note") {
    return known?.of === found.note ? known : Object.assign(noteRow(found.note), { of: found.note });
  }
  const { n } = found;
  const line = log.blocks.line(n);
  const fold = log.rows.foldAt(n);
  const isClosed = log.rows.isClosed(n);
  const count = fold ? log.rows.endOf(fold) - n : 0;
  const state = fold ? `${isClosed} ${count} ${fold.title}` : "";
  if (known?.n === n && known.of === line && known.state === state) return known;
  const href = hashOf({ host: log.host.name, lines: { from: n, to: n } });
  let element;
  if (fold) element = foldRow(line, fold, href, isClosed, count);
  else element = line ? lineRow(line, href) : waitingRow(n, href);
  return Object.assign(element, { n, of: line, state });
}

/** A line that is on its way. */
function waitingRow(n, href) {
  const bar = made("span", "line-wait");
  bar.style.setProperty("--part", 12 + ((n * 7919) % 41));
  return row(n, href, "", bar);
}

function lineRow(line, href) {
  const text = made("span", "line-text");
  text.dir = "ltr";
  for (const span of spansOf(line.text, line.style)) text.append(spanElement(span));
  if (line.cut > 0) {
    const more = moreElement(line);
    if (line.tail) text.prepend(more);
    else text.append(more);
  }
  const element = row(line.n, href, line.time, text);
  if (line.stderr) {
    element.classList.add("is-err");
    element.title = "Printed to stderr";
  }
  if (line.text.startsWith("::endgroup::")) text.classList.add("line-end");
  return element;
}

/** A span of a line as a node: text where it has no look of its own. */
export function spanElement({ text, style, mark }) {
  if (mark) {
    const element = made("span", "line-mark");
    element.dataset.mark = text;
    element.title = "A character that reorders or hides text";
    return element;
  }
  const { color, background, classes } = lookOf(style);
  if (color === null && background === null && classes.length === 0) return document.createTextNode(text);
  const element = made("span", classes.join(" "), text);
  if (color !== null) element.style.color = color;
  if (background !== null) element.style.background = background;
  return element;
}

function moreElement(line) {
  const side = line.tail ? "before this" : "more";
  const left = `${format.plural(line.cut, "byte")} ${side}`;
  if (line.isWhole) return made("span", "line-more", `${left}: download the log to read them`);
  const most = line.cut + line.text.length > WHOLE_LINE ? `show ${format.bytes(WHOLE_LINE)}` : "show all";
  const button = made("button", "line-more", `${left} · ${most}`);
  button.type = "button";
  button.dataset.more = line.n;
  return button;
}

/** The first line of a fold, which opens and closes it; `count` lines are in it. */
function foldRow(line, fold, href, isClosed, count) {
  const button = made("button", "line-fold");
  button.type = "button";
  button.dataset.fold = fold.from;
  button.setAttribute("aria-expanded", String(!isClosed));
  button.append(icon("chevron-right"), made("span", "", fold.title), made("small", "", format.plural(count, "line")));
  return row(line?.n ?? fold.from, href, line?.time, button);
}

function noteRow(note) {
  const element = made("div", "line-note");
  const text = document.createElement("div");
  const time = made("time", "", format.clock(note.created));
  time.dateTime = note.created;
  const words = made("span", "", note.text);
  words.dir = "auto";
  text.append(made("b", "", note.author), time, words);
  element.append(icon("message-2"), text);
  return element;
}
