// The grid view.

export class GridView {
  #root;
  #page;

  constructor(root, page) {
    this.#root = root;
    this.#page = page;
  }

  shown() {}
}
