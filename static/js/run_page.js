// The run page. Wires what other modules do: a socket brings news, a store keeps it, list, header, views, side panel
// and status bar show it. Nothing is decided here.

import { Chosen } from "console/chosen";
import { ChosenBar } from "console/chosen_bar";
import { ask, prepareDialogs } from "console/dialogs";
import { FilterField } from "console/filter_field";
import { MANY_HOSTS } from "console/first_view";
import { HostList } from "console/host_list";
import { HostStore, isActive, isFailure } from "console/host_store";
import { listenForKeys } from "console/keyboard";
import { Notifier } from "console/notifier";
import { Palette } from "console/palette";
import { hashOf, placeOf } from "console/place";
import { askToCancel, copyLink, openLink } from "console/run_dialogs";
import { RunHeader } from "console/run_header";
import { runKeys } from "console/run_keys";
import { RunNotices } from "console/run_notices";
import { RunSocket } from "console/run_socket";
import { LagMeter, StatusBar } from "console/status_bar";
import { Together } from "console/together";
import { Views } from "console/views";

/** The views and their modules. The one that the address asks for comes first, the others while somebody reads it. */
const VIEWS = {
  focus: async () => (await import("console/focus_view")).FocusView,
  lines: async () => (await import("console/lines_view")).LinesView,
  grid: async () => (await import("console/grid_view")).GridView,
  grouped: async () => (await import("console/grouped_view")).GroupedView,
  merged: async () => (await import("console/merged_view")).MergedView,
  search: async () => (await import("console/search_view")).SearchView,
};

/** Milliseconds for which the view that the address asks for has console and browser for itself. */
const LONGEST_ALONE = 1_000;

const byId = (id) => document.getElementById(id);
const root = byId("run");
const { dataset } = root;

const store = new HostStore(JSON.parse(byId("run-hosts").textContent), () => page.now());
const run = {
  id: Number(dataset.id),
  status: dataset.status,
  created: dataset.created,
  cancel_requested: dataset.cancelRequested || null,
};

// The server's clock: its pages and hosts are compared with each other, never with this computer.
let skew = Date.parse(dataset.serverTime) - Date.now();
// Without news nothing is known to go on: what counts seconds stands still at the last word.
let frozen = null;
const clockReceived = (serverTime) => {
  skew = Date.parse(serverTime) - Date.now();
};

let hasPicked = false;
const lag = new LagMeter();

const address = new URL(dataset.socket, location.href);
address.protocol = address.protocol.replace("http", "ws");

const socket = new RunSocket(address.href, {
  connectionChanged(state) {
    if (state.phase === "live") frozen = null;
    else frozen ??= Date.now() + skew - (state.phase === "silent" ? performance.now() - state.since : 0);
    bar.connectionChanged(state);
    notices.connectionChanged(state);
    together.connectionChanged(state);
    drawBar();
  },
  helloReceived(message) {
    clockReceived(message.server_time);
    page.settings.mayCancel = message.may_cancel;
    runChanged(message.run);
    hostsChanged(message.hosts);
    together.helloReceived(message);
  },
  statusReceived(message) {
    hostsChanged(message.hosts ?? []);
    runChanged(message.run ?? {});
    notices.tell("storage", message.storage);
  },
  outputReceived: (...details) => views.get("focus").outputReceived(...details),
  gapReceived: (gap) => views.get("focus").gapReceived(gap),
  outputEnded: (message) => views.get("focus").outputEnded(message),
  presenceReceived: (message) => together.presenceReceived(message),
  notesReceived: (message) => together.notesReceived(message),
  clockReceived,
  roundTripMeasured: (ms) => bar.roundTripMeasured(ms),
  errorReceived: (message) => together.errorReceived(message) || notices.tell("error", message.message),
});

/** What every part of the page may use. */
const page = {
  store,
  socket,
  run,
  root,
  icons: JSON.parse(dataset.icons),
  chosen: new Chosen(),
  now: () => frozen ?? Date.now() + skew,
  settings: {
    icons: JSON.parse(dataset.icons),
    mayCancel: dataset.mayCancel === "yes",
    mayStart: dataset.mayStart === "yes",
    screenReader: localStorage.getItem("console-screen-reader") === "on",
    fontSize: matchMedia("(max-width: 760px)").matches ? 11 : 13,
    outputAddress: (i) => `${dataset.base}hosts/${i}/output`,
  },
  /** Where this run's data is: page.at("groups.json"), page.at(`hosts/${i}/lines`). */
  at: (path) => dataset.base + path,
  /** Address of the new-run form, filled in from this run. */
  again: (params) => `${dataset.again}?${new URLSearchParams({ rerun: run.id, ...params })}`,
  /** Index of the opened host, or null. */
  opened: null,
  /** The lines the address points at, {from, to} or null. */
  lines: null,
  open,
  show,
  notice: (text) => notices.tell("error", text),
  hint: (text) => notices.tell("hint", text),
  openLink,
  askToCancel: (i = null) => askToCancel(page, i === null ? null : store.get(i)),
  filterChanged,
  linkTo: (place) => new URL(hashOf(place), location.href).href,
  /** Put a place into the address bar without leaving a step in the browser's history. */
  setPlace: (place) => history.replaceState(null, "", hashOf(place) || location.pathname),
};

