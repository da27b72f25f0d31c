"""Every view stays right while connections are cut at random: in the end it shows what a fresh page shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from demo.fleet import Fleet
from tests.support.browser import NewPage
from tests.support.cutting import CuttingProxy, cutting_proxy
from tests.support.run_page import expect_over
from tests.support.server import MakeServer, ServerProcess
from tests.support.viewing import SocketViewer

STEPS = 8
#: At least so many cuts in each step.
CUTS = 4
#: Six lines a step on each host; a host waits for the test after each, and the last one fails.
COMMAND = """\
set -- $SSH_CONNECTION
n=0
for step in $(seq {steps}); do
  for part in 1 2 3 4 5 6; do n=$((n + 1)); echo "line $n of step $step"; done
  until [ -e {gate}/$step ]; do sleep 0.05; done
done
case $3 in *.4) echo "it failed" >&2; exit 3;; esac
"""
LINES = [f"line {n} of step {(n + 5) // 6}" for n in range(1, 6 * STEPS + 1)]
TEXTS = "(elements, parts) => elements.map((one) => parts.map((part) => one.querySelector(part)?.textContent ?? ''))"
TERMINALS = """(panes) => panes.map((pane) => [
  pane.querySelector("[data-pane=name]").textContent,
  ...[...pane.querySelectorAll(".xterm-rows > div")].map((row) => row.textContent.trim()).filter(Boolean),
])"""


def grid(page: Page) -> Any:
    return page.locator(".tile").evaluate_all("(all) => all.map((one) => [...one.children].map((p) => p.textContent))")


def grouped(page: Page) -> Any:
    expect(page.locator("[data-grouped=summary]")).to_have_text("3 identical, 1 differs")
    return page.locator("[data-grouped=list] > li").all_text_contents()


def merged(page: Page) -> Any:
    expect(page.locator("[data-merged=foot]")).to_contain_text(f"{4 * len(LINES) + 1} lines shown")
    expect(page.locator(".merged-line")).to_have_count(4 * len(LINES) + 1)
    return page.locator(".merged-line").evaluate_all(TEXTS, [".merged-host", ".merged-text"])


def lines(page: Page) -> Any:
    expect(page.locator("[data-lines=foot]")).to_contain_text(f"{len(LINES)} lines")
    # Rows are there before what stands in them.
    expect(page.locator(".lines-scroll .line-text", has_text="of step")).to_have_count(len(LINES))
    return page.locator(".lines-scroll .line").evaluate_all(TEXTS, [".line-number", ".line-text"])


def panes(page: Page) -> Any:
    for foot in page.locator("[data-pane=foot]").all():
        expect(foot).to_contain_text("all stored")
    for screen in page.locator(".pane:not(.lines) .xterm-rows").all():
        expect(screen).to_contain_text(LINES[-1])
    return page.locator(".pane:not(.lines)").evaluate_all(TERMINALS)


#: What each page looks at, and how to read all that its view shows.
VIEWS: dict[str, Callable[[Page], Any]] = {
    "view=grid": grid,
    "view=grouped": grouped,
    "view=merged": merged,
    "h=web2&view=lines": lines,
    "h=web1": panes,
}


class Console:
    """A console behind a proxy, a run on four hosts that waits for the test, and Alice, who looks at it."""

    def __init__(self, server: ServerProcess, proxy: CuttingProxy, fleet: Fleet, new_page: NewPage, gate: Path) -> None:
        self.server, self.proxy, self._new_page, self.gate = server, proxy, new_page, gate
        self.alice = server.alice()
        names = server.add_fleet(fleet, 4, ["web1", "web2", "web3", "web4"])
        with SocketViewer(server, self.alice, "/ws/runs/new/") as viewer:
            self.run = viewer.start(names, COMMAND.format(steps=STEPS, gate=gate))

    def new_tab(self, beside: Page | None = None) -> Page:
        """So high that everything is in sight, and nothing has to be scrolled to be read."""
        return self._new_page(self.proxy, self.alice, beside=beside, height=2400)

    def open(self, page: Page, place: str) -> Page:
        """Load the page at ``place``, or go there on a page that is loaded; at a host, with a second pane beside it."""
        page.goto(f"/runs/{self.run}/#{place}")
        expect_live(page)
        if place == "h=web1":
            expect(page.locator(".pane:not(.lines)")).to_have_count(1)
            page.keyboard.press("p")
            page.evaluate("() => (location.hash = '#h=web3')")
            expect(page.locator(".pane:not(.lines)")).to_have_count(2)
        return page

    def go_on(self, step: int) -> None:
        (self.gate / str(step)).touch()


@pytest.fixture
def console(make_server: MakeServer, fleet: Fleet, new_page: NewPage, tmp_path: Path) -> Iterator[Console]:
    with cutting_proxy(seed=20261121) as proxy:
        server = make_server(start=False)
        server.environment["OPSCONSOLE_ORIGINS"] = f"{server.origin} {proxy.url}"
        proxy.port = server.start().port
        gate = tmp_path / "gate"
        gate.mkdir()
        yield Console(server, proxy, fleet, new_page, gate)


def expect_live(page: Page) -> None:
    expect(page.locator("[data-bar=connection]")).to_have_attribute("data-kind", "live", timeout=60_000)


def connect_again(page: Page) -> None:
    page.locator("[data-bar=retry]").dispatch_event("click")


def write(page: Page, text: str) -> None:
    page.get_by_label("Note to everyone watching this run").fill(text)
    page.get_by_role("button", name="Send the note").click()


def around(page: Page) -> dict[str, Any]:
    """What stands around every view."""
    return {
        "status": page.locator("[data-run=badge]").inner_text(),
        "counters": page.locator("[data-run=counters]").inner_text(),
        "same": page.locator("#same-output .same-body").inner_text(),
        "notes": page.locator("#together .note-text").all_inner_texts(),
    }


def test_every_view_shows_what_a_fresh_page_shows_after_cuts_at_random(console: Console) -> None:
    first = console.new_tab()
    tabs = [first, *(console.new_tab(beside=first) for _ in list(VIEWS)[1:])]
    pages = {place: console.open(tab, place) for tab, place in zip(tabs, VIEWS, strict=True)}
    proxy = console.proxy
    proxy.cutting = True
    written = []
    for step, (place, page) in zip(range(1, STEPS + 1), list(pages.items()) * STEPS, strict=False):
        console.go_on(step)
        if step % 2:
            written.append(f"note {step} from {place}")
            write(page, written[-1])
        while not proxy.wait_for_cuts(CUTS * step, timeout=0.3):
            for one in pages.values():
                connect_again(one)
            if not proxy.wait_for_cuts(CUTS * step, timeout=0.3):
                proxy.cut_sockets()
    proxy.cutting = False
    for page in pages.values():
        connect_again(page)
        expect_live(page)
        expect_over(page, "failed")
        expect(page.locator("#together .note")).to_have_count(len(written))
    assert proxy.cuts >= CUTS * STEPS
    fresh = console.new_tab(beside=first)
    for place, read in VIEWS.items():
        console.open(fresh, place)
        expect_over(fresh, "failed")
        # Nobody is left of all the sockets that were cut.
        for page in (fresh, pages[place]):
            expect(page.locator("[data-together=people]")).to_contain_text(f"{len(VIEWS) + 1} windows")
        assert read(pages[place]) == read(fresh), place
        expect(pages[place].locator("#same-output .same-body")).to_have_text(
            fresh.locator("#same-output .same-body").inner_text(), use_inner_text=True
        )
        assert around(pages[place]) == around(fresh), place
        assert sorted(around(fresh)["notes"]) == sorted(written)
    check_truth(pages)
    for page in pages.values():
        page.close()
        forget_network_errors(page)


def check_truth(pages: dict[str, Page]) -> None:
    """A fresh page could be wrong in the same way: this is what was printed."""
    assert [text for _, text in lines(pages["h=web2&view=lines"])] == LINES
    assert panes(pages["h=web1"]) == [["web1", *LINES], ["web3", *LINES]]
    rows = merged(pages["view=merged"])
    for host in ("web1", "web2", "web3", "web4"):
        own = [text for name, text in rows if name == host]
        assert own == (LINES if host != "web4" else [*LINES, "it failed"]), host


def forget_network_errors(page: Page) -> None:
    """The browser complains about the network, rightly; anything else stays a complaint."""
    complaints = page.complaints  # type: ignore[attr-defined]
    complaints[:] = [text for text in complaints if "net::ERR" not in text and "WebSocket" not in text]
