// Keeps the history's rows up to date while somebody looks at them: the page is asked for again, and its rows replace
// these ones. A focused link keeps the focus.

const EVERY = 4_000;

const rowsOf = (page) => page.querySelector("[data-runs]");

async function look() {
  if (document.hidden) return;
  let response;
  try {
    response = await fetch(location.href, { credentials: "same-origin" });
  } catch {
    return; // The console does not answer: the next look may find it again.
  }
  if (!response.ok || response.redirected) return;
  const news = rowsOf(new DOMParser().parseFromString(await response.text(), "text/html"));
  const shown = rowsOf(document);
  // Compared as text: a row that is being read, or selected for copying, is not replaced by its equal.
  if (news && news.innerHTML !== shown.innerHTML) replace(shown, news);
}

function replace(shown, news) {
  const focused = shown.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  shown.replaceChildren(...news.children);
  if (focused) [...shown.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
}

/** Look again and again, and at once when the page comes back into sight. */
export function keepUpToDate() {
  if (!rowsOf(document)) return;
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
}
