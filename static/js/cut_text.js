// Texts that have less room than they need, cut where it costs least: a name keeps its number, a progress bar its
// percentage. Pure, but for show().

/** Names up to here fit everywhere. */
const SHORT = 12;
/** So many characters after a name's number are kept with it; more may be cut, too. */
const MOST_AFTER = 10;
const LAST_NUMBER = /^(.*?)(\d+)(\D*)$/su;
const ADDRESS = /^[\d.:[\]a-f]+$/i;
/** Characters that bars are drawn with, more than a few of them in a row. */
const BAR = /([#=\-.·•:*_~+>█▓▒░▌▉■□▬━─╸╺⣿])\1{5,}/gu;
const GAP = / {4,}/g;
const PERCENTAGE = /^(.*?)([\](]?\s?\d{1,3}(?:[.,]\d+)?\s?%\S{0,2})\s*$/su;

/**
 * A name in parts, of which some may be cut: {text, isKept}. What is kept is its number: the last one, or that of its
 * first label ("web-0017" of "web-0017.example.net").
 */
export function nameParts(name) {
  if (name.length <= SHORT || ADDRESS.test(name)) return [{ text: name, isKept: false }];
  const [label] = name.split(".");
  const [, head, number, after] = LAST_NUMBER.exec(label) ?? LAST_NUMBER.exec(name) ?? [null, "", "", ""];
  if (number === "") return halves(name);
  const rest = name.slice(head.length + number.length + after.length);
  const isAllKept = after.length + rest.length <= MOST_AFTER;
  return parts([head, number + (isAllKept ? after + rest : ""), isAllKept ? "" : after + rest]);
}

function halves(name) {
  const characters = [...name];
  return parts([characters.slice(0, -6).join(""), characters.slice(-6).join(""), ""]);
}

const parts = (texts) => texts.map((text, at) => ({ text, isKept: at === 1 })).filter(({ text }) => text !== "");

/** A last line as it is shown in a row: bars and gaps shortened. */
export const squeezed = (line) => line.replace(BAR, "$1$1…").replace(GAP, "  ");

/** A last line in parts, of which some may be cut: the percentage at its end is kept. */
export function lineParts(line) {
  const [, head, percentage] = PERCENTAGE.exec(line) ?? [];
  return percentage && head ? parts([head, percentage, ""]) : [{ text: line, isKept: false }];
}

/** Let `element` say what `parts` are together; one that is kept is never cut. Text nodes only. */
export function show(element, parts) {
  element.classList.toggle("is-parts", parts.length > 1);
  if (parts.length === 1) {
    element.textContent = parts[0].text;
    return;
  }
  element.replaceChildren(...parts.map(({ text, isKept }) => {
    const part = document.createElement("span");
    part.className = isKept ? "part-kept" : "part";
    part.textContent = text;
    return part;
  }));
}
