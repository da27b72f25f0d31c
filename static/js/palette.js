// The command palette of the run page: every host, view, filter and action by a few letters. Commands press what stands
// on the page, so they can do what it can do and no more.

import { CommandBox } from "console/command_box";
import * as format from "console/format";
import { isActive } from "console/host_store";
import { iconOf } from "console/run_header";
import { runNumbered, siteCommands, wordsOf } from "console/site_commands";

export class Palette {
  #page;
  #box;

  constructor(dialog, page) {
    this.#page = page;
    this.#box = new CommandBox(dialog, {
      all: () => this.#commands(), named: runNumbered, prompt: "Find a host, a view or an action",
    });
    for (const button of document.querySelectorAll("[data-palette]")) {
      button.addEventListener("click", () => this.#box.open());
    }
  }

  open() {
    this.#box.open();
  }

  #commands() {
    return [
      ...this.#actions(), ...this.#views(), ...this.#filters(), ...this.#links(), ...this.#hosts(), ...siteCommands(),
    ];
  }

  #actions() {
    const page = this.#page;
    const opened = page.store.get(page.opened);
    const mayCancel = page.settings.mayCancel;
    return [
      mayCancel && !page.store.isOver && press("Cancel the run", '[data-run="cancel"]'),
      mayCancel && opened && isActive(opened.status) && {
        label: `Cancel ${opened.name}`, kind: "action", run: () => page.askToCancel(opened.i),
      },
      { label: "Write a note to everyone watching", kind: "action", run: () => this.#writeNote() },
      opened && { label: `Copy a link to ${opened.name}`, kind: "action", run: () => this.#copyLink(opened) },
      press("Tell me when the run ends", '[data-run="notify"]'),
      press("Same output, watchers and notes: show or hide", "#side-toggle", "i"),
      press("Keys", "#show-keys", "?"),
      press("Reconnect now", '[data-bar="retry"]'),
    ].filter(Boolean);
  }

  #views() {
    return [...this.#page.root.querySelectorAll(".run-tabs [data-view]:not(.only-narrow)")].map((button) => ({
      label: `${wordsOf(button.querySelector("span") ?? button)} view`,
      kind: "view",
      detail: button.getAttribute("aria-pressed") === "true" ? "now" : (button.getAttribute("aria-keyshortcuts") ?? ""),
      icon: button.querySelector("svg"),
      run: () => button.click(),
    }));
  }

  #filters() {
    const { store, icons } = this.#page;
    const clear = { label: "Show all hosts again", kind: "filter", detail: "Esc", run: () => press("", "#clear-filter").run() };
    const byStatus = store.counts().map(([status, count]) => ({
      label: store.hasStatusFilter(status) ? `Not only ${words(status)} hosts` : `Only ${words(status)} hosts`,
      kind: "filter",
      detail: format.number(count),
      icon: iconOf(icons[status]),
      status,
      run: () => {
        store.toggleStatus(status);
        this.#page.filterChanged();
      },
    }));
    return store.isFiltered ? [clear, ...byStatus] : byStatus;
  }

  /** Running again and downloading, as the header's menus offer them now. */
  #links() {
    const links = [...this.#page.root.querySelectorAll(".run-actions a[href]")].filter((link) => !link.hidden);
    return links.map((link) => {
      const menu = link.closest("details")?.querySelector("summary");
      const inMenu = menu ? `${menu.getAttribute("aria-label") ?? wordsOf(menu)}: ` : "";
      const label = `${inMenu}${wordsOf(link)}`;
      return { label, kind: "action", icon: (menu ?? link).querySelector("svg"), run: () => link.click() };
    });
  }

  #hosts() {
    const { store, icons } = this.#page;
    return [...store.all()].map((host) => ({
      label: host.name,
      words: `${host.address} ${words(format.standing(host))}`,
      kind: "host",
      detail: format.outcome(host),
      icon: iconOf(icons[format.standing(host)]),
      status: format.standing(host),
      run: () => this.#page.open(host.i, { isAsked: true }),
    }));
  }

  #writeNote() {
    const { root, show } = this.#page;
    const field = root.querySelector("#together textarea");
    if (!isShown(field) && isShown(root.querySelector("#side-toggle"))) root.querySelector("#side-toggle").click();
    if (!isShown(field)) show("notes");
    field.focus();
  }

  async #copyLink(host) {
    const address = this.#page.linkTo({ host: host.name, lines: this.#page.lines });
    try {
      await navigator.clipboard.writeText(address);
    } catch {
      // The clipboard needs HTTPS or localhost.
      this.#page.setPlace({ host: host.name, lines: this.#page.lines });
      this.#page.hint("This page may not write to the clipboard: copy the address from the address bar.");
    }
  }
}

const words = (status) => status.replace("_", " ");
const isShown = (element) => element?.offsetParent != null;

/** A command that presses the button `selector`, where it is there to be pressed. */
function press(label, selector, detail = "") {
  const button = document.querySelector(selector);
  if (!button || button.disabled) return null;
  const isHidden = button.hidden && selector !== "#clear-filter";
  return isHidden ? null : { label, kind: "action", detail, icon: button.querySelector("svg"), run: () => button.click() };
}
