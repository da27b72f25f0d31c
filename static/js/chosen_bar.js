// What can be done with the chosen hosts.

export class ChosenBar {
  constructor(root, page) {
    this.root = root;
    this.page = page;
  }
}
