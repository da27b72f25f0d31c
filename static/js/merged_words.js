// What the merged view says, and whose output it shows. Pure.

import { number } from "console/format";

/** "12,408 lines skipped: 400 older, 12,008 came too fast"; "" when all are shown. */
export function missingSentence({ older, skipped }) {
  const word = (count) => `${number(count)} line${count === 1 ? "" : "s"}`;
  if (older === 0 && skipped === 0) return "";
  if (skipped === 0) return `${word(older)} skipped: older`;
  if (older === 0) return `${word(skipped)} skipped: came too fast`;
  return `${word(older + skipped)} skipped: ${number(older)} older, ${number(skipped)} came too fast`;
}

/** Which hosts to merge: the chosen ones, or those that have printed, at most `most`; {hosts, sentence}. */
export function hostsToMerge(store, chosen, most) {
  const indexes = chosen.length > 0 ? chosen : [...store.all()].filter(({ size }) => size > 0).map(({ i }) => i);
  const hosts = indexes.slice(0, most);
  const isCut = indexes.length > hosts.length;
  if (chosen.length > 0) {
    const cut = `The first ${number(most)} of ${number(indexes.length)} chosen hosts`;
    return { hosts, sentence: isCut ? cut : chosenWords(hosts.length) };
  }
  if (isCut) return { hosts, sentence: `${number(most)} of ${number(indexes.length)} hosts that printed; choose hosts to see others` };
  const isAll = hosts.length === store.size;
  const some = hosts.length === 0 ? "No host" : `${number(hosts.length)} of ${number(store.size)} hosts`;
  const sentence = store.isOver ? `${some} printed` : `${some} printed so far`;
  return { hosts, sentence: isAll ? allWords(hosts.length) : sentence };
}

const chosenWords = (count) => (count === 1 ? "1 chosen host" : `${number(count)} chosen hosts`);
const allWords = (count) => (count === 1 ? "The only host" : `All ${number(count)} hosts`);

/** What stands there while there are no lines: [title, sentence]. */
export function blankWords(store, hosts, hasAnswer) {
  if (hosts.some((i) => store.get(i).size > 0)) {
    if (!hasAnswer) return ["Loading", "The newest lines come first."];
    return ["Nothing to show yet", "Lines appear as soon as they are complete."];
  }
  if (hosts.length > 0) return ["No output", "The chosen hosts have printed nothing so far."];
  if (store.isOver) return ["No output", "No host of this run printed anything."];
  return ["Nothing printed yet", "Lines of all hosts appear here in the order in which they arrive."];
}
