// The side panel of people: who is watching, and what they wrote.

export class Together {
  constructor(root, page) {
    this.root = root;
    this.page = page;
  }

  helloReceived() {}

  presenceReceived() {}

  notesReceived() {}
}
