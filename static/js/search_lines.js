// How a found line is drawn, on the run page and across runs.

import { number } from "console/format";

/** A link to line `hit.line` with the matches marked. */
export function lineLink(hit, href) {
  const link = document.createElement("a");
  link.className = "found-line";
  link.href = href;
  link.dataset.line = hit.line;
  const place = document.createElement("span");
  Object.assign(place, { className: "found-number", textContent: number(hit.line) });
  place.setAttribute("aria-label", `line ${number(hit.line)}`);
  link.append(place, markedText(hit.parts));
  return link;
}

/** `parts` as text, every second one of them marked. */
function markedText(parts) {
  const text = Object.assign(document.createElement("span"), { className: "found-text", dir: "auto" });
  parts.forEach((part, at) => {
    if (at % 2) text.append(Object.assign(document.createElement("mark"), { textContent: part }));
    else text.append(part);
  });
  return text;
}
