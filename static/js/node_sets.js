// Node sets, as people write them: "web[1-3,7]" and "rack[1-2]-[001-010]" mean many names. Pure; consoles/node_sets.py
// reads them the same way.

/** White space, commas and semicolons part names; within brackets, commas belong to the name. */
const WORDS = /(?:\[[^[\]\s;]*\]|[^\s,;])+/g;
const RANGE = /^(\d{1,9})(?:-(\d{1,9}))?$/;
/** Names that one word may mean here; the server says so where it is more. */
const MOST = 10_000;

/** The names and node sets in `text`, each once. */
export function parseNames(text) {
  return [...new Set(text.match(WORDS))];
}

/** The names that `word` means, in its order; [] where it is no node set, cannot be read or means too much. */
export function expand(word) {
  const parts = word.split(/\[([^[\]]*)\]/);
  if (parts.length < 3 || parts.some((part, at) => at % 2 === 0 && /[[\]]/.test(part))) return [];
  let names = [parts[0]];
  for (let at = 1; at < parts.length; at += 2) {
    const numbers = numbersOf(parts[at]);
    if (numbers.length === 0 || names.length * numbers.length > MOST) return [];
    names = names.flatMap((name) => numbers.map((number) => name + number + parts[at + 1]));
  }
  return [...new Set(names)];
}

/** "1-3,007" as the texts of its numbers; [] where it cannot be read. */
function numbersOf(text) {
  const numbers = [];
  for (const part of text.split(",")) {
    const [, first, last = first] = RANGE.exec(part) ?? [];
    if (first === undefined || Number(last) < Number(first) || Number(last) - Number(first) >= MOST) return [];
    const width = first.startsWith("0") || first.length === last.length ? first.length : 1;
    for (let n = Number(first); n <= Number(last); n += 1) numbers.push(String(n).padStart(width, "0"));
    if (numbers.length > MOST) return [];
  }
  return numbers;
}
