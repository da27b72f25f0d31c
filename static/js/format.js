// Numbers, times and sentences as the page writes them. Pure.

const grouped = new Intl.NumberFormat("en-US");

/** 4182991 as "4,182,991". */
export const number = (value) => grouped.format(value);

/** 22900000 as "22.9 MB". */
export function bytes(value) {
  if (value < 1000) return plural(value, "byte");
  const unit = value < 1e6 ? ["kB", 1e3] : value < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return `${(value / unit[1]).toFixed(1)} ${unit[0]}`;
}

/** "1 host", "12 hosts". */
export const plural = (count, word) => `${number(count)} ${word}${count === 1 ? "" : "s"}`;

/** Milliseconds as "0.4 s", "41.2 s", "2:14", "1:02:14", "3 d 04:10". */
export function duration(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  return wholeDuration(Math.round(seconds) * 1000);
}

/** The same without tenths, for what is still counting: "17 s", "2:14". */
export function wholeDuration(ms) {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  if (seconds < 60) return `${seconds} s`;
  const two = (value) => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours === 0) return `${minutes}:${two(seconds % 60)}`;
  if (hours < 24) return `${hours}:${two(minutes % 60)}:${two(seconds % 60)}`;
  return `${Math.floor(hours / 24)} d ${two(hours % 24)}:${two(minutes % 60)}`;
}

/** A moment (ms since 1970, or an ISO text) as "14:03:02"; everything on the page is UTC, as the hosts' logs are. */
export const clock = (moment) => new Date(moment).toISOString().slice(11, 19);

/** What the page calls a host that may go on working while the console has no contact to it; not a status. */
export const RECONNECTING = "reconnecting";

const MAY_GO_ON = new Set(["starting", "running"]);

export const isReconnecting = (host) => Boolean(host.contact_lost) && MAY_GO_ON.has(host.status);

/** What is shown of `host` and what it is filtered by: its status, or "reconnecting" while contact to it is lost. */
export const standing = (host) => (isReconnecting(host) ? RECONNECTING : host.status);

/** A status in words: "timed out". */
export const statusWords = (status) => status.replace("_", " ");

/** How a host stands, beside its name: "failed · exit 100", "canceling", "running". */
export function outcome(host) {
  if (host.canceling) return isReconnecting(host) ? "cancel waits for contact" : "canceling";
  const word = statusWords(standing(host));
  if (host.status !== "failed") return word;
  if (host.exit_signal) return `${word} · ${host.exit_signal}`;
  return host.exit_status === null ? word : `${word} · exit ${host.exit_status}`;
}

/** How long contact to a host is lost, at server time `now` in ms: "42 s", "2:10". */
export const awayText = (host, now) => wholeDuration(now - Date.parse(host.contact_lost));

/** What the console says of a host, in full. */
export const reasonText = (host) =>
  host.canceling && isReconnecting(host) ? `${host.reason} It is ended as soon as there is contact again.`.trim() : host.reason;

/** The line under a host's name, and whether the program printed it; the address where there is nothing to say. */
export function detail(host) {
  const saidByProgram = ["running", "succeeded"].includes(standing(host)) || endedByItself(host);
  const [first, second] = saidByProgram ? [host.last_line, host.reason] : [host.reason, host.last_line];
  const text = first || second || host.address;
  return { text, printed: text === host.last_line };
}

const endedByItself = (host) => host.status === "failed" && host.exit_status !== null && host.dropped === 0;

/** How long a host ran, in ms at server time `now`; null before it started. */
export function elapsed(host, now) {
  if (!host.started) return null;
  return (host.finished ? Date.parse(host.finished) : now) - Date.parse(host.started);
}

/** Elapsed time as text: tenths once it is over, whole seconds while it counts. */
export function elapsedText(host, now) {
  const ms = elapsed(host, now);
  if (ms === null) return "";
  return host.finished ? duration(ms) : wholeDuration(ms);
}

/** "3 failed, 41 running" from [[status, count], …]. */
export function countsText(counts) {
  return counts.map(([status, count]) => `${number(count)} ${statusWords(status)}`).join(", ");
}
