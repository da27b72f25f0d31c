"""Notes, watchers and the command palette in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from demo.fleet import Fleet
from tests.support.browser import NewPage
from tests.support.run_page import HostRuns
from tests.support.server import ServerProcess


class Console(HostRuns):
    """Two people who may look at the same run."""

    def __init__(self, server: ServerProcess, fleet: Fleet, new_page: NewPage) -> None:
        super().__init__(server, fleet, new_page, ["web1", "web2", "db1"])
        self.charlie = server.person("charlie", "consoles.view_all_runs")

    def open(self, run: int, who: dict[str, str] | None = None, **options: Any) -> Page:
        return self.show(run, who=who, **options)


@pytest.fixture
def console(live_server_process: ServerProcess, fleet: Fleet, new_page: NewPage) -> Console:
    return Console(live_server_process, fleet, new_page)


def expect_live(page: Page) -> None:
    expect(page.locator("[data-bar=connection]")).to_have_attribute("data-kind", "live")


def field(page: Page) -> Locator:
    return page.get_by_label("Note to everyone watching this run")


def notes(page: Page) -> Locator:
    return page.locator("#together .note")


def watchers(page: Page) -> Locator:
    return page.get_by_role("list", name="Who watches this run").get_by_role("listitem")


def write(page: Page, text: str) -> None:
    field(page).fill(text)
    field(page).press("Enter")


def palette(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Commands")


def choose(page: Page, words: str) -> None:
    """Find something in the palette and do it, by keyboard."""
    page.keyboard.press("Control+k")
    expect(palette(page)).to_be_visible()
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(palette(page)).to_be_hidden()


def test_two_people_see_each_other_and_read_each_others_notes_live(console: Console) -> None:
    run = console.start("echo started; sleep 60")
    alice = console.open(run)
    expect(watchers(alice)).to_have_text(["alice you"])
    charlie = console.open(run, console.charlie)
    expect(watchers(charlie)).to_have_text(["alice", "charlie you"])
    expect(watchers(alice)).to_have_text(["alice you", "charlie"])
    write(alice, "<b>dpkg</b> broken on web1")
    expect(notes(charlie)).to_have_text(re.compile(r"alice\s*\d\d:\d\d:\d\d\s*<b>dpkg</b> broken on web1"))
    write(charlie, "thanks")
    expect(notes(alice)).to_have_count(2)
    expect(notes(alice).last).to_contain_text("thanks")
    expect(field(alice)).to_have_value("")
    charlie.close()
    expect(watchers(alice)).to_have_text(["alice you"])


def test_shift_enter_begins_a_line_and_an_empty_note_is_not_sent(console: Console) -> None:
    page = console.open(console.finish("echo hello"))
    field(page).press("Enter")
    field(page).press_sequentially("one")
    field(page).press("Shift+Enter")
    field(page).press_sequentially("two")
    field(page).press("Enter")
    expect(notes(page)).to_have_count(1)
    assert notes(page).locator(".note-text").inner_text() == "one\ntwo"


def test_text_that_was_not_sent_survives_a_reload(console: Console) -> None:
    page = console.open(console.finish("echo hello"))
    field(page).fill("half a\nnote")
    page.reload()
    expect_live(page)
    expect(field(page)).to_have_value("half a\nnote")
    other = console.open(console.finish("echo hello"))
    expect(field(other)).to_have_value("")


def test_note_written_without_a_connection_is_sent_once_when_there_is_one(console: Console) -> None:
    page = console.open(console.finish("echo hello"))
    page.context.set_offline(True)
    write(page, "while away")
    expect(notes(page)).to_contain_text("not sent yet: no connection")
    page.context.set_offline(False)
    expect(notes(page).locator(".note-author")).to_have_text(["alice"])
    expect(notes(page)).to_have_count(1)
    page.reload()
    expect(notes(page)).to_have_count(1)
    page.complaints.clear()  # type: ignore[attr-defined]  # the browser complains about the missing network


def test_notes_of_a_finished_run_stay_in_its_history(console: Console) -> None:
    run = console.finish("echo hello")
    first = console.open(run)
    write(first, "db1 is the replica we paused")
    expect(notes(first).locator(".note-author")).to_have_text(["alice"])
    first.close()
    later = console.open(run, console.charlie)
    expect(notes(later)).to_contain_text(["db1 is the replica we paused"])


def test_time_of_a_note_opens_the_output_at_that_time(console: Console) -> None:
    page = console.open(console.finish("echo one; echo two"))
    write(page, "look")
    page.get_by_role("button", name=re.compile(r"^\d\d:\d\d:\d\d$")).click()
    expect(page).to_have_url(re.compile(r"#h=web1&L\d+$"))
    expect(page.locator('.run-tabs [data-view="lines"]')).to_have_attribute("aria-pressed", "true")


def test_narrow_screen_counts_what_was_not_read_yet(console: Console) -> None:
    run = console.finish("echo hello")
    narrow = console.open(run, console.charlie, width=390, height=844)
    tab = narrow.locator('.run-tabs [data-view="notes"]')
    wide = console.open(run)
    write(wide, "one")
    expect(tab.locator(".note-count")).to_have_text("1")
    expect(tab.locator(".note-count")).to_have_class(re.compile("is-unread"))
    tab.click()
    expect(notes(narrow)).to_have_count(1)
    expect(tab.locator(".note-count")).not_to_have_class(re.compile("is-unread"))


def test_palette_opens_hosts_filters_and_views_by_keyboard_alone(console: Console) -> None:
    page = console.open(console.finish("exit 3", count=3))
    choose(page, "db1")
    expect(page).to_have_url(re.compile("#h=db1$"))
    choose(page, "grid view")
    expect(page.locator('.run-tabs [data-view="grid"]')).to_have_attribute("aria-pressed", "true")
    choose(page, "only failed")
    expect(page.locator("#filter-count")).to_have_text("3 of 3")
    choose(page, "all hosts again")
    expect(page.locator("#filter-count")).to_have_text("")
    choose(page, "write note")
    expect(field(page)).to_be_focused()
    choose(page, "dark theme")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_palette_tells_screen_readers_what_is_chosen(console: Console) -> None:
    page = console.open(console.finish("echo hello", 2))
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Find a host, a view or an action")
    expect(box).to_be_focused()
    box.fill("web")
    options = palette(page).get_by_role("option")
    expect(options.first).to_contain_text("web1")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", str(options.nth(1).get_attribute("id")))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    box.fill("no such thing")
    expect(palette(page).get_by_role("status")).to_have_text("Nothing is called like this.")
    page.keyboard.press("Escape")
    expect(palette(page)).to_be_hidden()


def test_palette_leads_from_the_history_to_a_run(console: Console) -> None:
    run = console.finish("echo hello")
    page = console.new_page(console.server, console.alice)
    page.goto("/runs/")
    page.get_by_role("button", name="Find or do").click()
    page.keyboard.type(f"#{run}")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/runs/{run}/"))
