"""Searching a run, searching the history, and typing names of servers, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from demo.fleet import Fleet
from tests.support.browser import NewPage, intercept
from tests.support.run_page import StoredRuns
from tests.support.server import ServerProcess
from tests.support.viewing import SocketViewer

FINE = "start\n" + "".join(f"unpacking lib{n}\n" for n in range(30)) + "done on {name}\n"
FULL = 'start\n\x1b[31mdisk\x1b[0m full on <img src=x onerror="document.title=1">\n\u202edisk full again\n'
KINDS = [[3, "succeeded", FINE], [2, "failed", FULL], [1, "unreachable", ""]]


@pytest.fixture
def console(live_server_process: ServerProcess, new_page: NewPage) -> StoredRuns:
    return StoredRuns(live_server_process, new_page, "#view=search")


def text(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Text in the output")


def summary(page: Page) -> Locator:
    return page.locator("[data-search=summary]")


def lines(page: Page) -> Locator:
    return page.locator(".found-line")


def search(page: Page, what: str) -> None:
    text(page).fill(what)
    text(page).press("Enter")


def test_finds_a_line_on_every_host_and_opens_it_by_keyboard(console: StoredRuns) -> None:
    page = console.open(console.add(KINDS), "")
    page.keyboard.press("s")
    expect(text(page)).to_be_focused()
    page.keyboard.type("DISK full")
    page.keyboard.press("Enter")
    expect(summary(page)).to_have_text("4 lines on 2 hosts")
    expect(page.locator(".found-head")).to_have_text(
        ["web004 failed · exit 100 2 lines", "web005 failed · exit 100 2 lines"]
    )
    page.keyboard.press("ArrowDown")
    expect(page.locator(".found-head").first).to_be_focused()
    for key in ("j", "j", "k", "j"):
        page.keyboard.press(key)
    expect(lines(page).nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#run")).to_have_attribute("data-view", "lines")
    assert page.url.endswith("#h=web004&L3")
    page.keyboard.press("s")
    expect(lines(page).nth(1)).to_be_focused()
    expect(summary(page)).to_have_text("4 lines on 2 hosts")
    assert page.url.endswith("#view=search&q=DISK+full")


def test_what_hosts_printed_stays_text(console: StoredRuns) -> None:
    page = console.open(console.add(KINDS), "#view=search&q=disk")
    expect(lines(page)).to_have_count(4)
    expect(lines(page).first).to_contain_text('disk full on <img src=x onerror="document.title=1">')
    assert page.locator(".found-text img").count() == 0
    assert page.locator(".found-text mark").all_inner_texts() == ["disk"] * 4
    assert "\u202e" not in page.locator("[data-search=results]").inner_text()
    assert page.title() != "1"


def test_a_search_travels_in_the_address(console: StoredRuns) -> None:
    run = console.add(KINDS)
    page = console.open(run, "#view=search&q=%5Edone+on&regex=1&case=1")
    expect(summary(page)).to_have_text("3 lines on 3 hosts")
    expect(page.locator("[data-search=regex]")).to_have_attribute("aria-pressed", "true")
    page.locator("[data-search=regex]").click()
    expect(page.get_by_text("No host printed this")).to_be_visible()
    assert page.url.endswith("#view=search&q=%5Edone+on&case=1")
    page.goto(f"/runs/{run}/#view=search&q=lib29")
    expect(summary(page)).to_have_text("3 lines on 3 hosts")


def test_shows_a_few_lines_of_each_host_and_the_rest_on_request(console: StoredRuns) -> None:
    page = console.open(console.add(KINDS), "#view=search&q=unpacking")
    expect(summary(page)).to_have_text("90 lines on 3 hosts")
    expect(lines(page)).to_have_count(9)
    page.get_by_role("button", name="17 more lines").first.click()
    expect(lines(page)).to_have_count(26)
    expect(lines(page).nth(3)).to_be_focused()
    expect(page.get_by_text("10 more in this host")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(lines(page)).to_have_count(6)
    expect(page.locator(".found-head").first).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    expect(lines(page)).to_have_count(9)


def test_hosts_that_printed_it_can_be_chosen_or_shown_alone(console: StoredRuns) -> None:
    page = console.open(console.add(KINDS), "#view=search&q=disk")
    expect(summary(page)).to_have_text("4 lines on 2 hosts")
    page.get_by_role("button", name="Choose the other 4").click()
    expect(page.locator("#run-chosen")).to_contain_text("4")
    page.get_by_role("button", name="Choose these 2").click()
    expect(page.locator("#run-chosen")).to_contain_text("2")
    page.get_by_role("button", name="Show only these 2").click()
    expect(page.locator("#run")).to_have_attribute("data-view", "grid")
    expect(page.locator("#filter-count")).to_have_text("2 of 6")
    page.keyboard.press("s")
    expect(page.locator("[data-search=searched]")).to_have_text("2 hosts that pass the filter searched")
    page.locator("[data-search=results]").click()
    page.keyboard.press("Escape")
    expect(page.locator("[data-search=searched]")).to_have_text("6 hosts searched")


def test_says_what_is_wrong_with_an_expression(console: StoredRuns) -> None:
    page = console.open(console.add(KINDS))
    page.locator("[data-search=regex]").click()
    search(page, "disk(")
    expect(page.get_by_role("alert").filter(has_text="missing ) in “disk(”")).to_be_visible()
    search(page, "disk( full)?$|again")
    expect(summary(page)).to_have_text("2 lines on 2 hosts")
    expect(page.locator("[data-search=error]")).to_be_hidden()
    assert page.complaints.pop().startswith("Failed to load resource")  # type: ignore[attr-defined]


def test_can_be_stopped_and_goes_on(console: StoredRuns) -> None:
    run = console.add(KINDS)
    page = console.open(run)
    waiting: list[Route] = []
    answered = [False]

    def hold(route: Route) -> None:
        if "after=" not in route.request.url:
            answer = {"hosts": [], "searched": 1, "of": 6, "next": f"{run}.1.0.1.0.0"}
            route.fulfill(json=answer)
        elif not answered[0]:
            waiting.append(route)
        else:
            route.continue_()

    intercept(page, "**/search.json*", hold)
    search(page, "disk")
    expect(page.locator("[data-search=searched]")).to_have_text("searched 1 of 6 hosts")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("[data-search=searched]")).to_have_text("stopped: searched 1 of 6 hosts")
    answered[0] = True
    page.get_by_role("button", name="Go on").click()
    expect(summary(page)).to_have_text("4 lines on 2 hosts")


def test_says_that_hosts_have_printed_more_since(
    live_server_process: ServerProcess, fleet: Fleet, new_page: NewPage, tmp_path: Path
) -> None:
    console = StoredRuns(live_server_process, new_page, "#view=search")
    names = live_server_process.add_fleet(fleet, 1, ["web1"])
    with SocketViewer(live_server_process, console.alice, "/ws/runs/new/") as viewer:
        run = viewer.start(names, f"echo line one; until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo line two")
    page = console.open(run, "#h=web1")
    expect(page.locator(".xterm-rows")).to_contain_text("line one")
    page.keyboard.press("s")
    search(page, "line")
    expect(summary(page)).to_have_text("1 line on 1 host")
    (tmp_path / "go").touch()
    expect(page.get_by_text("1 host has printed more since.")).to_be_visible()
    page.get_by_role("button", name="Search again").click()
    expect(summary(page)).to_have_text("2 lines on 1 host")


def test_fits_a_phone(console: StoredRuns) -> None:
    page = console.open(console.add(KINDS), "#view=search&q=disk", width=390, height=844, dark=True)
    expect(lines(page)).to_have_count(4)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    lines(page).first.click()
    expect(page.locator("#run")).to_have_attribute("data-view", "lines")


def test_the_history_tells_which_hosts_ever_printed_it(console: StoredRuns) -> None:
    for _ in range(4):
        run = console.add(KINDS)
    page = console.new_page(console.server, console.alice)
    page.goto("/runs/")
    page.get_by_role("searchbox", name="Which hosts ever printed").fill("disk full on")
    page.keyboard.press("Enter")
    expect(page.locator("[data-ever=summary]")).to_have_text("2 hosts in 4 runs")
    expect(page.locator("[data-ever=searched]")).to_have_text("4 runs searched")
    expect(page.locator(".ever-name")).to_have_text(["web004", "web005"])
    page.locator(".ever-more summary").first.click()
    expect(page.locator(".ever-host").first.locator(".found-line:visible")).to_have_count(4)
    expect(page.get_by_role("link", name="New run on these 2")).to_have_attribute(
        "href", "/runs/new/?servers=web004+web005"
    )
    assert page.locator(".found-text img").count() == 0
    lines(page).first.click()
    expect(page.locator("#run")).to_have_attribute("data-view", "lines")
    assert page.url.endswith(f"/runs/{run}/#h=web004&L2")


def test_the_history_search_goes_on_by_itself(console: StoredRuns) -> None:
    runs = [console.add([[1, "succeeded", f"needle {n}\n"]]) for n in range(3)]
    page = console.new_page(console.server, console.alice)

    def begin(route: Route) -> None:
        """The page as a server sends it that has had no time yet."""
        answer = route.fetch()
        nothing = f'{{"hosts": [], "runs": {{}}, "searched": 0, "of": 3, "next": "{runs[-1]}.0.0.1.0.0"}}'
        body = re.sub(r'(<script id="ever-data"[^>]*>).*?(</script>)', rf"\1{nothing}\2", answer.text())
        route.fulfill(response=answer, body=body)

    page.route("**/search/?q=needle", begin)
    page.goto("/search/?q=needle")
    expect(page.locator("[data-ever=summary]")).to_have_text("1 host in 3 runs")
    expect(page.locator("[data-ever=further]")).to_have_count(0)


def test_names_are_understood_as_people_type_them(
    live_server_process: ServerProcess, fleet: Fleet, new_page: NewPage
) -> None:
    live_server_process.add_fleet(fleet, 4, ["web1", "web2", "web3", "db1"])
    page = new_page(live_server_process, live_server_process.alice())
    page.goto("/runs/new/")
    names = page.get_by_label("Names")
    names.fill("WEB[1-2], DB1 wbe3 web[9-9999999]")
    names.blur()
    expect(page.locator("[data-picked-count]")).to_have_text("3 of 4 picked")
    expect(names).to_have_value("wbe3\nweb[9-9999999]")
    expect(page.locator("#names-errors")).to_contain_text("named wbe3 that you can pick: did you mean web3?")
    expect(page.locator("#names-errors")).to_contain_text("web[9-9999999] means 9,999,991 names")
    names.fill("web3")
    names.blur()
    expect(page.locator("[data-picked-count]")).to_have_text("4 of 4 picked")
    expect(names).to_have_value("")
