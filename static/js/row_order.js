// Which rows of a list may stay where they are when its order changes. Pure.

/**
 * The largest set of items that already stand in the order of `wanted`; only the others have to move.
 * `current` may have items that `wanted` leaves out.
 */
export function itemsThatStay(current, wanted) {
  const place = new Map(wanted.map((item, at) => [item, at]));
  const items = current.filter((item) => place.has(item));
  // Longest increasing run of places: ends[n] is the item with which a run of n + 1 ends at the smallest place.
  const ends = [];
  const before = new Map();
  for (const item of items) {
    const at = firstNotBelow(ends, place, place.get(item));
    before.set(item, ends[at - 1]);
    ends[at] = item;
  }
  const stay = new Set();
  for (let item = ends.at(-1); item !== undefined; item = before.get(item)) stay.add(item);
  return stay;
}

function firstNotBelow(ends, place, wanted) {
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (place.get(ends[middle]) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
