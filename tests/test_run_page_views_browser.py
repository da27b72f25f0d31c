"""What the views of the run page have in common: the keyboard between filter and hosts, the tabs, the words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import NewPage
from tests.support.run_page import RunViewer
from tests.support.server import ServerProcess

HOSTS = {"failed": 2, "succeeded": 12}


class Console(RunViewer):
    """Alice, and a finished run of hers."""

    def __init__(self, server: ServerProcess, new_page: NewPage) -> None:
        super().__init__(server, new_page)
        self.run = server.ask("add_wide_run", requester="alice", statuses=HOSTS)

    def open(self, view: str, **options: Any) -> Page:
        return self.show(self.run, f"#view={view}", **options)


@pytest.fixture
def console(live_server_process: ServerProcess, new_page: NewPage) -> Console:
    return Console(live_server_process, new_page)


@pytest.mark.parametrize("view", ["grid", "grouped", "merged"])
def test_escape_leads_from_the_filter_back_to_where_letters_are_keys(console: Console, view: str) -> None:
    page = console.open(view)
    page.keyboard.press("/")
    page.keyboard.type("no such host")
    expect(page.locator("#filter-count")).to_have_text("0 of 14")
    page.keyboard.press("Escape")
    expect(page.locator("#filter-count")).to_be_empty()
    expect(page.locator("#host-filter")).not_to_be_focused()
    page.keyboard.press("X")
    expect(page.get_by_role("group", name="Chosen hosts")).to_contain_text("14 chosen")
    expect(page.locator("#host-filter")).to_have_value("")


def test_escape_leaves_a_note_that_is_being_written_and_keeps_it(console: Console) -> None:
    page = console.open("grid")
    page.get_by_label("Note to everyone watching this run").fill("half a th")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    expect(page.locator("#run")).to_have_attribute("data-view", "merged")
    expect(page.get_by_label("Note to everyone watching this run")).to_have_value("half a th")


def test_a_search_that_got_no_answer_is_made_when_the_console_answers_again(console: Console) -> None:
    page = console.open("search")
    page.route("**/search.json*", lambda route: route.abort())
    page.keyboard.type("dpkg")
    page.keyboard.press("Enter")
    expect(page.locator("[data-search=error]")).to_contain_text("does not answer")
    page.unroute("**/search.json*")
    expect(page.locator("[data-search=searched]")).to_have_text("14 hosts searched")
    expect(page.locator("[data-search=error]")).to_be_hidden()
    page.complaints.clear()  # type: ignore[attr-defined]


def test_chosen_hosts_fit_into_the_toolbar_of_a_small_window(console: Console) -> None:
    page = console.open("grid", width=800, height=700)
    page.keyboard.press("X")
    clear = page.get_by_role("group", name="Chosen hosts").get_by_role("button", name="Clear")
    expect(clear).to_be_in_viewport(ratio=1)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_lines_that_were_pointed_at_stay_in_the_address_when_their_view_is_shown_again(console: Console) -> None:
    page = console.open("grid")
    page.goto(f"/runs/{console.run}/#h=web0001&L2-L4")
    expect(page.locator("#run")).to_have_attribute("data-view", "lines")
    page.keyboard.press("v")
    expect(page).to_have_url(re.compile("#view=grid$"))
    page.keyboard.press("l")
    expect(page).to_have_url(re.compile("#h=web0001&L2-L4$"))


def test_arrow_down_leads_from_the_filter_to_the_first_tile(console: Console) -> None:
    page = console.open("grid")
    page.keyboard.press("/")
    page.keyboard.type("web0005")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".tile.is-cursor")).to_contain_text("web0005")
    expect(page.get_by_role("listbox", name="Hosts, failures first")).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_role("option", checked=True)).to_contain_text("web0005")


def test_clearing_the_filter_of_an_empty_grid_gives_it_the_keyboard(console: Console) -> None:
    page = console.open("grid")
    page.locator("#host-filter").fill("no such host")
    page.get_by_role("button", name="Clear the filter").click()
    expect(page.get_by_role("listbox", name="Hosts, failures first")).to_be_focused()


def test_the_shown_view_is_among_the_tabs_in_sight_on_a_phone(console: Console) -> None:
    page = console.open("merged", width=390, height=844)
    expect(page.locator(".run-tabs [data-view=merged]")).to_be_in_viewport(ratio=0.95)
    page.keyboard.press("s")
    expect(page.locator(".run-tabs [data-view=search]")).to_be_in_viewport(ratio=0.95)


def test_a_button_on_a_phone_shows_all_of_its_words(console: Console) -> None:
    page = console.open("grid", width=390, height=844)
    page.locator(".run-tabs [data-view=hosts]").click()
    again = page.get_by_role("link", name="Run again on the 2 that did not succeed")
    expect(again).to_be_in_viewport(ratio=1)
    assert again.evaluate("(element) => element.scrollWidth <= element.clientWidth")


def test_a_finished_run_is_not_spoken_of_as_if_it_went_on(console: Console) -> None:
    page = console.open("merged")
    expect(page.locator("[data-view-name=merged]")).to_contain_text("No host printed")
    expect(page.locator("[data-view-name=merged]")).not_to_contain_text("so far")
