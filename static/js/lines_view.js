// The lines view.

export class LinesView {
  #root;
  #page;

  constructor(root, page) {
    this.#root = root;
    this.#page = page;
  }

  shown() {}
}
