// Asking the console for JSON. Whatever goes wrong becomes a sentence that tells what to do.

export class FetchError extends Error {}

/** Nothing came back: the same request may well be answered later. */
export class SilenceError extends FetchError {}

/** What went wrong, for whoever goes on trying by themselves until there is an answer. */
export const whileTrying = (error) =>
  error instanceof SilenceError ? "The console does not answer: it is tried again when it does." : error.message;

const SENTENCES = {
  403: "You may not see this any more: ask an administrator for the permission.",
  404: "The console does not have this any more: reload the page.",
  503: "The database does not answer: try again in a moment.",
};

/** GET `address` with `params` as an object. Throws FetchError with a sentence; an aborted request throws as it is. */
export async function getJson(address, params = {}, signal = undefined) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== null && value !== undefined));
  const url = query.size > 0 ? `${address}?${query}` : address;
  try {
    return await answerOf(url, signal);
  } catch (error) {
    if (error.name === "AbortError" || error instanceof FetchError) throw error;
    // The connection was cut, perhaps in the middle of the answer.
    throw new SilenceError("The console does not answer: try again in a moment.");
  }
}

async function answerOf(url, signal) {
  const response = await fetch(url, { signal, headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (response.redirected && new URL(response.url).pathname.startsWith("/login")) {
    throw new FetchError("Your login has ended: reload the page and log in again.");
  }
  if (response.ok) return response.json();
  throw new FetchError(
    (await sentenceOf(response)) ?? SENTENCES[response.status] ?? `The console answered with ${response.status}: try again.`,
  );
}

async function sentenceOf(response) {
  if (!response.headers.get("Content-Type")?.startsWith("application/json")) return null;
  const { error } = await response.json();
  return typeof error === "string" ? error : null;
}
