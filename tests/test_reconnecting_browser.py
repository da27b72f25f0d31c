"""Hosts without contact, and how a cancel ended, as an operator sees them; with rows made directly."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import NewPage
from tests.support.server import ServerProcess

REASON = "The connection was lost: trying again in 8 s."
SURVIVORS = "3 processes survive KILL: 8121 (dpkg --configure -a), 8130 (sh), 8133 (sync)."


@pytest.fixture
def server(looking_server: ServerProcess) -> ServerProcess:
    return looking_server


@pytest.fixture
def run(server: ServerProcess) -> int:
    server.alice()
    statuses = {"canceled": 1, "running": 3, "succeeded": 2}
    return int(server.ask("add_wide_run", requester="alice", statuses=statuses))


def opened(server: ServerProcess, new_page: NewPage, run: int, place: str) -> Page:
    page = new_page(server, server.alice())
    page.goto(f"/runs/{run}/#{place}")
    expect(page.locator("[data-bar=connection]")).to_have_attribute("data-kind", "live")
    return page


def test_a_host_without_contact_stands_apart_until_it_is_reached_again(
    server: ServerProcess, new_page: NewPage, run: int
) -> None:
    page = opened(server, new_page, run, "view=grid")
    server.ask("change_host_run", run=run, index=1, away=130, ago=500, reason=REASON)
    tile = page.locator(".tile", has_text="web0002")
    expect(tile).to_contain_text(re.compile(r"reconnecting · 2:1\d.*" + re.escape(REASON)))
    expect(tile).to_have_attribute("title", re.compile(r"No contact since \d\d:\d\d:\d\d UTC"))
    expect(tile.locator("use")).to_have_attribute("href", "#icon-refresh-alert")
    expect(page.get_by_role("button", name="2 running")).to_be_visible()
    page.get_by_role("button", name="1 reconnecting").click()
    expect(page.locator(".tile-name")).to_have_text(["web0002"])
    server.ask("change_host_run", run=run, index=1, contact_lost=None, reason="", ago=0)
    expect(page.get_by_role("button", name="3 running")).to_be_visible()
    expect(page.locator(".tile-name")).to_have_count(0)


def test_the_open_host_says_since_when_and_why_and_what_a_cancel_waits_for(
    server: ServerProcess, new_page: NewPage, run: int
) -> None:
    server.ask("change_host_run", run=run, index=1, away=42, reason=REASON, cancel_requested="2026-05-01T12:00:00Z")
    page = opened(server, new_page, run, "h=web0002")
    pane = page.locator(".pane").first
    expect(pane.locator("[data-pane=badge]")).to_have_text("cancel waits for contact")
    told = pane.locator("[data-pane=reason]")
    expect(told).to_have_text(
        re.compile(rf"^No contact since [\d:]+, for 4\d s\. {re.escape(REASON)} It is ended as soon")
    )
    page.keyboard.press("l")
    expect(page.locator("[data-lines=reason]")).to_have_text(re.compile(r"^No contact since .*" + re.escape(REASON)))


def test_how_a_cancel_ended_is_readable_in_full(server: ServerProcess, new_page: NewPage, run: int) -> None:
    server.ask("change_host_run", run=run, index=0, reason=SURVIVORS, mode="attached")
    page = opened(server, new_page, run, "h=web0001")
    pane = page.locator(".pane").first
    told = pane.locator("[data-pane=reason]")
    expect(told).to_have_text(SURVIVORS)
    assert told.evaluate("(element) => element.scrollWidth <= element.clientWidth")
    expect(pane.locator("[data-pane=mode]")).to_have_text("attached: ends with the connection")
    row = page.get_by_role("option", name=re.compile("web0001"))
    expect(row).to_have_attribute("title", f"{SURVIVORS}\nAttached: it ends with the connection.")
