// Runs all tests of this folder in one process: most of the time went into starting one for each file.
//
// Usage: node --test-reporter=spec tests/js/all.mjs. One file alone runs as well: node --test tests/js/fuzzy.test.js.

import { readdirSync } from "node:fs";

const files = readdirSync(new URL(".", import.meta.url)).filter((name) => name.endsWith(".test.js"));
if (!files.length) throw new Error("There are no tests beside this file.");
for (const file of files) await import(`./${file}`);
