// Finding what somebody means by a few letters. Pure.

const CONSECUTIVE = 6;
const WORD_START = 5;
const TEXT_START = 4;
const LETTER = 2;
/** Taken off for each letter that is skipped, up to a limit: one far away is still better than none. */
const SKIPPED = 0.25;
const MOST_SKIPPED = 4;
/** Longer texts are looked at up to here. */
const MOST_LETTERS = 200;

/**
 * How well `text` fits `query`: {score, at}, where `at` are the places of the letters found; null where it does not.
 * Every word of the query must be found, its letters in order; an empty query fits everything.
 */
export function match(query, text) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = text.slice(0, MOST_LETTERS);
  // Lower case must not move letters: "İ" alone becomes two.
  const lower = [...shown].map((letter) => letter.toLowerCase()).join("");
  const letters = lower.length === shown.length ? lower : shown;
  let score = 0;
  const at = new Set();
  for (const word of words) {
    const found = matchWord(word, letters, shown);
    if (found === null) return null;
    score += found.score;
    for (const place of found.at) at.add(place);
  }
  // Of two that fit as well, the shorter one says less that was not asked for.
  return { score: score - shown.length / 100, at: [...at].sort((a, b) => a - b) };
}

/** The items that fit, best first: [{item, score, at}]; `at` is in the item's label. Each has label and words (more text). */
export function rank(query, items) {
  if (query.trim() === "") return items.map((item) => ({ item, score: 0, at: [] }));
  const found = [];
  items.forEach((item, order) => {
    const inLabel = match(query, item.label);
    const inAll = inLabel ?? matchAcross(query, item);
    if (inAll) found.push({ item, score: inAll.score, at: inLabel?.at ?? [], order });
  });
  return found.sort((a, b) => b.score - a.score || a.order - b.order);
}

/** What fits only with an item's other words counts half. */
function matchAcross(query, { label, words = "" }) {
  const found = words === "" ? null : match(query, `${label} ${words}`);
  return found && { ...found, score: found.score / 2 };
}

/** The best way to find the letters of `word` in order: for each letter, the best that ends at each place. */
function matchWord(word, letters, shown) {
  if (!isIn(word, letters)) return null;
  const steps = [];
  let before = null;
  for (let w = 0; w < word.length; w += 1) {
    const scores = new Array(letters.length).fill(-Infinity);
    const from = new Array(letters.length).fill(-1);
    let bestBefore = -1;
    for (let i = w; i < letters.length; i += 1) {
      if (before !== null && i >= 2 && better(before, i - 2, bestBefore, i)) bestBefore = i - 2;
      if (letters[i] !== word[w]) continue;
      const worth = LETTER + placeWorth(letters, shown, i);
      if (before === null) {
        scores[i] = worth - Math.min(MOST_SKIPPED, i * SKIPPED);
        continue;
      }
      const next = before[i - 1] + CONSECUTIVE;
      const jump = bestBefore < 0 ? -Infinity : before[bestBefore] - skipped(i - bestBefore - 1);
      scores[i] = worth + Math.max(next, jump);
      from[i] = next >= jump ? i - 1 : bestBefore;
    }
    steps.push(from);
    before = scores;
  }
  const end = before.reduce((best, score, i) => (score > before[best] ? i : best), 0);
  const at = [end];
  for (let w = word.length - 1; w > 0; w -= 1) at.unshift(steps[w][at[0]]);
  return { score: before[end], at };
}

const skipped = (count) => Math.min(MOST_SKIPPED, count * SKIPPED);

/** Whether the way that ends at `i` is a better start for a letter at `place` than the one that ends at `best`. */
function better(scores, i, best, place) {
  if (scores[i] === -Infinity) return false;
  return best < 0 || scores[i] - skipped(place - i - 1) >= scores[best] - skipped(place - best - 1);
}

function placeWorth(letters, shown, i) {
  if (i === 0) return TEXT_START + WORD_START;
  const isStart = !/[\p{L}\p{N}]/u.test(letters[i - 1]) || isDigit(letters[i]) !== isDigit(letters[i - 1]) ||
    (shown[i] !== letters[i] && shown[i - 1] === letters[i - 1]);
  return isStart ? WORD_START : 0;
}

const isDigit = (letter) => letter >= "0" && letter <= "9";

function isIn(word, letters) {
  let at = 0;
  for (const letter of word) {
    at = letters.indexOf(letter, at) + 1;
    if (at === 0) return false;
  }
  return true;
}
