// The new-run page: wires the picker, the live review, and the start over a socket with the form as a fall-back.

import { plural } from "console/format";
import { SUBPROTOCOL, start as startFrame } from "console/protocol";
import { startRequest, tellLimits, uuid } from "console/new_run_request";
import { ServerPicker } from "console/server_picker";

/** Milliseconds of rest in typing before the review is fetched again. */
const REST = 250;
/** Milliseconds a socket may take to open and answer before the form is posted instead. */
const PATIENCE = 5000;
/** Longer frames are refused; such a request goes by form. */
const MAX_FRAME = 900_000;

class NewRunPage {
  constructor(form) {
    this.form = form;
    this.panel = form.querySelector("[data-review-panel]");
    this.checking = form.querySelector("[data-checking]");
    this.button = form.querySelector("[data-start]");
    this.buttonText = form.querySelector("[data-start-label]");
    // What the server found wrong stays said: somebody has been at those fields.
    const wrong = [...form.querySelectorAll("[data-errors]:has(.field-error)")];
    this.touched = new Set(wrong.map((place) => place.dataset.errors));
    this.timer = 0;
    this.fetching = null;
    this.frame = readFrame(this.panel);
    /** The form as the last review, or the one under way, saw it. */
    this.reviewing = "";
    this.starting = false;
  }

  async start() {
    this.#showSource();
    this.form.addEventListener("input", (event) => this.#edited(event));
    this.form.addEventListener("change", (event) => this.#edited(event));
    this.form.addEventListener("focusout", (event) => this.#left(event));
    this.form.addEventListener("submit", (event) => this.#submitted(event));
    this.form.addEventListener("keydown", (event) => this.#pressed(event));
    addEventListener("pageshow", (event) => event.persisted && this.#cameBack());
    this.#drawButton();
    await this.#startPicker();
    this.review();
  }

  async #startPicker() {
    try {
      const response = await fetch(this.form.dataset.serversUrl, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(String(response.status));
      this.picker = new ServerPicker(this.form, await response.json(), this);
      this.picker.start();
    } catch {
      this.#say("The list of servers could not be loaded: type names, or reload the page.");
    }
  }

  /** From the picker. */
  selectionChanged() {
    this.#reviewSoon();
  }

  #edited(event) {
    const { name } = event.target;
    if (name === "source") this.#showSource();
    if (event.type === "change") this.#touch(name);
    if (event.type === "input" && name === "names") return;
    // Leaving a field fires `change` for what `input` has told already; taking that for news would disable the Start
    // button in the middle of the click on it.
    if (name && this.#state() !== this.reviewing) this.#reviewSoon();
  }

  #left(event) {
    this.#touch(event.target.name);
  }

  /** From now on what is wrong with this field is said beside it. */
  #touch(name) {
    if (!name) return;
    this.touched.add(name);
    if (this.frame) this.#showErrors();
  }

  /** All that a review depends on, as one text. */
  #state() {
    const fields = new FormData(this.form);
    fields.delete("reviewed");
    // Names in the box that are picked already are no news when it is left.
    if (this.picker) fields.set("names", this.picker.unknownNames());
    return new URLSearchParams(fields).toString();
  }

  #pressed(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.form.requestSubmit(this.button);
    } else if (event.key === "Enter" && event.target.matches("input")) {
      // A number typed and confirmed by Enter is not yet a wish to start, nor is Enter on a choice.
      event.preventDefault();
      this.#touch(event.target.name);
    }
  }

  #showSource() {
    const source = this.form.elements.source.value;
    for (const part of this.form.querySelectorAll("[data-source]")) part.hidden = part.dataset.source !== source;
  }

