// Colours and weights that ANSI sequences ask for (SGR), and how they look on the dark ground of a log. Pure.

import { THEME } from "console/terminal_theme";

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const bright = (name) => `bright${name[0].toUpperCase()}${name.slice(1)}`;
const PALETTE = [...NAMES, ...NAMES.map(bright)].map((name) => THEME[name]);
const LEVELS = [0, 95, 135, 175, 215, 255];
/** Contrast that text has at least, and dim text, whatever colours a program picks. */
const CONTRAST = 4.5;
const DIM_CONTRAST = 3;

/** Nothing is set. Styles are never changed: equal ones may be compared by identity along a line. */
export const PLAIN = Object.freeze({
  fg: null, bg: null, bold: false, dim: false, italic: false, underline: false, strike: false, inverse: false,
});

const SIMPLE = {
  1: { bold: true }, 2: { dim: true }, 3: { italic: true }, 4: { underline: true }, 7: { inverse: true },
  9: { strike: true }, 21: { underline: true }, 22: { bold: false, dim: false }, 23: { italic: false },
  24: { underline: false }, 27: { inverse: false }, 29: { strike: false }, 39: { fg: null }, 49: { bg: null },
};

/** The style after `style` once the parameters of an SGR sequence ("1;38;5;208") have been applied. */
export function styled(style, parameters) {
  const codes = parameters.split(";");
  let next = style;
  for (let at = 0; at < codes.length; at += 1) {
    const parts = codes[at].split(":");
    const code = Number(parts[0]);
    if (code === 38 || code === 48) {
      const [colour, used] = parts.length > 1 ? [ofParts(parts), 0] : ofCodes(codes, at);
      at += used;
      if (colour !== null) next = { ...next, [code === 38 ? "fg" : "bg"]: colour };
    } else if (code === 0) next = PLAIN;
    else if (code === 4 && parts[1] === "0") next = { ...next, underline: false };
    else next = withSimple(next, code);
  }
  return next;
}

function withSimple(style, code) {
  if (SIMPLE[code]) return { ...style, ...SIMPLE[code] };
  for (const [first, field, colour] of [[30, "fg", 0], [40, "bg", 0], [90, "fg", 8], [100, "bg", 8]]) {
    if (code >= first && code < first + 8) return { ...style, [field]: PALETTE[code - first + colour] };
  }
  return style;
}

/** [colour, codes used] of "38;5;n" and "38;2;r;g;b". */
function ofCodes(codes, at) {
  if (codes[at + 1] === "5") return [ofNumber(Number(codes[at + 2])), 2];
  if (codes[at + 1] === "2") return [ofLevels(codes.slice(at + 2, at + 5).map(Number)), 4];
  return [null, 1];
}

/** Of "38:5:n", "38:2:r:g:b" and "38:2:space:r:g:b". */
function ofParts(parts) {
  if (parts[1] === "5") return ofNumber(Number(parts[2]));
  if (parts[1] === "2") return ofLevels(parts.slice(parts.length >= 6 ? 3 : 2).slice(0, 3).map(Number));
  return null;
}

function ofNumber(number) {
  if (!Number.isInteger(number) || number < 0 || number > 255) return null;
  if (number < 16) return PALETTE[number];
  if (number >= 232) return hex([8 + (number - 232) * 10, 8 + (number - 232) * 10, 8 + (number - 232) * 10]);
  const cube = number - 16;
  return hex([LEVELS[Math.floor(cube / 36)], LEVELS[Math.floor(cube / 6) % 6], LEVELS[cube % 6]]);
}

function ofLevels(levels) {
  return levels.length === 3 && levels.every((level) => level >= 0 && level <= 255) ? hex(levels) : null;
}

const hex = (levels) => `#${levels.map((level) => Math.round(level).toString(16).padStart(2, "0")).join("")}`;
const levelsOf = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

/** {color, background, classes} for the page; a colour is null where the log's own is meant. */
export function lookOf(style) {
  let { fg, bg } = style;
  if (style.inverse) [fg, bg] = [bg ?? THEME.background, fg ?? THEME.foreground];
  const ground = bg ?? THEME.background;
  let color = fg;
  if (style.dim) color = readable(mixed(fg ?? THEME.foreground, ground, 0.4), ground, DIM_CONTRAST);
  else if (fg !== null || bg !== null) color = readable(fg ?? THEME.foreground, ground, CONTRAST);
  const classes = ["bold", "italic", "underline", "strike"].filter((name) => style[name]);
  return { color, background: bg, classes };
}

/** `colour` moved towards white or black until it can be read on `ground`: no output is hidden by its colours. */
export function readable(colour, ground, contrast = CONTRAST) {
  if (contrastOf(colour, ground) >= contrast) return colour;
  const target = luminance(ground) < 0.18 ? "#ffffff" : "#000000";
  for (let part = 0.1; part < 1; part += 0.1) {
    const moved = mixed(colour, target, part);
    if (contrastOf(moved, ground) >= contrast) return moved;
  }
  return target;
}

function mixed(one, other, part) {
  const levels = levelsOf(other);
  return hex(levelsOf(one).map((level, at) => level + (levels[at] - level) * part));
}

export function contrastOf(one, other) {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour) {
  const [red, green, blue] = levelsOf(colour).map((level) => {
    const part = level / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
