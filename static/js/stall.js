// Whether a running host has gone quiet, and what its last line says about why. Pure.

import * as format from "console/format";

/** So many ms without output, by the server's clock, are worth a mark. */
export const QUIET_AFTER = 30_000;

const ASKS = {
  cause: "asks a question",
  advice: "Cancel it, then run again with an option that answers, such as -y.",
};
const PASSWORD = {
  cause: "asks for a password",
  advice: "Cancel it, then run again as a user who needs none, or with sudo -n.",
};
const DIALOG = {
  cause: "a package asks in a dialog",
  advice: "Cancel it, then run again with DEBIAN_FRONTEND=noninteractive and NEEDRESTART_MODE=a.",
};
const PAGER = { cause: "a pager waits for a key", advice: "Cancel it, then run again with PAGER=cat or --no-pager." };
const LOCK = {
  cause: "another package manager holds the lock",
  advice: "Wait, or find out on the host who holds the lock; do not delete the lock file.",
};
const RETRY = {
  cause: "tries again and again",
  advice: "Check that the host reaches what the last line names.",
};
const NETWORK = {
  cause: "the network does not answer",
  advice: "Check that the host reaches what the last line names.",
};

// The first that matches tells. A prompt stands at the end of what was printed, so most of these are bound to the end.
const CAUSES = [
  [/\b(password|passphrase|passcode|verification code)\b[^:]{0,80}:\s*$/i, PASSWORD],
  [/^\[sudo\]/i, PASSWORD],
  [/(could not get lock|unable to (acquire|lock)|waiting for cache lock|is (another process|locked by))/i, LOCK],
  [/(waiting for process with pid|another app is currently holding the yum lock|existing lock )/i, LOCK],
  [/(system management is locked|unable to lock database|db\.lck|could not lock)/i, LOCK],
  [/^(dpkg|apt|rpm|dnf|yum|apk|snap)\b.{0,80}\block\b/i, LOCK],
  [/(configuring [\w.+-]+|package configuration|needrestart|restart services during|daemons using outdated)/i, DIALOG],
  [/\(Y\/I\/N\/O\/D\/Z\)|which services should be restarted/i, DIALOG],
  [/(--more--|\(END\)|^:\s*$)/i, PAGER],
  [/\[\s*y(es)?\s*\/\s*no?\s*(\/[^\]]{1,20})?\]|\(\s*y(es)?\s*\/\s*no?\s*(\/[^)]{1,30})?\)|\by\/n\b/i, ASKS],
  [/(press|hit) (any key|enter|return|\[enter\])|enter to continue|(continue|proceed|overwrite|are you sure)[^?]{0,60}\?\s*$/i, ASKS],
  [/(is this ok|do you want to|would you like to|please (choose|select|enter|confirm))/i, ASKS],
  [/\b(retry|retrying|trying again|attempt \d+)\b/i, RETRY],
  [/(connection (timed out|refused|reset)|temporary failure|could not resolve|no route to host|network is unreachable)/i,
    NETWORK],
  [/\?\s*$/, ASKS],
];

/**
 * {quiet, cause, advice} of a running host that has printed nothing for a while, or null. Where contact is lost, silence
 * says nothing. `quiet` is in ms, `now` the
 * server's time in ms; cause and advice are "" where the last line tells nothing.
 */
export function stallOf(host, now) {
  if (host.status !== "running" || host.canceling || format.isReconnecting(host)) return null;
  const last = host.printed ?? host.started;
  if (!last) return null;
  const quiet = now - Date.parse(last);
  if (!(quiet >= QUIET_AFTER)) return null;
  return { quiet, ...causeOf(host.last_line) };
}

/** {cause, advice} that a last line tells of, in words; both "" where it tells nothing. */
export function causeOf(line) {
  const text = (line ?? "").trim();
  if (text === "") return { cause: "", advice: "" };
  return CAUSES.find(([pattern]) => pattern.test(text))?.[1] ?? { cause: "", advice: "" };
}

/** "no output for 2:10": how long a host has been quiet, for a row or a tile. */
export const quietText = (stall) => `no output for ${format.wholeDuration(stall.quiet)}`;

/** The whole story for a host: "no output for 2:10: asks a question. Cancel it, …"; "" for one that is well. */
export function stallText(host, now) {
  const stall = stallOf(host, now);
  if (!stall) return "";
  return stall.cause ? `${quietText(stall)}: ${stall.cause}. ${stall.advice}` : `${quietText(stall)}.`;
}
