// The run page. Wires what other modules do: a socket brings news, a store keeps it, list, header, pane and status bar
// show it. Nothing is decided here.

import { ask, prepareDialogs } from "console/dialogs";
import { FocusPane } from "console/focus_pane";
import * as format from "console/format";
import { HostList } from "console/host_list";
import { HostStore, isActive } from "console/host_store";
import { listenForKeys } from "console/keyboard";
import { RunHeader } from "console/run_header";
import { RunSocket } from "console/run_socket";
import { LagMeter, StatusBar } from "console/status_bar";

const byId = (id) => document.getElementById(id);
const page = byId("run");
const { dataset } = page;

const store = new HostStore(JSON.parse(byId("run-hosts").textContent));
const run = {
  id: Number(dataset.id),
  status: dataset.status,
  created: dataset.created,
  cancel_requested: dataset.cancelRequested || null,
};
const icons = JSON.parse(dataset.icons);

// The server's clock: its pages and hosts are compared with each other, never with this computer.
let skew = Date.parse(dataset.serverTime) - Date.now();
// Without news nothing is known to go on: what counts seconds stands still at the last word.
let frozen = null;
const now = () => frozen ?? Date.now() + skew;
const clockReceived = (serverTime) => {
  skew = Date.parse(serverTime) - Date.now();
};

const FAILURES = new Set(["failed", "lost", "timed_out", "unreachable"]);
let hasPicked = false;
const lag = new LagMeter();
const settings = {
  icons,
  mayCancel: dataset.mayCancel === "yes",
  screenReader: localStorage.getItem("console-screen-reader") === "on",
  fontSize: matchMedia("(max-width: 760px)").matches ? 11 : 13,
  outputAddress: (i) => dataset.output.replace("/hosts/0/", `/hosts/${i}/`),
};

const address = new URL(dataset.socket, location.href);
address.protocol = address.protocol.replace("http", "ws");

const socket = new RunSocket(address.href, {
  connectionChanged(state) {
    if (state.phase === "live") frozen = null;
    else frozen ??= Date.now() + skew - (state.phase === "silent" ? performance.now() - state.since : 0);
    bar.connectionChanged(state);
    showConnection(state);
    drawBar();
  },
  helloReceived(message) {
    clockReceived(message.server_time);
    settings.mayCancel = message.may_cancel;
    header.runChanged(message.run);
    hostsChanged(message.hosts);
  },
  statusReceived(message) {
    hostsChanged(message.hosts ?? []);
    header.runChanged(message.run ?? {});
    notice("storage-notice", message.storage);
  },
  outputReceived: (...details) => pane.outputReceived(...details),
  gapReceived: (gap) => pane.gapReceived(gap),
  outputEnded(message) {
    pane.outputEnded(message);
  },
  clockReceived,
  roundTripMeasured: (ms) => bar.roundTripMeasured(ms),
  errorReceived: (message) => notice("error-notice", message.message),
});

const bar = new StatusBar(page.querySelector(".status-bar"));
const header = new RunHeader(page.querySelector(".run-head"), {
  store, run, icons, now, delegate: { statusToggled },
});
const list = new HostList(byId("hosts"), {
  store, icons, now, empty: byId("no-hosts"), delegate: { hostChosen: (i) => open(i, { isAsked: true }) },
});
const pane = new FocusPane(byId("pane"), { store, socket, openLink, now, settings });

// ---- News ----

function hostsChanged(hosts) {
  const changed = store.apply(hosts);
  if (changed.length === 0) return;
  list.changed(changed);
  header.draw();
  drawFilterCount();
  showFailure(changed);
  if (changed.includes(pane.host)) {
    lag.stored(store.get(pane.host).size, performance.now());
    pane.update();
  }
}

/** Until somebody has picked a host, the first one that goes wrong is what there is to see. */
function showFailure(changed) {
  if (hasPicked || FAILURES.has(store.get(pane.host)?.status)) return;
  const failed = changed.find((i) => FAILURES.has(store.get(i).status));
  if (failed !== undefined) open(failed);
}

function drawBar() {
  const host = pane.host === null ? null : store.get(pane.host);
  lag.drawn(pane.shown);
  bar.draw({
    lag: host && !isActive(host.status) && pane.received >= host.size ? 0 : lag.lag(performance.now()),
    bytes: host && { received: pane.received, stored: host.size },
    serverTime: socket.isLive ? now() : null,
  });
}

