// Tells of the end of a run to somebody who looks elsewhere: title, favicon, and a notification if allowed.

export class Notifier {
  constructor(page) {
    this.page = page;
  }

  hostsChanged() {}
}
