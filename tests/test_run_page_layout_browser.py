"""What stays in sight or in its place on the run page: numbers of names, percentages, actions, the page itself."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.support.browser import NewPage
from tests.support.run_page import RunViewer
from tests.support.server import ServerProcess

LONG = "web-frontend-production-europe-0017"
BAR = "Downloading linux-image-amd64 from deb.example.net [##########..........] 45%"


class Console(RunViewer):
    """Runs made of rows, and somebody who looks at them."""

    def run(self, **statuses: int) -> int:
        return int(self.server.ask("add_wide_run", requester="alice", statuses=statuses))

    def change(self, run: int, **fields: Any) -> None:
        self.server.ask("change_host_run", run=run, index=0, **fields)


@pytest.fixture
def console(live_server_process: ServerProcess, new_page: NewPage) -> Console:
    return Console(live_server_process, new_page)


def is_whole(part: Locator) -> bool:
    """Whether nothing of the element is cut off."""
    return bool(part.evaluate("(element) => element.scrollWidth <= element.clientWidth"))


def test_the_number_of_a_long_name_and_a_percentage_stay_in_sight(console: Console) -> None:
    run = console.run(running=60)
    console.change(run, server_name=LONG, last_line=BAR, ago=0)
    page = console.show(run, "#view=grid")
    tile = page.locator("#tile-0")
    expect(tile.locator(".tile-name .part-kept")).to_have_text("0017")
    expect(tile.locator(".tile-detail .part-kept")).to_have_text("] 45%")
    for kept in (tile.locator(".tile-name .part-kept"), tile.locator(".tile-detail .part-kept")):
        expect(kept).to_be_in_viewport(ratio=1)
        assert is_whole(kept)
    assert not is_whole(tile.locator(".tile-name .part").first)
    assert tile.locator(".tile-name").text_content() == LONG
    expect(tile).to_have_attribute("title", re.compile(f"^{LONG}\n{re.escape(BAR)}"))
    tile.click()
    for name in (page.locator("#host-0 .host-name"), page.locator("[data-pane=name]")):
        expect(name.locator(".part-kept")).to_have_text("0017")
        assert is_whole(name.locator(".part-kept"))


def test_a_pane_narrower_than_80_columns_shows_that_there_is_more_at_its_side(console: Console) -> None:
    run = console.server.ask("add_log", user="alice", text="x" * 79 + "\n")
    page = console.show(run, "#h=web1", width=1000)
    body = page.locator(".pane-body").first
    expect(body).to_have_class("pane-body has-more-right")
    page.locator(".pane-screen").first.evaluate("(screen) => screen.scrollTo({ left: 1e6 })")
    expect(body).to_have_class("pane-body has-more-left")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator("#side-toggle").click()
    expect(body).to_have_class("pane-body")


def test_a_phone_has_the_actions_in_every_view(console: Console) -> None:
    page = console.show(console.run(running=2, failed=1), width=390, height=844)
    for view in ("hosts", "focus", "lines", "grid", "grouped", "merged", "search", "notes"):
        page.locator(f".run-tabs [data-view={view}]").click()
        expect(page.locator("#run")).to_have_attribute("data-view", view)
        for button in (page.get_by_label("Run again", exact=True), page.get_by_label("Download", exact=True)):
            button.click()
            expect(button.locator("..").locator(".menu-panel")).to_be_in_viewport(ratio=1)
            button.click()
        page.get_by_role("button", name="Cancel", exact=True).click()
        expect(page.get_by_role("dialog"), view).to_contain_text("Cancel this run?")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert page.evaluate("() => document.documentElement.scrollWidth") == 390, view


def test_notices_move_nothing_and_a_refused_wish_is_no_error(console: Console) -> None:
    denied = "Notification.requestPermission = async () => 'denied';"
    page = console.show(console.run(running=2), "#h=web0001", script=denied)
    before = page.locator(".pane-body").first.bounding_box()
    page.get_by_role("button", name="Tell me when it ends").click()
    hint = page.locator("#hint-notice")
    expect(hint).to_contain_text("The browser does not let this page notify you")
    page.context.set_offline(True)
    expect(page.locator("#connection-notice")).to_contain_text("This computer has no network.")
    expect(page.locator("#error-notice")).to_be_hidden()
    assert page.locator(".pane-body").first.bounding_box() == before
    hint.get_by_label("Close this message").click()
    expect(hint).to_be_hidden()
    page.complaints.clear()  # type: ignore[attr-defined]  # the browser complains about the network, rightly
