import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { FetchError, SilenceError, getJson } = await import("console/fetching");

/** Let `fetch` answer with what `answer()` gives. */
const answering = (answer) => {
  globalThis.fetch = async () => answer();
};

const json = { "Content-Type": "application/json" };

/** A body that begins and then breaks with `error`. */
const broken = (error) =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"groups": ['));
      controller.error(error);
    },
  });

test("gives what the console answers", async () => {
  answering(() => new Response('{"a": 1}', { headers: json }));
  assert.deepEqual(await getJson("/groups.json"), { a: 1 });
});

test("calls it silence when no answer comes, and when one is cut in the middle", async () => {
  answering(() => {
    throw new TypeError("Failed to fetch");
  });
  await assert.rejects(getJson("/groups.json"), SilenceError);
  answering(() => new Response(broken(new TypeError("network error")), { headers: json }));
  await assert.rejects(getJson("/groups.json"), SilenceError);
  answering(() => new Response(broken(new TypeError("network error")), { status: 503, headers: json }));
  await assert.rejects(getJson("/groups.json"), SilenceError);
});

test("gives an abort back as it is, also in the middle of an answer", async () => {
  answering(() => new Response(broken(new DOMException("aborted", "AbortError")), { headers: json }));
  await assert.rejects(getJson("/groups.json"), { name: "AbortError" });
});

test("repeats the console's sentence, or has one of its own", async () => {
  answering(() => new Response('{"error": "Name a host."}', { status: 400, headers: json }));
  await assert.rejects(getJson("/groups.json"), { message: "Name a host.", constructor: FetchError });
  answering(() => new Response("<h1>", { status: 403 }));
  await assert.rejects(getJson("/groups.json"), /^FetchError|may not see this/);
});
