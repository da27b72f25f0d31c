// Tests import this first; after it, `await import("console/…")` finds the page's modules.

import { register } from "node:module";

register("./resolve.mjs", import.meta.url);