  #reviewSoon() {
    clearTimeout(this.timer);
    this.reviewing = this.#state();
    this.#stale();
    this.timer = setTimeout(() => this.review(), REST);
  }

  #stale() {
    this.frame = null;
    this.fetching?.abort();
    this.checking.hidden = false;
    this.#drawButton();
  }

  /** Fetch what the form as it stands would run. */
  async review() {
    // A review that was to come would disable the Start button once more, perhaps in the middle of the click on it.
    clearTimeout(this.timer);
    this.reviewing = this.#state();
    this.#stale();
    this.fetching = new AbortController();
    const { signal } = this.fetching;
    try {
      const response = await fetch(this.form.dataset.reviewUrl, { method: "POST", body: new FormData(this.form), signal });
      if (response.redirected || response.status === 403) {
        this.reviewing = "";
        return this.#say("Your login has expired: log in in another tab, then change something here.");
      }
      if (!response.ok) throw new Error(String(response.status));
      const open = this.panel.querySelector(".all-names")?.open;
      this.panel.innerHTML = await response.text();
      const names = this.panel.querySelector(".all-names");
      if (names && open) names.open = true;
      this.frame = readFrame(this.panel);
      this.form.elements.reviewed.value = this.frame.digest;
      this.#say("");
      this.#showErrors();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.reviewing = "";
      this.#say("The console does not answer. What you typed is still here; this tries again when you change something.");
    } finally {
      if (!signal.aborted) this.checking.hidden = true;
      this.#drawButton();
    }
  }

  /** Errors stand beside the fields somebody has been at; the panel lists the others. */
  #showErrors() {
    for (const place of this.form.querySelectorAll("[data-errors]")) {
      const name = place.dataset.errors;
      // That nothing is picked is said by the panel: an empty box is no mistake in the box.
      const isSaid = this.touched.has(name) && (name !== "names" || this.form.elements.names.value.trim() !== "");
      const sentences = isSaid ? (this.frame.errors[name] ?? []) : [];
      place.replaceChildren(...sentences.map(errorLine));
      const field = place.closest(".field, .names-field")?.querySelector(".form-control, .form-select");
      field?.classList.toggle("is-wrong", sentences.length > 0);
    }
    this.form.querySelector("[data-limits-told]").textContent = tellLimits(this.form.elements);
  }

  #drawButton() {
    const ready = Boolean(this.frame?.ready) && !this.starting;
    this.button.disabled = !ready;
    this.button.toggleAttribute("data-not-ready", !ready);
    const count = this.frame?.servers.length ?? 0;
    if (this.starting) this.buttonText.textContent = "Starting…";
    else if (this.frame) this.buttonText.textContent = count ? `Start on ${plural(count, "server")}` : "Start";
  }

  #submitted(event) {
    if (this.posting) return;
    event.preventDefault();
    if (!this.frame?.ready || this.starting) return;
    this.starting = true;
    this.#drawButton();
    const frame = startFrame(startRequest(this.form.elements, this.frame));
    if (frame.length > MAX_FRAME) this.#post();
    else this.#startOverSocket(frame);
  }

  /** Ask over a socket; whatever goes wrong with it, posting the form with the same key cannot start a second run. */
  #startOverSocket(frame) {
    const address = new URL("/ws/runs/new/", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address, [SUBPROTOCOL]);
    let settled = false;
    const settle = (next) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      next();
      socket.close();
    };
    const timer = setTimeout(() => settle(() => this.#post()), PATIENCE);
    socket.addEventListener("open", () => socket.send(frame));
    socket.addEventListener("close", () => settle(() => this.#post()));
    socket.addEventListener("error", () => settle(() => this.#post()));
    socket.addEventListener("message", ({ data }) => {
      const message = typeof data === "string" ? JSON.parse(data) : {};
      if (message.type === "started") settle(() => location.assign(`/runs/${message.run}/`));
      if (message.type === "error") settle(() => this.#refused(message));
    });
  }

  #refused(message) {
    this.starting = false;
    this.#say(message.message);
    this.#drawButton();
  }

  #post() {
    this.posting = true;
    const action = Object.assign(document.createElement("input"), { type: "hidden", name: "action", value: "start" });
    this.form.append(action);
    this.form.submit();
  }

  /** Back from the run's page to this one as it was: the next start is another run. */
  #cameBack() {
    this.starting = this.posting = false;
    this.form.elements.key.value = uuid();
    this.review();
  }

  #say(sentence) {
    const place = this.form.querySelector("[data-start-error]");
    place.textContent = sentence;
    place.hidden = !sentence;
  }
}

function readFrame(panel) {
  const text = panel.querySelector("#review-frame")?.textContent;
  return text ? JSON.parse(text) : null;
}

function errorLine(sentence) {
  return Object.assign(document.createElement("p"), { className: "field-error", textContent: sentence });
}

const form = document.querySelector("#new-run");
if (form) new NewRunPage(form).start();
