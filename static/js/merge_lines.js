// What several hosts printed as lines in the order of arrival: pieces of bytes in, the newest lines out. No DOM.

import { PLAIN } from "console/line_style";
import { styleAfter } from "console/line_text";

const LINE_FEED = 10;
/** Longer lines are cut into several, or one program could fill the view with a single line. */
const LONGEST_LINE = 8192;
/** What a program writes over again and again is kept up to this length; then only its last state is. */
const LONGEST_OVERWRITTEN = 1024;
/** A line without its end is shown when nothing more of it came for so long, in ms: it may be a question. */
const PATIENCE = 1_000;

export const STDERR = 2;

/** The newest lines of several hosts. Make a new one for other hosts. */
export class MergeLines {
  #most;
  #lines = [];
  #logs = new Map();
  #next = 1;
  #changed = new Set();
  /** Line ends that are stored, that arrived here, and that belong to the lines that are kept. */
  #stored = 0;
  #arrived = 0;
  #kept = 0;
  #missedAtFirst = null;

  constructor({ most = 5_000 } = {}) {
    this.#most = most;
  }

  /** Newest lines, oldest first: {id, kind: "line" | "gap", host, time, stream, text, style, isEnded}. Ids grow.
   * `text` has its escape sequences; it begins in `style`. */
  get lines() {
    return this.#lines;
  }

  /** Lines that are stored and not among `lines`: {older, skipped}; skipped are those that came too fast. */
  get missing() {
    const missed = Math.max(0, this.#stored - this.#arrived);
    const atFirst = Math.min(this.#missedAtFirst ?? 0, missed);
    return { older: atFirst + this.#arrived - this.#kept, skipped: missed - atFirst };
  }

  /** Lines that grew since the last call. */
  takeChanged() {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  /** Add one answer of the server: {pieces: [{host, offset, time, stream, data}], skipped, more, lines}. */
  take({ pieces, skipped, more, lines }, now) {
    const isFirst = this.#missedAtFirst === null;
    const before = this.#stored - this.#arrived;
    const fresh = pieces.map((piece) => this.#withoutKnown(piece));
    for (const { data } of fresh) this.#arrived += countFeeds(data);
    if (!more) this.#stored = lines;
    if (isFirst) this.#missedAtFirst = more ? 0 : Math.max(0, this.#stored - this.#arrived);
    else if (skipped > 0) this.#addGap(skipped, Math.max(0, this.#stored - this.#arrived - before), pieces[0]?.time);
    for (const piece of fresh) this.#add(piece, now);
    this.#drop();
  }

  /** Show lines that nobody ended, because nothing came for a while or `isOver(host)`. True when there was one. */
  flush(now, isOver) {
    let found = false;
    for (const log of this.#logs.values()) {
      for (const part of log.parts.values()) {
        if (part.isShown || part.text === "" || (now - part.since < PATIENCE && !isOver(log.host))) continue;
        this.#show(log, part, false);
        found = true;
      }
    }
    this.#drop();
    return found;
  }

  #withoutKnown(piece) {
    const { end } = this.#logOf(piece.host);
    if (end === null || piece.offset >= end) return piece;
    return { ...piece, offset: end, data: piece.data.subarray(end - piece.offset) };
  }

  #add({ host, offset, time, stream, data }, now) {
    if (data.length === 0) return;
    const log = this.#logOf(host);
    const isCut = offset > (log.end ?? 0);
    if (isCut) this.#breakOff(log);
    log.end = Math.max(log.end ?? 0, offset + data.length);
    const part = partOf(log, stream);
    const text = part.decoder.decode(data, { stream: true });
    // A log that is entered in the middle may begin inside a character.
    this.#addText(log, part, isCut ? text.replace(/^\ufffd{1,3}/, "") : text, time, now);
  }

  #addText(log, part, text, time, now) {
    const rows = text.split("\n");
    for (const [at, row] of rows.entries()) {
      if (part.text === "") part.time = time;
      if (row !== "") {
        part.text = afterReturn(part.text + row);
        part.since = now;
      }
      const isEnded = at < rows.length - 1;
      this.#cutLong(log, part);
      if (isEnded) this.#show(log, part, true);
      else if (part.isShown && row !== "") this.#show(log, part, false);
    }
  }

  #cutLong(log, part) {
    while (part.text.length > LONGEST_LINE) {
      const rest = part.text.slice(LONGEST_LINE);
      part.text = part.text.slice(0, LONGEST_LINE);
      this.#show(log, part, false);
      goOn(part, rest);
    }
  }

  /** Put what there is of a line among the lines, or bring it up to date there. */
  #show(log, part, isEnded) {
    const isThere = part.line !== null && part.line.id >= (this.#lines[0]?.id ?? Infinity);
    if (isThere) this.#changed.add(part.line);
    else part.line = this.#push({ kind: "line", host: log.host, ...startOf(part) });
    Object.assign(part.line, { text: part.text, isEnded });
    part.isShown = true;
    if (!isEnded) return;
    this.#kept += 1;
    goOn(part, "");
  }

  #addGap(bytes, lines, time) {
    this.#push({ kind: "gap", host: null, time, stream: null, bytes, lines, isEnded: false });
  }

  #push(line) {
    const added = { id: this.#next++, ...line };
    this.#lines.push(added);
    return added;
  }

  #drop() {
    const dropped = this.#lines.splice(0, Math.max(0, this.#lines.length - this.#most));
    for (const line of dropped) if (line.isEnded) this.#kept -= 1;
  }

  #logOf(host) {
    if (!this.#logs.has(host)) this.#logs.set(host, { host, end: null, parts: new Map() });
    return this.#logs.get(host);
  }

  /** Bytes are missing here: what comes does not continue what there was. */
  #breakOff(log) {
    for (const part of log.parts.values()) if (part.text !== "" && !part.isShown) this.#show(log, part, false);
    log.parts.clear();
  }
}

/** The line that has begun in one stream of a log, and the colours it began with. */
function partOf({ parts }, stream) {
  if (!parts.has(stream)) {
    const line = { text: "", style: PLAIN, time: null, since: 0, line: null, isShown: false };
    parts.set(stream, { stream, decoder: new TextDecoder(), ...line });
  }
  return parts.get(stream);
}

const startOf = ({ time, stream, style }) => ({ time, stream, style });

/** The next line begins with `text`, in the colours that the last one left. */
function goOn(part, text) {
  Object.assign(part, { style: styleAfter(part.text, part.style), text, line: null, isShown: false });
}

/** What is left of a line that a program wrote over from its beginning, as progress bars do, before it gets long. */
function afterReturn(text) {
  return text.length < LONGEST_OVERWRITTEN ? text : text.slice(text.lastIndexOf("\r", text.length - 2) + 1);
}

function countFeeds(data) {
  let count = 0;
  for (let at = data.indexOf(LINE_FEED); at !== -1; at = data.indexOf(LINE_FEED, at + 1)) count += 1;
  return count;
}

/** The bytes that base64 `text` stands for. */
export function bytesOf(text) {
  const characters = atob(text);
  const data = new Uint8Array(characters.length);
  for (let at = 0; at < characters.length; at += 1) data[at] = characters.charCodeAt(at);
  return data;
}

/** One of `count` colours for a host, the same on every page and in every run: FNV-1a of its name. */
export function toneOf(name, count) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % count;
}
