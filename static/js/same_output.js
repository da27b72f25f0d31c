// The side panel that tells which hosts printed the same.

export class SameOutput {
  constructor(root, page) {
    this.root = root;
    this.page = page;
  }

  hostsChanged() {}
}
