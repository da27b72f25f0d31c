// One line of output as a terminal would leave it: spans of text with their colours. Whatever a host prints becomes
// text and colours, and nothing else. Pure.
//
// What is followed within the line: carriage return, backspace, tab, erasing (CSI K), moving sideways (CSI C, D, G) and
// colours (SGR). Everything else of escape sequences is dropped. A character counts as one column, wide ones as well.

import { PLAIN, styled } from "console/line_style";

/** No sequence moves further to the right than this. */
const MAX_COLUMN = 1_000;
/** Cells that sequences may fill or erase in one line; a line that asks for more is up to no good. */
const MAX_WORK = 200_000;
/** Marks that one character may carry; more would be drawn over the lines around it. */
const MANY_MARKS = /(\p{M}{4})\p{M}+/gu;

// Characters that reorder or hide the text around them. They are shown by their names instead.
const UNSEEN = /[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

const TOKENS = new RegExp(
  [
    "\\x1b\\[(?<parameters>[0-?]*)[ -/]*(?<final>[@-~])", // CSI
    "\\x1b\\[[0-?]*[ -/]*$", // one that the line's end has cut
    "\\x1b[\\]PX^_].*?(?:\\x07|\\x1b\\\\|\\x9c|$)", // OSC, DCS and their kin: titles, clipboards, links
    "\\x1b[ -/]*[0-~]?",
    "(?<text>[^\\x00-\\x1f\\x7f-\\x9f]+)",
    "(?<control>[\\r\\x08\\t])",
    "[\\x00-\\x1f\\x7f-\\x9f]",
  ].join("|"),
  "gsu",
);
const COLOURS = /\x1b\[([0-9;:]*)m/g;
const DRAWN_OVER = /[\r\x08]|\x1b\[[0-9;]*[CDGK`]/;
const HAS_CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;

/** The style that holds after `text`. */
export function styleAfter(text, style = PLAIN) {
  let next = style;
  if (text.includes("\x1b[")) for (const [, parameters] of text.matchAll(COLOURS)) next = styled(next, parameters);
  return next;
}

/** Spans {text, style, mark} of a line that begins in `style`; `mark` tells names that stand for unseen characters. */
export function spansOf(text, style = PLAIN) {
  const line = text.replace(/\r+$/, "");
  const spans = HAS_CONTROLS.test(line) ? new Screen(style).write(line).spans() : [{ text: line, style }];
  return spans.flatMap(shown).filter((span) => span.text !== "");
}

/** The text of a line as it can be copied: what its spans say. */
export const plainText = (text) =>
  spansOf(text).filter((span) => !span.mark).map((span) => span.text).join("");

function shown(span) {
  const text = span.text.replace(MANY_MARKS, "$1");
  const spans = [];
  let at = 0;
  for (const found of text.matchAll(UNSEEN)) {
    if (found.index > at) spans.push({ text: text.slice(at, found.index), style: span.style });
    const name = `U+${found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    const last = spans.at(-1);
    if (last?.mark) last.text = `${last.text.split(" ")[0]} …`;
    else spans.push({ text: name, style: span.style, mark: true });
    at = found.index + found[0].length;
  }
  spans.push({ text: text.slice(at), style: span.style });
  return spans;
}

/** One row of a terminal that is as wide as need be. */
class Screen {
  #cells = [];
  #styles = [];
  #column = 0;
  #style;
  #work = 0;
  #keepsTabs = true;

  constructor(style) {
    this.#style = style;
  }

  write(line) {
    // Tabs stay tabs, so that what is copied has them, where nothing is drawn over them.
    this.#keepsTabs = !DRAWN_OVER.test(line);
    for (const { groups } of line.matchAll(TOKENS)) {
      if (groups.text !== undefined) this.#print(groups.text);
      else if (groups.control !== undefined) this.#control(groups.control);
      else if (groups.final !== undefined) this.#sequence(groups.final, groups.parameters);
    }
    return this;
  }

  spans() {
    const spans = [];
    for (let at = 0; at < this.#cells.length; at += 1) {
      const last = spans.at(-1);
      if (last && last.style === this.#styles[at]) last.text += this.#cells[at];
      else spans.push({ text: this.#cells[at], style: this.#styles[at] });
    }
    return spans;
  }

  #print(text) {
    for (const character of text) {
      if (this.#column > 0 && this.#column <= this.#cells.length && /^\p{M}$/u.test(character)) {
        this.#cells[this.#column - 1] += character;
        continue;
      }
      this.#fill(this.#column);
      this.#cells[this.#column] = character;
      this.#styles[this.#column] = this.#style;
      this.#column += 1;
    }
  }

  #control(character) {
    if (character === "\r") this.#column = 0;
    else if (character === "\x08") this.#column = Math.max(0, this.#column - 1);
    else if (this.#keepsTabs) this.#print("\t");
    else this.#moveTo(this.#column + 8 - (this.#column % 8));
  }

  #sequence(final, parameters) {
    const first = Number.parseInt(parameters, 10);
    const count = Math.max(1, Number.isNaN(first) ? 1 : first);
    if (final === "m" && /^[0-9;:]*$/.test(parameters)) this.#style = styled(this.#style, parameters);
    else if (final === "K") this.#erase(Number.isNaN(first) ? 0 : first);
    else if (final === "C") this.#moveTo(this.#column + count);
    else if (final === "D") this.#moveTo(this.#column - count);
    else if (final === "G" || final === "`") this.#moveTo(count - 1);
  }

  #moveTo(column) {
    this.#work += 1;
    this.#column = Math.max(0, Math.min(column, Math.max(MAX_COLUMN, this.#cells.length)));
  }

  #erase(which) {
    this.#work += 1;
    if (which === 0) this.#cut(this.#column);
    else if (which === 2) this.#cut(0);
    else if (which === 1 && this.#work < MAX_WORK) {
      const end = Math.min(this.#column + 1, this.#cells.length);
      this.#work += end;
      this.#cells.fill(" ", 0, end);
      this.#styles.fill(PLAIN, 0, end);
    }
  }

  #cut(length) {
    if (this.#cells.length <= length) return;
    this.#cells.length = length;
    this.#styles.length = length;
  }

  /** Blanks up to `column`, where the next character stands. */
  #fill(column) {
    while (this.#cells.length < column) {
      this.#cells.push(" ");
      this.#styles.push(PLAIN);
    }
  }
}
