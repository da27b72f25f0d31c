// What an address of the run page points at: "#h=web1&L120-L140" or "#view=grid". Pure.

const LINES = /^L(\d{1,15})(?:-L?(\d{1,15}))?$/;

/** {host, view, lines: {from, to} | null} of a location's hash; what is not there is null. */
export function placeOf(hash) {
  const place = { host: null, view: null, lines: null };
  for (const part of hash.replace(/^#/, "").split("&")) {
    const found = LINES.exec(part);
    if (found) place.lines = rangeOf(Number(found[1]), Number(found[2] ?? found[1]));
    const [name, value] = new URLSearchParams(part).entries().next().value ?? [];
    if (name === "h" && value) place.host = value;
    if (name === "view" && value) place.view = value;
  }
  return place;
}

/** The inverse of placeOf: "" for a place without anything. */
export function hashOf({ host = null, view = null, lines = null }) {
  const parts = [];
  if (host !== null) parts.push(new URLSearchParams({ h: host }).toString());
  if (view !== null) parts.push(new URLSearchParams({ view }).toString());
  if (lines) parts.push(lines.from === lines.to ? `L${lines.from}` : `L${lines.from}-L${lines.to}`);
  return parts.length > 0 ? `#${parts.join("&")}` : "";
}

function rangeOf(one, other) {
  const from = Math.min(one, other);
  return from < 1 ? null : { from, to: Math.max(one, other) };
}
