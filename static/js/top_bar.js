// What every page has: menus that close, the theme switch, buttons that open dialogs, times in the reader's words.

const menus = () => document.querySelectorAll("details.menu[open]");

function closeMenus(except = null) {
  for (const menu of menus()) {
    if (menu !== except) menu.open = false;
  }
}

document.addEventListener("click", (event) => {
  closeMenus(event.target.closest("details.menu"));
  const theme = event.target.closest("[data-theme-set]");
  if (theme) {
    dispatchEvent(new CustomEvent("console:theme", { detail: theme.dataset.themeSet }));
    markTheme();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const [menu] = menus();
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
  event.stopImmediatePropagation();
});

function markTheme() {
  const choice = document.documentElement.dataset.themeChoice;
  for (const button of document.querySelectorAll("[data-theme-set]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeSet === choice));
  }
}

addEventListener("storage", markTheme);
markTheme();
