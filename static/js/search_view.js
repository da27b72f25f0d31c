// The search view.

export class SearchView {
  #root;
  #page;

  constructor(root, page) {
    this.#root = root;
    this.#page = page;
  }

  shown() {}
}
