// The command palette.

export class Palette {
  constructor(root, page) {
    this.root = root;
    this.page = page;
  }
}
