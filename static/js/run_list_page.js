// The history's filters: they apply as they change, the address carries only what is set, and `/` goes to the search.

import { keepUpToDate } from "console/run_list_news";

const form = document.querySelector("[data-filters]");

function apply() {
  const wanted = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (value.trim()) wanted.set(name, value.trim());
  }
  location.assign(`${form.action.split("?")[0]}${wanted.size ? `?${wanted}` : ""}`);
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  apply();
});

form?.addEventListener("change", (event) => {
  if (event.target.matches("select, input[type=date]")) apply();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!form || event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  form.elements.q.focus();
  form.elements.q.select();
});

keepUpToDate();
