// The grouped view.

export class GroupedView {
  #root;
  #page;

  constructor(root, page) {
    this.#root = root;
    this.#page = page;
  }

  shown() {}
}
