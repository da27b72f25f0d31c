// Which view of the run is shown. A view is made when it is first needed, and only the shown one works.
//
// A view is a class: constructor(root, page), and as far as it needs them shown(), hidden(), hostsChanged(indexes),
// filterChanged(), hostOpened(i, lines), focus(i), tick() and keys: {key: action}. `page` is what run_page.js gives to all.

export class Views {
  #root;
  #page;
  #kinds;
  #views = new Map();
  #changed;
  #name = null;

  /** `kinds` is {name: class}; `changed(name)` hears of every change. */
  constructor(root, page, kinds, changed) {
    this.#root = root;
    this.#page = page;
    this.#kinds = kinds;
    this.#changed = changed;
  }

  /** The name of the shown view. */
  get name() {
    return this.#name;
  }

  has(name) {
    return Object.hasOwn(this.#kinds, name);
  }

  /** The view called `name`, made if need be. */
  get(name) {
    if (!this.#views.has(name)) {
      const element = this.#root.querySelector(`[data-view-name="${name}"]`);
      this.#views.set(name, { element, view: new this.#kinds[name](element, this.#page) });
    }
    return this.#views.get(name).view;
  }

  show(name) {
    if (!this.has(name) || this.#name === name) return;
    const before = this.#views.get(this.#name);
    this.#name = name;
    const view = this.get(name);
    if (before) {
      before.element.hidden = true;
      before.view.hidden?.();
    }
    this.#views.get(name).element.hidden = false;
    this.#changed(name);
    view.shown?.();
  }

  /** Tell the shown view; the others look for themselves when they are shown. */
  tell(what, ...details) {
    if (this.#name) this.get(this.#name)[what]?.(...details);
  }

  /** Give the keyboard to the shown view, at host `i` if it has hosts to stand on and one is given. */
  focus(i = null) {
    const { element, view } = this.#views.get(this.#name);
    document.activeElement.blur();
    if (view.focus) view.focus(i);
    else element.querySelector('[tabindex="0"]')?.focus();
  }

  /** The action of the shown view for `key`, or undefined. */
  action(key) {
    return this.#name ? this.get(this.#name).keys?.[key] : undefined;
  }
}