const GOES_ON = "The run does not need this page; it catches up when the console answers.";
const PROBLEMS = {
  offline: `This computer has no network. ${GOES_ON}`,
  login: "Your login has ended. The run does not need this page.",
  forbidden: "You may no longer see this run. Ask an administrator for the permission.",
  missing: "This run does not exist, or you may not see it.",
  refused: "The server closed the connection after messages it did not understand. Reload the page.",
};

function showConnection(state) {
  const isLost = (state.phase === "waiting" && state.attempt > 1) || (state.phase === "silent" && state.isOnline);
  const phase = state.phase === "silent" && !state.isOnline ? "offline" : state.phase;
  const text = isLost ? `The console does not answer. ${GOES_ON}` : PROBLEMS[phase];
  if (state.phase === "connecting" && !byId("connection-notice").hidden) return;
  notice("connection-notice", text);
  const link = byId("connection-notice").querySelector("a");
  link.hidden = state.phase !== "login";
  link.textContent = "Log in again";
  link.href = `${dataset.login}?next=${encodeURIComponent(location.pathname + location.hash)}`;
}

function notice(id, text) {
  const element = byId(id);
  element.hidden = !text;
  if (text) element.querySelector("span").textContent = text;
}

// ---- Choosing and filtering ----

function open(i, { isAsked = false } = {}) {
  if (!store.get(i)) return;
  const { name, size } = store.get(i);
  list.open(i);
  lag.reset();
  if (isAsked) {
    hasPicked = true;
    showScreen("output");
  }
  pane.open(i);
  lag.stored(size, performance.now());
  page.querySelector('[data-tab="output"]').textContent = name;
  byId("copy-link").dataset.link = linkTo(name);
  for (const [kind, query] of [["host", ""], ["stderr", "?stream=stderr"]]) {
    const item = page.querySelector(`[data-download="${kind}"]`);
    item.href = settings.outputAddress(i) + query;
    item.querySelector("span").textContent = kind === "host" ? name : `${name}, stderr only`;
  }
  if (isAsked) history.replaceState(null, "", linkTo(name));
  drawBar();
}

function linkTo(name) {
  return `#${new URLSearchParams({ h: name })}`;
}

function hostInAddress() {
  return store.named(new URLSearchParams(location.hash.slice(1)).get("h") ?? "");
}

function statusToggled(status) {
  store.toggleStatus(status);
  filterChanged();
}

function filterChanged() {
  list.filterChanged();
  header.draw();
  page.classList.toggle("is-filtered", store.isFiltered);
  drawFilterCount();
}

function drawFilterCount() {
  byId("filter-count").textContent = store.isFiltered ? `${store.ordered().length} of ${store.size}` : "";
}

function clearFilter() {
  if (!store.isFiltered) return false;
  store.clearFilter();
  filter.value = "";
  filterChanged();
  list.focus();
  return true;
}

function showScreen(screen) {
  dataset.screen = screen;
  for (const button of page.querySelectorAll(".run-tabs [data-screen-set]")) {
    button.setAttribute("aria-pressed", String(button.dataset.screenSet === screen));
  }
}

const filter = byId("host-filter");
filter.addEventListener("input", () => {
  store.filterText(filter.value);
  filterChanged();
});
filter.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "Enter") {
    event.preventDefault();
    const [first] = store.ordered();
    if (first === undefined) return;
    list.focus();
    list.moveTo(first);
    if (event.key === "Enter") open(first, { isAsked: true });
  }
});

// ---- What can be asked for ----

function askToCancel(host = null) {
  const texts = host
    ? {
        h2: `Cancel ${host.name}?`,
        '[data-dialog="text"]': "The program on this host gets TERM, and KILL a few seconds later. The other hosts go on.",
        '[data-dialog="confirm"]': `Cancel ${host.name}`,
      }
    : {
        h2: "Cancel this run?",
        '[data-dialog="text"]': cancelSentence(),
        '[data-dialog="confirm"]': "Cancel the run",
      };
  byId("cancel-dialog").querySelector('[name="host"]').value = host?.i ?? "";
  // Without a connection the dialog's form is posted instead.
  ask(byId("cancel-dialog"), texts, () => socket.cancel(host?.i ?? null));
}