const notices = new RunNotices(dataset.login);
const bar = new StatusBar(root.querySelector(".status-bar"));
const header = new RunHeader(root.querySelector(".run-head"), {
  store, run, icons: page.icons, now: page.now, delegate: { statusToggled }, page,
});
const list = new HostList(byId("hosts"), {
  store, icons: page.icons, now: page.now, empty: byId("no-hosts"), page,
  delegate: { hostChosen: (i) => open(i, { isAsked: true }) },
});
const views = new Views(root, page, VIEWS, viewChanged);
page.views = views;
/** Resolves when the view that was shown last has something to read. */
let drawn = null;
/** The side panel of hosts that printed the same, once its module is here. */
let same = null;
const together = new Together(byId("together"), page);
const notifier = new Notifier(page);
const filter = new FilterField(page, focusHosts);
new ChosenBar(byId("run-chosen"), page);
const palette = new Palette(byId("palette"), page);

// ---- News ----

function runChanged(news) {
  header.runChanged(news);
}

function hostsChanged(hosts) {
  const changed = store.apply(hosts);
  if (changed.length === 0) return;
  list.changed(changed);
  header.draw();
  filter.drawCount();
  showFailure(changed);
  const { pane } = views.get("focus");
  if (changed.includes(pane.host)) lag.stored(store.get(pane.host).size, performance.now());
  views.tell("hostsChanged", changed);
  same?.hostsChanged(changed);
  notifier.hostsChanged(changed);
}

/** Until somebody has picked a host, the first one that goes wrong is what there is to see. */
function showFailure(changed) {
  if (hasPicked || isFailure(store.get(page.opened)?.status)) return;
  const failed = changed.find((i) => isFailure(store.get(i).status));
  if (failed !== undefined) open(failed);
}

function drawBar() {
  const pane = views.get("focus")?.pane ?? { host: null, shown: 0 };
  const host = pane.host === null || views.name !== "focus" ? null : store.get(pane.host);
  lag.drawn(pane.shown);
  bar.draw({
    lag: !host || (!isActive(host.status) && pane.received >= host.size) ? 0 : lag.lag(performance.now()),
    bytes: host && { received: pane.received, stored: host.size },
    serverTime: socket.isLive ? page.now() : null,
  });
}

// ---- Choosing and filtering ----

/** Open host `i`, in `view` if given, at `lines` {from, to} if given; `isAsked` where a person wanted it. */
function open(i, { isAsked = false, view = null, lines = null } = {}) {
  const host = store.get(i);
  if (!host) return;
  const isOther = page.opened !== i;
  page.opened = i;
  page.lines = lines;
  list.open(i);
  if (isOther) lag.reset();
  if (isAsked) {
    hasPicked = true;
    page.setPlace({ host: host.name, lines, view: lines ? null : addressedView(view) });
    show(view ?? (["focus", "lines"].includes(views.name) && !isNarrowList() ? views.name : "focus"));
  }
  views.tell("hostOpened", i, lines);
  lag.stored(host.size, performance.now());
  for (const [kind, query] of [["host", ""], ["stderr", "?stream=stderr"]]) {
    const item = root.querySelector(`[data-download="${kind}"]`);
    item.href = page.settings.outputAddress(i) + query;
    item.querySelector("span").textContent = kind === "host" ? host.name : `${host.name}, stderr only`;
  }
  drawBar();
}

const isNarrowList = () => ["hosts", "notes"].includes(dataset.view);

/** The address names a view where it is not what a host's link opens anyway. */
const addressedView = (view) => (view === null || view === "focus" ? null : view);

/** Show a view; "hosts" and "notes" are panels beside the view that a narrow screen shows instead of it. */
function show(name) {
  if (views.has(name)) {
    const isBack = views.name === name;
    drawn = views.show(name);
    drawn.catch(notLoaded);
    if (isBack) viewChanged(name);
  } else viewChanged(name);
}

