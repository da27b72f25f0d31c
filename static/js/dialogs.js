// Questions the run page asks before something that cannot be taken back, or that leaves it.

/** Show `dialog` with `texts`; calls `confirmed` once, when the operator agrees. */
export function ask(dialog, texts, confirmed = () => {}) {
  for (const [selector, text] of Object.entries(texts)) dialog.querySelector(selector).textContent = text;
  const confirm = dialog.querySelector('[data-dialog="confirm"]');
  if (confirm) {
    confirm.onclick = (event) => {
      // An answer of false leaves the click to the form: without a socket the browser posts it.
      if (confirmed() === false) return;
      event.preventDefault();
      dialog.close();
    };
  }
  dialog.showModal();
}

/** Close buttons, and a click beside the dialog, close it. */
export function prepareDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest('[data-dialog="close"]')) dialog.close();
    });
  }
}
