// What the new-run page sends and says, without the page: pure functions over the form's elements and the review.

const LIMITS = ["fanout", "connect_timeout", "idle_timeout", "total_timeout"];
const LIMIT_WORDS = { fanout: "fan-out", connect_timeout: "connect", idle_timeout: "idle", total_timeout: "total" };

/** The `start` message for exactly what was reviewed. `elements` maps names to fields with a value. */
export function startRequest(elements, review) {
  const limits = Object.fromEntries(LIMITS.map((name) => [name, Number(elements[name].value)]));
  const rerun = Number(elements.rerun.value) || null;
  return {
    key: elements.key.value,
    servers: review.servers,
    command: review.command,
    script: review.script,
    title: elements.title.value,
    mode: review.mode,
    ...limits,
    ...(rerun && { rerun_of: rerun }),
  };
}

/** The limits on one line: "fan-out 64, connect 10 s, idle 15 min, total 2 h". */
export function tellLimits(elements) {
  return LIMITS.map((name) => `${LIMIT_WORDS[name]} ${tellLimit(name, elements[name].value.trim())}`).join(", ");
}

function tellLimit(name, value) {
  if (!/^\d+$/.test(value)) return "?";
  if (name === "fanout") return value;
  return value === "0" ? "for ever" : span(Number(value));
}

/** Seconds in the largest unit that divides them, or as they are: 900 is "15 min", 90 is "90 s". */
export function span(seconds) {
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds && seconds % size === 0) return `${seconds / size} ${unit}`;
  }
  return `${seconds} s`;
}

/** A random UUID; crypto.randomUUID exists on https and localhost only. */
export function uuid(random = (bytes) => crypto.getRandomValues(bytes)) {
  const bytes = random(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
