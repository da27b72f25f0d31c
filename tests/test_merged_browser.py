"""The merged view in a real browser: several hosts in one stream, newest at the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from demo.fleet import Fleet
from tests.support.browser import NewPage
from tests.support.run_page import RunPages, expect_over
from tests.support.server import SharedConsole

HOSTILE = r"""
printf '\033]0;owned\007\033]52;c;b3duZWQ=\007<img src=x onerror="document.title=1">\n'
printf '\033[31mred\033[0m \033[8mconcealed\033[0m \342\200\256reversed\n'
printf '\033]8;;javascript:document.title=1\007link\033]8;;\007 \377\376 \001end\n'
"""


@pytest.fixture
def pages(console: SharedConsole, fleet: Fleet, new_page: NewPage) -> RunPages:
    return RunPages(console.server, fleet, new_page, 3)


def lines(page: Page) -> Locator:
    return page.locator(".merged-line")


def shown(page: Page) -> list[tuple[str, str]]:
    """Every line as (host, text)."""
    hosts, texts = (page.locator(f".merged-{part}").all_text_contents() for part in ("host", "text"))
    return list(zip(hosts, texts, strict=True))


def asking(page: Page) -> list[str]:
    """Addresses of merged output that the page asks for from now on."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if "merged.json" in request.url:
            asked.append(request.url)

    page.on("request", note)
    return asked


def test_shows_lines_of_all_hosts_live_in_order_of_arrival(pages: RunPages, tmp_path: Path) -> None:
    turns = "\n".join(
        f"case $3 in *.{host + 1}) until [ -e {tmp_path}/{turn} ]; do sleep 0.05; done; echo turn {turn};; esac"
        for turn, host in enumerate((2, 0, 1, 0))
    )
    page, _ = pages.open(pages.start(f"set -- $SSH_CONNECTION\n{turns}", 3), "view=merged")
    for turn, host in enumerate(("web3", "web1", "web2", "web1")):
        (tmp_path / str(turn)).touch()
        expect(lines(page).last).to_contain_text(f"{host}turn {turn}")
    expect_over(page)
    assert shown(page) == [("web3", "turn 0"), ("web1", "turn 1"), ("web2", "turn 2"), ("web1", "turn 3")]


def test_a_finished_run_shows_the_same(pages: RunPages) -> None:
    page, _ = pages.open(pages.finish("echo one; echo two >&2; printf three", 2), "view=merged")
    expect(lines(page)).to_have_count(6)
    assert sorted(shown(page)) == sorted((host, word) for host in ("web1", "web2") for word in ("one", "two", "three"))
    expect(page.locator("[data-merged=foot]")).to_have_text("6 lines shown · all of these have ended")


def test_shows_only_chosen_hosts_and_asks_for_no_others(pages: RunPages) -> None:
    run = pages.start("echo hello", 3)
    page, _ = pages.open(run)
    expect_over(page)
    asked = asking(page)
    choose(page, "web2")
    page.keyboard.press("m")
    expect(lines(page)).to_have_count(1)
    assert shown(page) == [("web2", "hello")]
    assert all("hosts=1" in address.replace("%2C", ",").split("?")[1].split("&") for address in asked)
    expect(page.locator("[data-merged=what]")).to_have_text("1 chosen host")


def choose(page: Page, host: str) -> None:
    """Choose a host by hand, as Ctrl+click in the list does."""
    page.get_by_role("option").filter(has_text=host).click(modifiers=["Control"])


def test_stops_asking_while_another_view_is_shown(pages: RunPages, tmp_path: Path) -> None:
    run = pages.start(f"echo first; until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo last; sleep 60", 2)
    page, _ = pages.open(run, "view=merged")
    expect(lines(page)).to_have_count(2)
    page.keyboard.press("o")
    asked = asking(page)
    (tmp_path / "go").touch()
    expect(page.locator(".xterm-rows")).to_contain_text("last")
    assert asked == []
    page.keyboard.press("m")
    expect(lines(page)).to_have_count(4)


def test_keeps_the_newest_lines_and_counts_the_others(pages: RunPages) -> None:
    run = pages.start("seq 20000", 2)
    page, _ = pages.open(run)
    expect_over(page)
    page.keyboard.press("m")
    expect(page.locator("[data-merged=missing]")).to_have_text("35,000 lines skipped: older")
    expect(lines(page)).to_have_count(5000)
    expect(lines(page).last).to_contain_text("20000")


