"""The run page in Chromium while a run goes on over real hosts: what it takes, and whether it shows what happened."""

from __future__ import annotations

import contextlib
import json
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Browser, Page, expect, sync_playwright
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from bench.lab import Failed
from tests.support.browser import CHROMIUM_ARGUMENTS, find_chromium

if TYPE_CHECKING:
    from bench.console import Console

#: Every host prints the same, but for those whose address ends in 7: they say what is wrong, and fail.
COMMAND = """\
echo "Reading package lists"; seq -f "Unpacking libssl3 (%g of 20)" 20
set -- $SSH_CONNECTION
case $3 in *7) echo "E: dpkg was interrupted"; exit 3;; esac
echo "Setting up libssl3"
"""
_BEGINNING = ["Reading package lists", *(f"Unpacking libssl3 ({number} of 20)" for number in range(1, 21))]
_PATIENCE = 180_000

#: Notes when every tile stood (`drawnAfter`, ms after the address was opened) and the frames from then on until the run
#: is over: how many, over how long, and the longest gap between two.
_WATCH = """
((count) => {
  window.seen = { frames: 0, longest: 0 };
  let last = 0;
  const look = (now) => {
    requestAnimationFrame(look);
    if (document.querySelectorAll(".tile").length < count) return;
    if (!seen.drawnAfter) seen.drawnAfter = last = now;
    if (seen.over) return;
    seen.frames += 1;
    seen.longest = Math.max(seen.longest, now - last);
    last = now;
    seen.seconds = (now - seen.drawnAfter) / 1000;
    seen.over = /^(succeeded|failed)$/.test(document.querySelector("[data-run=badge]").textContent.trim());
  };
  requestAnimationFrame(look);
})(%d)
"""
_TILES = "(tiles) => tiles.map((tile) => [...tile.children].map((part) => part.textContent))"


@dataclass(frozen=True)
class Seen:
    """What one run took the page: seconds until all tiles stood, frames a second meanwhile, the longest in ms."""

    drawn: float
    rate: float
    longest: float
    seconds: float


@dataclass(frozen=True)
class Host:
    """A host by its name in the inventory, and whether it is one of those that fail."""

    name: str
    address: str

    @property
    def fails(self) -> bool:
        return self.address.endswith("7")

    @property
    def lines(self) -> list[str]:
        """What it prints."""
        return [*_BEGINNING, "E: dpkg was interrupted" if self.fails else "Setting up libssl3"]


def watch_run(console: Console, hosts: list[Host]) -> Seen:
    """Run on all ``hosts`` with the grid open, and check all that the page shows. Raises :class:`Failed`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
        _favour(browser)
        context = browser.new_context(base_url=console.origin, viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": "sessionid", "value": console.session, "url": console.origin}])
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        try:
            seen = _watch(page, _start(console, hosts), hosts)
        except AssertionError as error:
            raise Failed(f"The page shows something else than happened: {error}") from error
        finally:
            browser.close()
        if complaints:
            raise Failed(f"The page reported errors: {complaints}")
        return seen


def _favour(browser: Browser) -> None:
    """Give the browser what it wants of the processors: it would be on the operator's machine, not on the hosts'.

    Linux shares them out by session, and each SSH connection is one: among 64 of them Chromium would get a 65th.
    """
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    number = next(process["id"] for process in processes if process["type"] == "browser")
    # Neither everywhere there, nor allowed to everybody: without it the figures are worse.
    with contextlib.suppress(OSError):
        Path(f"/proc/{number}/autogroup").write_text("-20")


def _start(console: Console, hosts: list[Host]) -> int:
    url = console.origin.replace("http", "ws") + "/ws/runs/new/"
    options: dict[str, Any] = {"additional_headers": {"Cookie": f"sessionid={console.session}"}, "max_size": None}
    with connect(url, origin=Origin(console.origin), subprotocols=[Subprotocol("console.v1")], **options) as socket:
        order = {"key": str(uuid.uuid4()), "servers": [host.name for host in hosts], "command": COMMAND}
        socket.send(json.dumps({"type": "start", "fanout": 64, **order}))
        for frame in socket:
            message = json.loads(frame) if isinstance(frame, str) else {}
            if message.get("type") == "started":
                return int(message["run"])
            if message.get("type") == "error":
                raise Failed(f"The console did not start the run: {message['message']}")
    raise Failed("The console closed the socket before it had started the run")


def _watch(page: Page, run: int, hosts: list[Host]) -> Seen:
    page.add_init_script(_WATCH % len(hosts))
    page.goto(f"/runs/{run}/#view=grid")
    expect(page.locator("[data-run=badge]")).to_have_text("failed", timeout=_PATIENCE)
    _check_grid(page, hosts)
    seen = page.evaluate("() => window.seen")
    _check_groups(page, hosts)
    for host in (hosts[0], next(host for host in hosts if host.fails), hosts[-1]):
        _check_output(page, host)
    return Seen(seen["drawnAfter"] / 1000, seen["frames"] / seen["seconds"], seen["longest"], seen["seconds"])


def _check_grid(page: Page, hosts: list[Host]) -> None:
    """Every host has its tile, which says how it ended and what it printed last."""
    # What is out of sight follows within seconds.
    expect(page.locator(".tile:is(.status-queued, .status-starting, .status-running)")).to_have_count(0)
    expected = {
        host.name: ("failed · exit 3" if host.fails else "succeeded", host.lines[-1]) for host in hosts
    }  # fmt: skip
    failing = sum(host.fails for host in hosts)
    expect(page.locator(".tile-heading")).to_have_text([f"{failing} failed", f"{len(hosts) - failing} succeeded"])
    shown = {name: (outcome, last) for _, name, _, outcome, last in page.locator(".tile").evaluate_all(_TILES)}
    wrong = {name: (shown.get(name), wanted) for name, wanted in expected.items() if shown.get(name) != wanted}
    assert shown.keys() == expected.keys() and not wrong, f"tiles (shown, wanted): {dict(list(wrong.items())[:5])}"


def _check_groups(page: Page, hosts: list[Host]) -> None:
    page.keyboard.press("g")
    failing = sum(host.fails for host in hosts)
    expect(page.locator("[data-grouped=summary]")).to_have_text(
        f"{len(hosts) - failing:,} identical, {failing:,} differ", timeout=_PATIENCE
    )
    groups = page.locator("[data-grouped=list] > li")
    expect(groups).to_have_count(2)
    expect(groups.nth(0)).to_contain_text(re.compile(f"^{len(hosts) - failing:,} hosts"))
    expect(groups.nth(1)).to_contain_text(re.compile(f"^{failing:,} hosts"))
    expect(groups.nth(1)).to_contain_text("failed · exit 3")


def _check_output(page: Page, host: Host) -> None:
    """A host that is opened shows each of its lines."""
    page.evaluate("(hash) => (location.hash = hash)", f"#h={host.name}&view=lines")
    expect(page.locator("[data-lines=name]")).to_have_text(host.name)
    expect(page.locator(".lines-scroll .line-text")).to_have_text(host.lines)
