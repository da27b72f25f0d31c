import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { lineParts, nameParts, squeezed } = await import("console/cut_text");

/** Parts as text; those that are never cut in brackets. */
const told = (parts) => parts.map(({ text, isKept }) => (isKept ? `[${text}]` : text)).join("|");

test("keeps the number of a long name, with what little stands after it", () => {
  assert.equal(told(nameParts("web-frontend-production-0017")), "web-frontend-production-|[0017]");
  assert.equal(told(nameParts("web-frontend-17-canary")), "web-frontend-|[17-canary]");
  assert.equal(told(nameParts("web-frontend-0017.prod.example.net")), "web-frontend-|[0017]|.prod.example.net");
  assert.equal(told(nameParts("frontend.rack17.example.net")), "frontend.rack|[17]|.example.net");
});

test("keeps the end of a long name without a number, and leaves short names and addresses alone", () => {
  assert.equal(told(nameParts("backup-of-everything")), "backup-of-ever|[ything]");
  assert.equal(told(nameParts("web0001")), "web0001");
  assert.equal(told(nameParts("2001:db8:0:17::beef")), "2001:db8:0:17::beef");
});

test("cuts no character in two, whatever names are made of", () => {
  for (const name of ["日本語のとても長い名前のサーバー機", "👩🏽‍💻👩🏽‍💻👩🏽‍💻👩🏽‍💻 12", "0123456789012345678901234567890", "-".repeat(40)]) {
    const parts = nameParts(name);
    assert.equal(parts.map(({ text }) => text).join(""), name);
    assert.ok(parts.every(({ text }) => text.isWellFormed()));
  }
});

test("shortens bars and gaps, not words", () => {
  assert.equal(squeezed("Progress: [##########..........] 45%"), "Progress: [##…..…] 45%");
  assert.equal(squeezed("a.iso          45%[=======>         ]"), "a.iso  45%[==…>  ]");
  assert.equal(squeezed("--- begin ---  key: a::b ==== ok"), "--- begin ---  key: a::b ==== ok");
});

test("keeps the percentage that a line ends with", () => {
  assert.equal(told(lineParts("Downloading linux-image [##…..…] 45%")), "Downloading linux-image [##…..…|[] 45%]");
  assert.equal(told(lineParts("100%")), "100%");
  assert.equal(told(lineParts("50% of all is done")), "50% of all is done");
});

test("takes little time for long hostile lines", () => {
  const began = performance.now();
  for (const line of ["#".repeat(20_000), "1 ".repeat(20_000), "% ".repeat(20_000), "1".repeat(20_000)]) {
    lineParts(squeezed(line));
    nameParts(line);
  }
  assert.ok(performance.now() - began < 1_000);
});
