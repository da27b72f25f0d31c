// Which hosts the focus view shows side by side, and which of them has the reader's attention. Pure.

export const MOST_PANES = 4;

export class PaneLayout {
  #panes = [{ key: 1, host: null, isPinned: false }];
  #focused = 1;
  #next = 2;

  /** [{key, host, isPinned}] in the order in which they stand; never empty, and no host is in two of them. */
  get panes() {
    return this.#panes;
  }

  get focused() {
    return this.#panes.find(({ key }) => key === this.#focused);
  }

  of(host) {
    return this.#panes.find((pane) => pane.host === host);
  }

  /**
   * Show `host`: where it is already, or else instead of one that is not pinned, or else beside the others. Where all
   * four are pinned, it takes the place of the focused one.
   */
  open(host) {
    const pane = this.of(host) ?? this.#free() ?? this.#add() ?? this.focused;
    if (pane.host !== host) Object.assign(pane, { host, isPinned: false });
    this.#focused = pane.key;
  }

  togglePin(key = this.#focused) {
    const pane = this.#panes.find((found) => found.key === key);
    pane.isPinned = !pane.isPinned;
  }

  focus(key) {
    this.#focused = key;
  }

  /** The pane that stands `step` places further, round and round. */
  neighbour(step) {
    const at = this.#panes.indexOf(this.focused);
    return this.#panes[(at + step + this.#panes.length) % this.#panes.length];
  }

  /** Take a pane away; the last one stays. */
  close(key = this.#focused) {
    if (this.#panes.length === 1) return;
    const at = this.#panes.findIndex((pane) => pane.key === key);
    this.#panes = this.#panes.filter((pane) => pane.key !== key);
    if (key === this.#focused) this.#focused = this.#panes[Math.min(at, this.#panes.length - 1)].key;
  }

  #free() {
    return this.focused.isPinned ? this.#panes.find(({ isPinned }) => !isPinned) : this.focused;
  }

  #add() {
    if (this.#panes.length === MOST_PANES) return undefined;
    const pane = { key: this.#next++, host: null, isPinned: false };
    this.#panes = [...this.#panes, pane];
    return pane;
  }
}
