"""The grouped view, the differences and the panel beside them, in a real browser."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.browser import NewPage
from tests.support.run_page import StoredRuns
from tests.support.server import ServerProcess

LINES = "".join(f"10:{n % 60:02}:07 Unpacking package-{n} (1.{n}.3) over (1.{n}.2) ...\n" for n in range(170))
GOOD = "\x1b[32m+ update\x1b[0m on {name}\n" + LINES + "Fetched 3 kB in 2s\n 10 %\r100 %\n"
HELD = GOOD.replace("package-99 (1.99.3)", "package-99 (1.99.4)")
BROKEN = "+ update on {name}\n" + "".join(LINES.splitlines(keepends=True)[:60]) + "E: dpkg was interrupted\n"
EVIL = '<img src=x onerror="document.title=1">\x1b]0;owned\x07\x1b[8mhidden\x1b[0m \u202eabc\n'
THOUSAND = [[982, "succeeded", GOOD], [9, "failed", BROKEN], [5, "succeeded", HELD], [4, "unreachable", ""]]
FEW = [[3, "succeeded", "on {name}\nall fine\n"], [1, "failed", "on {name}\nno space left\n"]]


REQUESTS = "() => performance.getEntriesByType('resource').filter((one) => one.name.endsWith('groups.json'))"


@pytest.fixture
def console(live_server_process: ServerProcess, new_page: NewPage) -> StoredRuns:
    return StoredRuns(live_server_process, new_page, "#view=grouped")


def summary(page: Page) -> Locator:
    return page.locator("[data-grouped=summary]")


def groups(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Hosts that printed the same").get_by_role("option")


def title(page: Page) -> Locator:
    return page.locator("[data-group=title]")


def side(page: Page) -> Locator:
    return page.locator("#same-output")


def test_a_thousand_hosts_fold_into_those_that_are_the_same_and_those_that_differ(console: StoredRuns) -> None:
    run = console.add(THOUSAND)
    page = console.open(run, where="")
    begin = time.monotonic()
    page.keyboard.press("g")
    expect(summary(page)).to_have_text("982 identical, 18 differ", timeout=20_000)
    asked = page.evaluate(REQUESTS)
    whole = asked[-1]["responseEnd"] - asked[0]["startTime"]
    print(
        f"\ngrouping 1,000 hosts x {len(GOOD) / 1000:.0f} kB: {whole:.0f} ms from the first request to the whole answer"
        f" ({len(asked)} requests), drawn {1000 * (time.monotonic() - begin):.0f} ms after the key"
    )
    assert whole < 20_000
    expect(groups(page)).to_have_count(4)
    expect(groups(page).nth(0)).to_contain_text("982 hostsidenticalsucceededweb[001-982]")
    expect(groups(page).nth(1)).to_contain_text("9 hostsidenticalfailed · exit 100web[983-991]")
    expect(groups(page).nth(1)).to_contain_text("+ E: dpkg was interrupted")
    expect(groups(page).nth(2)).to_contain_text("4 hostswithout outputunreachableweb[997-1000]")
    expect(side(page)).to_contain_text("982 hosts identical")
    expect(side(page)).to_contain_text("18 hosts differ")


def test_a_group_shows_its_output_once_as_plain_text(console: StoredRuns) -> None:
    page = console.open(console.add([[2, "succeeded", GOOD], [1, "failed", BROKEN]]))
    expect(title(page)).to_have_text("succeeded 2 hosts identical")
    output = page.get_by_label("Output of web001")
    expect(output).to_contain_text(re.compile(r"^\+ update on web001\n10:00:07 Unpacking"))
    expect(output).to_contain_text(re.compile(r"in 2s\n100 %$"))
    page.get_by_role("button", name="Open its lines").click()
    expect(page.locator("#run")).to_have_attribute("data-view", "lines")


def test_groups_are_walked_opened_and_compared_with_the_keyboard_alone(console: StoredRuns) -> None:
    page = console.open(console.add(FEW), where="")
    page.keyboard.press("g")
    expect(groups(page)).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(title(page)).to_have_text("failed · exit 100 1 host on its own")
    page.keyboard.press("d")
    expect(page.locator(".diff-line")).to_have_text(["on <host>", "−all fine", "+no space left"])
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(title(page)).to_have_text("succeeded 3 hosts identical")
    expect(page.locator("[data-tab=diff]")).to_be_hidden()


def test_what_differs_is_marked_by_sign_and_word(console: StoredRuns) -> None:
    page = console.open(console.add([[3, "succeeded", GOOD], [2, "succeeded", HELD]]))
    groups(page).nth(1).click()
    page.locator("[data-tab=diff]").click()
    expect(page.locator(".diff-line.is-removed mark")).to_have_text("3")
    expect(page.locator(".diff-line.is-added mark")).to_have_text("4")
    expect(page.locator(".diff-head")).to_contain_text("the 3")
    expect(page.locator(".diff-head")).to_contain_text("these 2")


def test_hosts_are_grouped_as_they_finish(console: StoredRuns) -> None:
    run = console.add([[2, "succeeded", "fine\n"], [2, "running", "fine\n"]])
    page = console.open(run)
    expect(summary(page)).to_have_text("All 2 identical")
    expect(page.locator("[data-grouped=rest]")).to_have_text("2 still running")
    console.server.ask("change_host_run", run=run, index=2, status="succeeded", exit_status=0)
    expect(summary(page)).to_have_text("All 3 identical")
    console.server.ask("change_host_run", run=run, index=3, status="failed", exit_status=4)
    expect(summary(page)).to_have_text("3 identical, 1 differs")
    expect(page.locator("[data-grouped=rest]")).to_be_hidden()
    expect(title(page)).to_have_text("succeeded 3 hosts identical")


def test_before_anybody_has_finished_the_view_says_what_will_be_here(console: StoredRuns) -> None:
    page = console.open(console.add([[2, "running", "fine\n"]]))
    expect(page.locator("[data-grouped=empty]")).to_contain_text("No host has finished")
    expect(page.locator("[data-grouped=rest]")).to_have_text("2 still running")
    expect(side(page)).to_contain_text("Hosts gather here as they finish")


def test_run_again_names_exactly_the_hosts_of_the_group(console: StoredRuns) -> None:
    run = console.add(THOUSAND[1:])
    page = console.open(run)
    groups(page).nth(1).click()
    expect(title(page)).to_contain_text("unreachable")
    again = page.get_by_role("link", name="Run again on these 4")
    expect(again).to_have_attribute("href", f"/runs/new/?rerun={run}&hosts=14-17")
    expect(side(page).get_by_role("link", name="Run again on these")).to_have_attribute("href", re.compile("hosts="))


def test_the_hosts_of_a_group_are_chosen_together(console: StoredRuns) -> None:
    page = console.open(console.add(FEW))
    expect(page.locator("#run-chosen")).to_be_hidden()
    page.get_by_role("button", name="Choose these").click()
    expect(page.locator("#run-chosen")).to_contain_text("3")


def test_who_may_not_start_runs_is_not_offered_to_run_again(console: StoredRuns) -> None:
    run = console.add(FEW)
    staff = console.server.person("charlie", "consoles.view_all_runs")
    page = console.new_page(console.server, staff)
    page.goto(f"/runs/{run}/#view=grouped")
    expect(groups(page)).to_have_count(2)
    expect(page.locator("[data-group=again]")).to_be_hidden()
    expect(side(page).get_by_role("link")).to_have_count(0)


def test_the_panel_leads_to_the_group_and_its_difference(console: StoredRuns) -> None:
    page = console.open(console.add(FEW), where="")
    side(page).get_by_role("button", name="Diff to the 3").click()
    expect(page.locator("#run")).to_have_attribute("data-view", "grouped")
    expect(title(page)).to_have_text("failed · exit 100 1 host on its own")
    expect(page.locator(".diff-line.is-added")).to_have_text("+no space left")
    side(page).get_by_role("button", name="3 hosts identical").click()
    expect(title(page)).to_have_text("succeeded 3 hosts identical")


def test_a_host_is_compared_with_its_last_good_run(console: StoredRuns) -> None:
    good = console.add([[1, "succeeded", "on {name}\nall fine\n"]])
    run = console.add(FEW)
    page = console.open(run)
    groups(page).nth(1).click()
    page.get_by_role("button", name="1 host", exact=True).click()
    page.get_by_role("button", name="Compare web004 with its last good run").click()
    dialog = page.get_by_role("dialog", name="web004 compared with its last good run")
    expect(dialog).to_contain_text("No earlier run of this command that you may see succeeded on web004.")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    groups(page).nth(0).click()
    page.get_by_role("button", name="3 hosts", exact=True).click()
    page.get_by_role("button", name="Compare web001 with its last good run").click()
    dialog = page.get_by_role("dialog", name="web001 compared with its last good run")
    expect(dialog).to_contain_text("Both printed the same.")
    expect(dialog.get_by_role("link", name=f"run #{good}")).to_have_attribute("href", f"/runs/{good}/#h=web001")


def test_a_member_is_opened_from_the_list_of_a_group(console: StoredRuns) -> None:
    page = console.open(console.add(FEW))
    page.get_by_role("button", name="3 hosts", exact=True).click()
    page.get_by_role("button", name="web002", exact=True).click()
    expect(page.locator("#run")).to_have_attribute("data-view", "focus")
    expect(page).to_have_url(re.compile("#h=web002$"))


def test_an_error_is_told_and_asking_again_helps(console: StoredRuns) -> None:
    run = console.add(FEW)
    page = console.new_page(console.server, console.alice)

    def refuse(route: Route) -> None:
        route.fulfill(status=503, content_type="text/plain", body="no")

    page.route("**/groups.json", refuse)
    page.goto(f"/runs/{run}/#view=grouped")
    problem = page.locator("[data-grouped=problem]")
    expect(problem).to_contain_text("The database does not answer: try again in a moment.")
    page.unroute("**/groups.json", refuse)
    problem.get_by_role("button", name="Try again").click()
    expect(groups(page)).to_have_count(2)
    expect(problem).to_be_empty()
    page.complaints.clear()  # type: ignore[attr-defined]  # the browser reports the refused requests


def test_hostile_output_stays_text(console: StoredRuns) -> None:
    page = console.open(console.add([[2, "succeeded", "fine\n"], [1, "failed", EVIL]]))
    groups(page).nth(1).click()
    expect(page.get_by_label("Output of web003")).to_have_text('<img src=x onerror="document.title=1">hidden abc')
    page.keyboard.press("d")
    expect(page.locator(".diff-line.is-added")).to_have_text('+<img src=x onerror="document.title=1">hidden abc')
    assert page.locator(".grouped img").count() == 0
    assert page.title() != "1"


def test_the_output_of_a_group_has_its_colours(console: StoredRuns) -> None:
    page = console.open(console.add([[2, "succeeded", "checking\n\x1b[1;31mred and\nbold\x1b[0m done\n"]]))
    output = page.get_by_label("Output of web001")
    expect(output).to_have_text("checking red and bold done")
    assert output.evaluate("(element) => element.textContent") == "checking\nred and\nbold done"
    expect(output.locator(".bold")).to_have_text(["red and", "bold"])
    expect(output.locator(".bold").first).to_have_css("color", re.compile(r"rgb\((2\d\d), \d{2,3}, \d{2,3}\)"))
    expect(output.locator(".bold").first).to_have_css("font-weight", "700")


def test_the_filter_of_the_page_leaves_groups_with_matching_hosts(console: StoredRuns) -> None:
    page = console.open(console.add(FEW))
    expect(groups(page)).to_have_count(2)
    page.keyboard.press("/")
    page.keyboard.type("web004")
    expect(groups(page)).to_have_count(1)
    expect(page.locator("[data-grouped=filtered]")).to_have_text("1 of 2 groups pass the filter")


def test_a_single_host_is_offered_its_last_good_run(console: StoredRuns) -> None:
    console.add([[1, "succeeded", "fine\n"]])
    page = console.open(console.add([[1, "failed", "broken\n"]]), where="")
    side(page).get_by_role("button", name="Compare with its last good run").click()
    expect(page.get_by_role("dialog").locator(".diff-line")).to_have_text(["−fine", "+broken"])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_on_a_phone_list_and_group_are_two_screens(console: StoredRuns, dark: bool) -> None:
    page = console.open(console.add(FEW), width=390, height=844, dark=dark)
    expect(title(page)).to_be_hidden()
    groups(page).nth(1).click()
    expect(title(page)).to_be_visible()
    expect(groups(page).first).to_be_hidden()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Back to the groups").click()
    expect(groups(page)).to_have_count(2)
