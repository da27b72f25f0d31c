import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { SilenceError, getJson, whileTrying } = await import("console/fetching");

async function failureOf(fetch) {
  globalThis.fetch = fetch;
  try {
    await getJson("/groups.json");
  } catch (error) {
    return error;
  }
  return null;
}

test("promises to try again only where that is done", async () => {
  const error = await failureOf(async () => {
    throw new TypeError("Failed to fetch");
  });
  assert.ok(error instanceof SilenceError);
  assert.equal(error.message, "The console does not answer: try again in a moment.");
  assert.equal(whileTrying(error), "The console does not answer: it is tried again when it does.");
});

test("passes on what the console says went wrong", async () => {
  const answer = { error: "This log is too long." };
  const error = await failureOf(async () => new Response(JSON.stringify(answer), {
    status: 422, headers: { "Content-Type": "application/json" },
  }));
  assert.equal(error.message, "This log is too long.");
  assert.equal(whileTrying(error), "This log is too long.");
});
