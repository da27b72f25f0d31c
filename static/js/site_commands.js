// The commands that every page has: where one can go, and how it looks.

const THEMES = { light: "Light theme", dark: "Dark theme", auto: "Theme as the system has it" };

/** Those that stand in the top bar; each does what pressing its link or button does. */
export function siteCommands() {
  return [...goingSomewhere(), ...runsOnThePage(), ...themes()];
}

/** The run that a number names. */
export function runNumbered(query) {
  const [, id] = /^#?(\d{1,15})$/.exec(query) ?? [];
  return id === undefined ? [] : [{ label: `Run #${id}`, kind: "go to", run: () => location.assign(`/runs/${id}/`) }];
}

function goingSomewhere() {
  const links = [...document.querySelectorAll(".top-nav a, .top-actions a[href]")];
  return links.map((link) => ({
    label: wordsOf(link),
    words: link.closest(".top-nav") && wordsOf(link) === "Runs" ? "history" : "",
    kind: "go to",
    icon: link.querySelector("svg"),
    run: () => link.click(),
  }));
}

/** Runs that the history shows. */
function runsOnThePage() {
  const found = new Map();
  for (const link of document.querySelectorAll(".data-table a[href]")) {
    const [, id] = /^\/runs\/(\d+)\/$/.exec(link.getAttribute("href")) ?? [];
    if (id !== undefined && wordsOf(link) !== "" && !found.has(id)) found.set(id, link);
  }
  return [...found].map(([id, link]) => ({
    label: wordsOf(link).includes(`#${id}`) ? wordsOf(link) : `${wordsOf(link)} #${id}`,
    kind: "run",
    run: () => link.click(),
  }));
}

function themes() {
  return [...document.querySelectorAll("[data-theme-set]")].map((button) => ({
    label: THEMES[button.dataset.themeSet],
    kind: "look",
    detail: button.getAttribute("aria-pressed") === "true" ? "now" : "",
    icon: button.querySelector("svg"),
    run: () => button.click(),
  }));
}

export const wordsOf = (element) => element.textContent.replace(/\s+/g, " ").trim();
