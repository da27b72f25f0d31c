// Which view of the run is shown. A view's module is loaded and the view made when it is first needed, and only the shown
// one works.
//
// A view is a class: constructor(root, page), and as far as it needs them shown(), hidden(), hostsChanged(indexes),
// filterChanged(), hostOpened(i, lines), focus(i), tick() and keys: {key: action}. `page` is what run_page.js gives to all.
// shown() may give back a promise that resolves when there is something to read.

export class Views {
  #root;
  #page;
  #loaders;
  /** Name to class, once its module is here. */
  #kinds = new Map();
  #views = new Map();
  #changed;
  #name = null;
  /** Counts what was shown: whoever waited for a module sees whether somebody has gone on meanwhile. */
  #turn = 0;

  /** `loaders` is {name: () => promise of the class}; `changed(name)` hears of every change. */
  constructor(root, page, loaders, changed) {
    this.#root = root;
    this.#page = page;
    this.#loaders = loaders;
    this.#changed = changed;
  }

  /** The name of the shown view. */
  get name() {
    return this.#name;
  }

  has(name) {
    return Object.hasOwn(this.#loaders, name);
  }

  /** Load the module of the view called `name`. Rejects where the console did not give it. */
  async load(name) {
    if (!this.#kinds.has(name)) this.#kinds.set(name, await this.#loaders[name]());
  }

  /** Load the modules of all views. */
  async loadAll() {
    await Promise.all(Object.keys(this.#loaders).map((name) => this.load(name)));
  }

  /** The view called `name`, made if need be; undefined until its module is here. */
  get(name) {
    if (!this.#views.has(name) && this.#kinds.has(name)) {
      this.#views.set(name, new (this.#kinds.get(name))(this.#element(name), this.#page));
    }
    return this.#views.get(name);
  }

  /** Show a view; where its module is not here yet, its empty frame until then. Resolves when there is something to read. */
  async show(name) {
    if (!this.has(name) || this.#name === name) return;
    const before = this.#name;
    const turn = (this.#turn += 1);
    this.#name = name;
    this.get(name);
    if (before) {
      this.#element(before).hidden = true;
      this.#views.get(before)?.hidden?.();
    }
    this.#element(name).hidden = false;
    this.#changed(name);
    if (!this.#kinds.has(name)) await this.load(name);
    if (turn === this.#turn) await this.get(name).shown?.();
  }

  /** Tell the shown view; the others look for themselves when they are shown. */
  tell(what, ...details) {
    this.#shown?.[what]?.(...details);
  }

  /** Give the keyboard to the shown view, at host `i` if it has hosts to stand on and one is given. */
  focus(i = null) {
    document.activeElement.blur();
    if (this.#shown?.focus) this.#shown.focus(i);
    else this.#element(this.#name).querySelector('[tabindex="0"]')?.focus();
  }

  /** The action of the shown view for `key`, or undefined. */
  action(key) {
    return this.#shown?.keys?.[key];
  }

  get #shown() {
    return this.#views.get(this.#name);
  }

  #element(name) {
    return this.#root.querySelector(`[data-view-name="${name}"]`);
  }
}
