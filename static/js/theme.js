// Runs before the first paint, so that a dark page never flashes white. The admin keeps its choice under the same key.
(() => {
  const key = "adminTheme";
  const system = matchMedia("(prefers-color-scheme: dark)");

  const stored = () => {
    try {
      return JSON.parse(localStorage.getItem(key)) || "auto";
    } catch {
      return "auto";
    }
  };
  const apply = () => {
    const choice = stored();
    const dark = choice === "dark" || (choice === "auto" && system.matches);
    document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
    document.documentElement.dataset.themeChoice = choice;
  };
  const choose = (choice) => {
    try {
      localStorage.setItem(key, JSON.stringify(choice));
    } catch {
      // Without storage the choice cannot outlive this page.
    }
    apply();
  };

  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", apply);
  addEventListener("console:theme", (event) => choose(event.detail));
})();
