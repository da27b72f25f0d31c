import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { PaneLayout, MOST_PANES } = await import("console/pane_layout");

const hosts = (layout) => layout.panes.map(({ host }) => host);

test("a host that is opened takes the place of the one before", () => {
  const layout = new PaneLayout();
  layout.open(3);
  layout.open(5);
  assert.deepEqual(hosts(layout), [5]);
});

test("a pinned host stays, and the next one stands beside it", () => {
  const layout = new PaneLayout();
  layout.open(3);
  layout.togglePin();
  layout.open(5);
  layout.open(6);
  assert.deepEqual(hosts(layout), [3, 6]);
  assert.equal(layout.focused.host, 6);
});

test("a host that is shown already gets the focus where it is", () => {
  const layout = new PaneLayout();
  layout.open(3);
  layout.togglePin();
  layout.open(5);
  layout.open(3);
  assert.deepEqual(hosts(layout), [3, 5]);
  assert.equal(layout.focused.host, 3);
});

test("with a pinned pane focused, the free one is used", () => {
  const layout = new PaneLayout();
  layout.open(3);
  layout.togglePin();
  layout.open(5);
  layout.open(3);
  layout.open(7);
  assert.deepEqual(hosts(layout), [3, 7]);
  assert.equal(layout.focused.host, 7);
});

test("there are never more than four panes; with all pinned, the focused one gives way", () => {
  const layout = new PaneLayout();
  for (const host of [0, 1, 2, 3]) {
    layout.open(host);
    layout.togglePin();
  }
  assert.equal(layout.panes.length, MOST_PANES);
  layout.focus(layout.of(1).key);
  layout.open(9);
  assert.deepEqual(hosts(layout), [0, 9, 2, 3]);
  assert.equal(layout.focused.isPinned, false);
});

test("closing a pane gives its neighbour the focus, and the last pane stays", () => {
  const layout = new PaneLayout();
  for (const host of [0, 1, 2]) {
    layout.open(host);
    layout.togglePin();
  }
  layout.close();
  assert.equal(layout.focused.host, 1);
  layout.close(layout.of(0).key);
  assert.deepEqual(hosts(layout), [1]);
  layout.close();
  assert.deepEqual(hosts(layout), [1]);
});

test("one gets from pane to pane and round again", () => {
  const layout = new PaneLayout();
  for (const host of [0, 1, 2]) {
    layout.open(host);
    layout.togglePin();
  }
  assert.equal(layout.neighbour(1).host, 0);
  assert.equal(layout.neighbour(-1).host, 1);
});
