// Resolves the bare names that the page's import map resolves in the browser.

const ROOT = new URL("../../", import.meta.url);
const PACKAGE = /^@xterm\/(xterm|addon-[a-z0-9]+)$/;

export function resolve(specifier, context, next) {
  if (specifier.startsWith("console/")) {
    return next(new URL(`static/js/${specifier.slice("console/".length)}.js`, ROOT).href, context);
  }
  const found = PACKAGE.exec(specifier);
  if (found) return next(new URL(`node_modules/@xterm/${found[1]}/lib/${found[1]}.mjs`, ROOT).href, context);
  return next(specifier, context);
}
