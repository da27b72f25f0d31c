// The merged view.

export class MergedView {
  #root;
  #page;

  constructor(root, page) {
    this.#root = root;
    this.#page = page;
  }

  shown() {}
}