function viewChanged(name) {
  dataset.view = name;
  for (const button of root.querySelectorAll(".run-tabs [data-view]")) {
    const isShown = button.dataset.view === name;
    button.setAttribute("aria-pressed", String(isShown));
    if (isShown) button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  drawBar();
}

function viewAsked(name) {
  hasPicked = true;
  const host = store.get(page.opened);
  const isOfHost = ["focus", "lines"].includes(name);
  const lines = name === "lines" ? page.lines : null;
  const named = name === "focus" || lines ? null : name;
  if (views.has(name)) page.setPlace({ host: isOfHost ? host.name : null, lines, view: named });
  show(name);
}

function statusToggled(status) {
  store.toggleStatus(status);
  filterChanged();
}

function filterChanged() {
  list.filterChanged();
  header.draw();
  root.classList.toggle("is-filtered", store.isFiltered);
  filter.drawCount();
  views.tell("filterChanged");
}

// ---- What can be asked for ----

prepareDialogs();
root.querySelector('[data-run="cancel"]')?.addEventListener("click", () => page.askToCancel());
root.querySelector('[data-bar="retry"]').addEventListener("click", () => socket.retryNow());
root.addEventListener("click", (event) => {
  const link = event.target.closest("[data-copy-link]");
  if (link) copyLink(link, page.linkTo({ host: store.get(page.opened).name, lines: page.lines }));
  // A pane says which host it shows; what belongs to no pane means the opened one.
  const cancel = event.target.closest('[data-pane="cancel"]');
  if (cancel) page.askToCancel(Number(cancel.closest("[data-host]")?.dataset.host ?? page.opened));
});
byId("show-keys").addEventListener("click", showKeys);
byId("screen-reader").checked = page.settings.screenReader;
byId("screen-reader").addEventListener("change", (event) => {
  page.settings.screenReader = event.target.checked;
  localStorage.setItem("console-screen-reader", event.target.checked ? "on" : "off");
  views.get("focus")?.reopen();
});
byId("side-toggle").addEventListener("click", () => toggleSide());
for (const button of root.querySelectorAll(".run-tabs [data-view]")) {
  button.addEventListener("click", () => viewAsked(button.dataset.view));
}

function showKeys() {
  ask(byId("keys-dialog"), {});
}

function toggleSide(isOpen = !root.classList.contains("has-side")) {
  root.classList.toggle("has-side", isOpen);
  byId("side-toggle").setAttribute("aria-pressed", String(isOpen));
  localStorage.setItem("console-side", isOpen ? "on" : "off");
}

// ---- Keys ----

function filterAsked() {
  if (isNarrowList()) show("hosts");
  filter.begin();
}

/** Give the keyboard to what shows the hosts: the list, or the view that has its place. */
function focusHosts(i = null) {
  if (i !== null) list.moveTo(i);
  if (list.isVisible) list.focus();
  else views.focus(i);
}

const keys = runKeys({
  page, list, filter, focusHosts, filterAsked, viewAsked, toggleSide, showKeys,
  picked: () => (hasPicked = true),
});

listenForKeys(keys, (key) => views.action(key));

// ---- Begin ----

function openPlace(isAsked) {
  const place = placeOf(location.hash);
  const host = place.host === null ? undefined : store.named(place.host);
  const view = place.lines ? "lines" : place.view;
  if (host) open(host.i, { isAsked, view: views.has(view) ? view : "focus", lines: place.lines });
  else if (views.has(place.view)) show(place.view);
  return Boolean(host) || views.has(place.view);
}

byId("pane").addEventListener("pointerdown", () => (hasPicked = true));
addEventListener("offline", () => socket.networkLost());
addEventListener("online", () => socket.retryNow());
addEventListener("hashchange", () => openPlace(true));
setInterval(() => {
  header.tick();
  list.tick();
  views.tell("tick");
  drawBar();
}, 1_000);
setInterval(drawBar, 250);

toggleSide(localStorage.getItem("console-side") !== "off");
open(store.ordered()[0]);
if (!openPlace(true)) show(store.size >= MANY_HOSTS ? "grid" : "focus");
if (matchMedia("(max-width: 760px)").matches && views.name === "focus" && !location.hash) {
  if (store.size > 1 || !isActive(run.status)) show("hosts");
}
palette.start?.();
beginRest().catch(notLoaded);

/** The other views, so that they open at once, and then the news: first somebody sees what the address asks for. */
async function beginRest() {
  const painted = drawn.then(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
  await Promise.race([painted, new Promise((done) => setTimeout(done, LONGEST_ALONE))]);
  const [{ SameOutput }] = await Promise.all([import("console/same_output"), views.loadAll()]);
  same = new SameOutput(byId("same-output"), page);
  socket.start();
}

function notLoaded(error) {
  console.error(error);
  notices.tell("error", "A part of this page could not be loaded: reload the page.");
}
