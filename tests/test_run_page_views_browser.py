"""What the views of the run page have in common: the keyboard between filter and hosts, the tabs, the words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import NewPage, intercept
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
    intercept(page, "**/search.json*", lambda route: route.abort())
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


#: Names of the scripts that the page asked for before the first request for lines, and of all.
SCRIPTS = """
() => {
  const entries = performance.getEntriesByType("resource");
  const asked = entries.find(({ name }) => name.includes("/lines?")).startTime;
  const scripts = entries.filter(({ name }) => /\\.m?js/.test(name));
  const named = (some) => some.map(({ name }) => name.replace(/.*[/](.*)[.]m?js.*/, "$1"));
  return [named(scripts.filter(({ startTime }) => startTime < asked)), named(scripts)];
}
"""


def test_fetches_first_what_the_addressed_view_needs(console: Console) -> None:
    page = console.new_page(console.server, console.alice)
    log = console.server.ask("add_log", user="alice", text="first\n")
    page.goto(f"/runs/{log}/#view=lines")
    expect(page.locator("[data-bar=connection]")).to_have_attribute("data-kind", "live")
    first, all_of_them = page.evaluate(SCRIPTS)
    assert {"run_page", "lines_view", "line_log"} <= set(first)
    assert not {"xterm", "focus_view", "grid_view", "grouped_view", "merged_view", "search_view"} & set(first)
    assert {"xterm", "focus_view", "grid_view", "grouped_view", "merged_view", "search_view"} <= set(all_of_them)
    assert len(all_of_them) == len(set(all_of_them))


def test_a_view_that_is_asked_for_before_it_is_there_is_shown_when_it_comes(console: Console) -> None:
    page = console.new_page(console.server, console.alice)
    held: list[Any] = []
    page.route("**/grouped_view.js*", lambda route: held.append(route))
    page.goto(f"/runs/{console.run}/#view=grid")
    expect(page.locator(".tile")).to_have_count(14)
    page.keyboard.press("g")
    expect(page.locator("#run")).to_have_attribute("data-view", "grouped")
    page.keyboard.press("v")
    page.keyboard.press("g")
    expect(page.locator("#run")).to_have_attribute("data-view", "grouped")
    held[0].continue_()
    expect(page.locator("[data-view-name=grouped]")).to_contain_text("12")
    expect(page.locator("[data-bar=connection]")).to_have_attribute("data-kind", "live")


def test_says_what_to_do_when_a_part_of_the_page_cannot_be_loaded(console: Console) -> None:
    page = console.new_page(console.server, console.alice)
    page.route("**/merged_view.js*", lambda route: route.abort())
    page.goto(f"/runs/{console.run}/#view=grid")
    expect(page.locator("#error-notice")).to_contain_text("A part of this page could not be loaded: reload the page.")
    expect(page.locator(".tile")).to_have_count(14)
    page.complaints.clear()  # type: ignore[attr-defined]