def test_pauses_on_scrolling_up_and_counts_what_is_new(pages: RunPages, tmp_path: Path) -> None:
    wait = f"until [ -e {tmp_path}/go ]; do sleep 0.05; done"
    page, _ = pages.open(pages.start(f"seq 200; {wait}; seq 201 240; sleep 60"), "view=merged")
    expect(lines(page)).to_have_count(200)
    page.locator(".merged-lines").hover()
    page.mouse.wheel(0, -400)
    jump = page.locator("[data-merged=jump]")
    expect(jump).to_be_visible()
    expect(page.locator("[data-merged=follow]")).to_have_attribute("aria-pressed", "false")
    (tmp_path / "go").touch()
    expect(jump).to_have_text("40 new lines · jump to latest")
    expect(lines(page)).to_have_count(200)
    jump.click()
    expect(jump).to_be_hidden()
    expect(lines(page)).to_have_count(240)
    expect(lines(page).last).to_be_in_viewport()
    page.keyboard.press("f")
    expect(jump).to_be_visible()


def height_of(element: Locator) -> float:
    box = element.bounding_box()
    assert box
    return box["height"]


def test_turns_times_and_wrapping_on_and_off_and_remembers_it(pages: RunPages) -> None:
    run = pages.start("printf '%0500d\\n' 7", 1)
    page, _ = pages.open(run, "view=merged")
    time, text = page.locator(".merged-line time"), page.locator(".merged-text")
    expect(time).to_be_visible()
    wrapped = height_of(text)
    page.keyboard.press("t")
    expect(time).to_be_hidden()
    page.keyboard.press("w")
    assert height_of(text) < wrapped
    page.reload()
    expect(text).to_be_visible()
    expect(time).to_be_hidden()
    expect(page.locator("[data-merged=wrap]")).to_have_attribute("aria-pressed", "false")


def test_shows_a_question_that_nobody_ended_with_a_line_feed(pages: RunPages) -> None:
    page, _ = pages.open(pages.start("printf 'Continue? [y/n] '; sleep 60"), "view=merged")
    expect(lines(page)).to_have_count(1)
    expect(page.locator(".merged-text")).to_have_text("Continue? [y/n] ")


def test_hostile_output_is_text_and_nothing_else(pages: RunPages) -> None:
    run = pages.start(HOSTILE, title="Hostile")
    page, _ = pages.open(run, "view=merged")
    expect(lines(page)).to_have_count(3)
    texts = [text for _, text in shown(page)]
    assert texts[0] == '<img src=x onerror="document.title=1">'
    assert texts[1].startswith("red concealed ")
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in texts[1]
    assert texts[2] == "link \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} end"
    # Where it ended while somebody watched, its end stands in the title.
    assert page.title() in (f"Hostile #{run} · Ops Console", "✓ Hostile · Ops Console")
    assert page.locator(".merged-lines :is(img, a)").count() == 0


def test_opens_a_host_by_its_name(pages: RunPages) -> None:
    page, _ = pages.open(pages.start("echo hello", 2), "view=merged")
    expect(lines(page)).to_have_count(2)
    page.locator(".merged-host", has_text="web2").click()
    expect(page.locator("[data-pane=name]")).to_have_text("web2")


def test_says_that_nothing_was_printed(pages: RunPages) -> None:
    page, _ = pages.open(pages.start("true", 2), "view=merged")
    expect_over(page)
    expect(page.get_by_text("No host of this run printed anything.")).to_be_visible()


def test_says_that_nothing_was_printed_once_a_run_that_it_shows_has_ended(pages: RunPages, tmp_path: Path) -> None:
    page, _ = pages.open(pages.start(f"until [ -e {tmp_path}/go ]; do sleep 0.05; done", 2), "view=merged")
    expect(page.get_by_text("Nothing printed yet")).to_be_visible()
    expect(page.locator("[data-merged=what]")).to_have_text("No host printed so far")
    (tmp_path / "go").touch()
    expect(page.get_by_text("No host of this run printed anything.")).to_be_visible()
    expect(page.locator("[data-merged=what]")).to_have_text("No host printed")


def test_fits_a_phone(pages: RunPages) -> None:
    page, _ = pages.open(pages.start("printf '%0500d\\n' 7", 2), "view=merged", width=390, height=844)
    expect(lines(page)).to_have_count(2)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    assert page.locator(".merged-lines").evaluate("(list) => list.scrollWidth <= list.clientWidth")