function cancelSentence() {
  const counts = new Map(store.counts());
  const started = (counts.get("running") ?? 0) + (counts.get("starting") ?? 0);
  const queued = counts.get("queued") ?? 0;
  return `Programs on ${format.plural(started, "host")} get TERM, and KILL a few seconds later. ` +
    (queued > 0 ? `${format.plural(queued, "waiting host")} will not start. ` : "") + `What has ended stays as it is.`;
}

function openLink(target) {
  ask(byId("link-dialog"), { '[data-dialog="text"]': target }, () => {
    window.open(target, "_blank", "noopener,noreferrer");
  });
}

async function copyLink(button) {
  const text = new URL(button.dataset.link ?? "", location.href).href;
  const label = button.querySelector("span");
  try {
    await navigator.clipboard.writeText(text);
    label.textContent = "Copied";
  } catch {
    // The clipboard needs HTTPS or localhost: the address bar has the link, too.
    history.replaceState(null, "", button.dataset.link);
    label.textContent = "See address bar";
  }
  setTimeout(() => (label.textContent = "Copy link"), 2_000);
}

prepareDialogs();
page.querySelector('[data-run="cancel"]')?.addEventListener("click", () => askToCancel());
page.querySelector('[data-pane="cancel"]').addEventListener("click", () => askToCancel(store.get(pane.host)));
page.querySelector('[data-bar="retry"]').addEventListener("click", () => socket.retryNow());
page.querySelector(".notice-close").addEventListener("click", () => notice("error-notice", ""));
byId("copy-link").addEventListener("click", (event) => copyLink(event.currentTarget));
byId("clear-filter").addEventListener("click", clearFilter);
byId("show-keys").addEventListener("click", () => ask(byId("keys-dialog"), {}));
byId("screen-reader").checked = settings.screenReader;
byId("screen-reader").addEventListener("change", (event) => {
  settings.screenReader = event.target.checked;
  localStorage.setItem("console-screen-reader", event.target.checked ? "on" : "off");
  pane.reopen();
});
for (const button of page.querySelectorAll("[data-screen-set]")) {
  button.addEventListener("click", () => showScreen(button.dataset.screenSet));
}

// ---- Keys ----

const isOnButton = (event) => event.target.closest?.("a, button, summary, input") != null;
const isInPane = (event) => event.target.closest?.("#pane") != null;
const moveBy = (step) => (event) => {
  if (isInPane(event) && event.key.startsWith("Arrow")) return false;
  hasPicked = true;
  list.move(step);
  return true;
};

listenForKeys({
  "/": () => {
    showScreen("hosts");
    filter.select();
    filter.focus();
  },
  j: moveBy(1),
  k: moveBy(-1),
  ArrowDown: moveBy(1),
  ArrowUp: moveBy(-1),
  Enter: (event) => {
    if (isOnButton(event) || list.cursor === null) return false;
    open(list.cursor, { isAsked: true });
    return true;
  },
  f: () => pane.toggleFollow(),
  "?": () => ask(byId("keys-dialog"), {}),
  Escape: (event) => {
    if (clearFilter()) return true;
    if (event.target === filter) list.focus();
    else if (isInPane(event)) showScreen("hosts");
    return true;
  },
  F6: (event) => {
    if (isInPane(event)) {
      showScreen("hosts");
      list.focus();
    } else {
      showScreen("output");
      pane.focus();
    }
  },
});

// ---- Begin ----

byId("pane").addEventListener("pointerdown", () => (hasPicked = true));
addEventListener("offline", () => socket.networkLost());
addEventListener("online", () => socket.retryNow());
addEventListener("hashchange", () => {
  const host = hostInAddress();
  if (host) open(host.i, { isAsked: true });
});
setInterval(() => {
  header.tick();
  list.tick();
  pane.tick();
  drawBar();
}, 1_000);
setInterval(drawBar, 250);

const asked = hostInAddress();
const [first] = store.ordered();
open(asked?.i ?? first, { isAsked: Boolean(asked) });
if (!asked && store.size === 1 && isActive(run.status)) showScreen("output");
socket.start();
