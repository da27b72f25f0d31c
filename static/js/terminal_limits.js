// What output may do to the terminal: colours, moving the cursor, erasing what is on the screen, tabs, links.
// Everything else is swallowed, and so is a count that would keep the page busy: xterm.js does as often as it is told.

/** Bytes that are drawn at a time. Between two pieces xterm.js lets the page answer, so a piece must not take long. */
const PIECE = 1024;
/** Each line with a link costs time with every further line: beyond this, the older ones become plain text. */
const MOST_LINKED_LINES = 200;
/** Marks on one character; further ones get cells of their own. Browsers take minutes to draw a stack of thousands. */
const MOST_MARKS = 8;

/** A character of width one that joins nothing. */
const ALONE = 1 << 1;

const ignore = () => true;
const PREFIXES = ["", "<", "=", ">", "?"];
const INTERMEDIATES = ["", ...characters(0x20, 0x2f)];
// Not in it, though harmless elsewhere: REP, inserting and deleting lines, scrolling, margins and every mode (without
// line wrap or on the other screen output would be lost), answers to questions, window and cursor commands.
const CONTROLS = new Set("ABCDEFGHIJKPXZ@`adefmsu");
const COUNTED_BY_COLUMN = "IZ@PX";
const ESCAPES = new Set("78DEM\\");
// Titles, and palette, foreground, background and cursor colours, and taking them back: text could be made invisible.
const COMMANDS = [0, 1, 2, 4, 10, 11, 12, 17, 19, 104, 110, 111, 112, 117, 119];

function characters(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => String.fromCharCode(first + index));
}

/** Take from the terminal what a viewer must not leave to the output. */
export function limitSequences(terminal) {
  const { parser } = terminal;
  for (const intermediates of INTERMEDIATES) {
    for (const final of characters(0x40, 0x7e)) {
      for (const prefix of PREFIXES) {
        if (prefix || intermediates || !CONTROLS.has(final)) {
          parser.registerCsiHandler({ prefix, intermediates, final }, ignore);
        }
      }
    }
    for (const final of characters(0x30, 0x7e)) {
      if (intermediates || !ESCAPES.has(final)) parser.registerEscHandler({ intermediates, final }, ignore);
    }
  }
  for (const command of COMMANDS) parser.registerOscHandler(command, ignore);
  parser.registerDcsHandler({ intermediates: "$", final: "q" }, ignore);
  const isTooMany = (parameters) => parameters.flat().some((count) => count > terminal.cols);
  for (const final of COUNTED_BY_COLUMN) parser.registerCsiHandler({ final }, isTooMany);
  const erasesScrollback = (parameters) => parameters.flat().includes(3);
  parser.registerCsiHandler({ final: "J" }, erasesScrollback);
}

/** `data` in pieces that are drawn quickly; nothing gives one empty piece. */
export function* pieces(data) {
  for (let start = 0; start === 0 || start < data.length; start += PIECE) yield data.subarray(start, start + PIECE);
}

/** Keep links working on the newest lines that have one; `markers` are those of the lines with links, oldest first. */
export function forgetOldLinks(markers) {
  if (markers.length > MOST_LINKED_LINES) {
    for (const marker of markers.slice(0, -MOST_LINKED_LINES / 2)) marker.dispose();
  }
}

/**
 * `provider`, a Unicode version of xterm.js, under another name and with few marks on each character. Properties are
 * laid out as xterm.js does: whether the character joins the one before (1 bit), its width (2 bits), a number of ours.
 */
export function withFewMarks(provider) {
  const charProperties = (codepoint, before) => {
    const found = provider.charProperties(codepoint, before & 7);
    if ((found & 1) === 0) return found & 7;
    const marks = (before >> 3) + 1;
    return marks > MOST_MARKS ? ALONE : (marks << 3) | (found & 7);
  };
  const wcwidth = (codepoint) => provider.wcwidth(codepoint);
  return { version: `${provider.version} with few marks`, wcwidth, charProperties };
}
