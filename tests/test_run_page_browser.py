"""The run page in a real browser, with a real server and real hosts behind it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from demo.fleet import Fleet
from tests.support.browser import NewPage
from tests.support.run_page import HostRuns
from tests.support.server import ServerProcess

#: For :func:`cut_socket`.
REMEMBER_SOCKETS = """
(() => {
  const Real = window.WebSocket;
  window.sockets = [];
  window.WebSocket = class extends Real {
    constructor(...details) { super(...details); window.sockets.push(this); }
  };
})()
"""
NEXT_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
ROWS = "() => [...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent.trim())"

HOSTILE = r"""
printf '\033]0;owned\007\033]2;owned\007\033]52;c;b3duZWQ=\007\033]11;#ffffff\007\033[8mconcealed\033[0m\n'
printf '\033[?1049h\033[?1000hon the other screen\n\033[3J\033cafter a reset\n'
printf '<img src=x onerror="document.title=1">\377\376\000 end\n'
printf '\033]8;;javascript:document.title=1\007bad-link\033]8;;\007 \033]8;;https://example.org/\007good-link\033]8;;\007\n'
"""

#: What keeps an unguarded terminal busy for minutes: huge counts, floods of large ones, stacked marks, an endless link.
BUSY = r"""
for final in b L M T S I Z @ P X; do printf 'x\033[2147483647%s\n' $final; done
flood() { awk -v final="$1" 'BEGIN { for (i = 0; i < 10000; i++) printf "x\033[9999%s", final; print "" }'; }
for final in b L M T S I Z @ P X; do flood $final; done
awk 'BEGIN { printf "a"; for (i = 0; i < 100000; i++) printf "\314\201"; print "" }'
awk 'BEGIN { printf "\033]8;;https://example.org/\007link"; for (i = 0; i < 50000; i++) print "linked" }'
printf '\033]8;;\007\033[?1049;25h\033[?1003;7h\033[?3Jstill here\n'
"""
#: Programs that draw over what they drew: carriage returns, cursor up, erased lines, colours.
PROGRESS = r"""
printf '10 %%\r 55 %%\r100 %%\n'
printf 'web: waiting\ndb: waiting\n'
printf '\033[2A\033[2K\033[32mweb: done\033[0m\n\033[2Kdb: done\n'
"""
#: How long the page took to answer at worst, measured with messages to itself; clicks wait just as long.
WATCH_ANSWERS = """
(() => {
  const { port1, port2 } = new MessageChannel();
  let last = performance.now();
  window.longestWait = 0;
  port1.onmessage = () => {
    window.longestWait = Math.max(window.longestWait, performance.now() - last);
    last = performance.now();
    setTimeout(() => port2.postMessage(0));
  };
  port2.postMessage(0);
})()
"""


class Console(HostRuns):
    """Four hosts, and somebody who watches runs on them."""

    def open(self, run: int, host: str = "", **options: Any) -> Page:
        return self.show(run, f"#h={host}" if host else "", **options)


@pytest.fixture
def console(live_server_process: ServerProcess, fleet: Fleet, new_page: NewPage) -> Console:
    return Console(live_server_process, fleet, new_page, ["web1", "web2", "web3", "web4"])


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("option").filter(has_text=name)


def expect_status(page: Page, status: str) -> None:
    expect(page.locator("[data-run=badge]")).to_have_text(status, timeout=30_000)


def cut_socket(page: Page) -> None:
    """Cut the socket of a page with REMEMBER_SOCKETS as a network does: the page only learns that it closed."""
    page.evaluate("() => window.sockets.at(-1).close(4000)")


def all_lines(page: Page) -> list[str]:
    """Every line in the terminal, read from top to bottom a screen at a time."""
    page.keyboard.press("F6")
    page.keyboard.press("Home")
    lines: list[str] = []
    for _ in range(500):
        page.evaluate(NEXT_FRAME)
        shown = [text for text in page.evaluate(ROWS) if text]
        overlap = next(n for n in range(min(len(shown), len(lines)), -1, -1) if lines[len(lines) - n :] == shown[:n])
        if overlap == len(shown):
            return lines
        lines += shown[overlap:]
        page.keyboard.press("PageDown")
    raise AssertionError("The terminal has no end.")


def test_shows_every_line_once_though_the_socket_is_cut_again_and_again(console: Console, tmp_path: Path) -> None:
    run = console.start(
        f"for i in 1 2 3 4 5 6; do seq $((i*200-199)) $((i*200)); until [ -e {tmp_path}/$i ]; do sleep 0.05; done; done"
    )
    page = console.open(run, script=REMEMBER_SOCKETS)
    for part in range(1, 7):
        expect(page.locator(".xterm-rows")).to_contain_text(str(part * 200))
        cut_socket(page)
        (tmp_path / str(part)).touch()
        # Pressed where it stands: on a slow machine the page has connected again before a pointer gets there.
        page.locator("[data-bar=retry]").dispatch_event("click")
    expect_status(page, "succeeded")
    expect(page.locator("[data-pane=foot]")).to_contain_text("all stored")
    assert all_lines(page) == [str(number) for number in range(1, 1201)]


def test_says_that_the_computer_has_no_network_and_catches_up_after_it(console: Console, tmp_path: Path) -> None:
    run = console.start(f"echo first; until [ -e {tmp_path}/go ]; do sleep 0.05; done; seq 2 500; echo last")
    page = console.open(run)
    expect(page.locator(".xterm-rows")).to_contain_text("first")
    page.context.set_offline(True)
    expect(page.locator("#connection-notice")).to_contain_text("This computer has no network.")
    expect(page.locator("[data-bar=connection]")).to_have_attribute("data-kind", "offline")
    (tmp_path / "go").touch()
    page.context.set_offline(False)
    expect(page.locator("[data-bar=connection]")).to_have_attribute("data-kind", "live", timeout=20_000)
    expect_status(page, "succeeded")
    expect(page.locator(".xterm-rows")).to_contain_text("last")
    assert all_lines(page) == ["first", *map(str, range(2, 501)), "last"]
    page.complaints.clear()  # type: ignore[attr-defined]  # the browser complains about the network, rightly


@pytest.mark.waits
def test_says_that_a_server_keeps_silent_and_shows_everything_when_it_goes_on(console: Console, tmp_path: Path) -> None:
    run = console.start(f"echo first; until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo last")
    page = console.open(run)
    expect(page.locator(".xterm-rows")).to_contain_text("first")
    os.kill(console.server.pid, signal.SIGSTOP)
    try:
        expect(page.locator("[data-bar=connection-text]")).to_contain_text("no answer for", timeout=30_000)
        expect(page.locator("#connection-notice")).to_contain_text("The console does not answer.")
    finally:
        os.kill(console.server.pid, signal.SIGCONT)
    (tmp_path / "go").touch()
    expect(page.locator(".xterm-rows")).to_contain_text("last")
    expect(page.locator("[data-bar=connection]")).to_have_attribute("data-kind", "live")
    assert all_lines(page) == ["first", "last"]


def test_second_tab_opened_later_sees_everything_since_the_start(console: Console, tmp_path: Path) -> None:
    run = console.start(f"echo first; until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo last")
    first = console.open(run)
    expect(first.locator(".xterm-rows")).to_contain_text("first")
    second = console.open(run)
    (tmp_path / "go").touch()
    for page in (first, second):
        expect(page.locator(".xterm-rows")).to_contain_text("last")
        assert all_lines(page) == ["first", "last"]


def test_lists_failures_first_and_filters_by_counter_and_text(console: Console) -> None:
    run = console.start("case $SSH_CONNECTION in *.3\\ *) echo broken; exit 7;; *) echo fine;; esac", 4)
    page = console.open(run)
    expect_status(page, "failed")
    expect(page.get_by_role("option").first).to_contain_text("failed · exit 7")
    page.get_by_role("button", name="3 succeeded").click()
    expect(page.locator("#hosts > :not([hidden])")).to_have_count(3)
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("broken")
    expect(page.locator("#hosts > :not([hidden])")).to_have_count(1)
    page.keyboard.type(" not")
    expect(page.locator("#no-hosts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#hosts > :not([hidden])")).to_have_count(4)
    expect(page.get_by_role("link", name="Run again on web3")).to_be_visible()


def test_opens_hosts_by_keyboard_and_shares_their_address(console: Console) -> None:
    # Opened when it is over: which host is shown first depends on who was ahead until then.
    run = console.finish("echo I am ${SSH_CONNECTION#* * }", 4)
    page = console.open(run)
    for key in ("j", "j", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("[data-pane=name]")).to_have_text("web3")
    assert page.url.endswith("#h=web3")
    colleague = console.open(run, "web3")
    expect(colleague.locator("[data-pane=name]")).to_have_text("web3")
    page.keyboard.press("F6")
    expect(page.locator(".xterm textarea")).to_be_focused()
    page.keyboard.press("F6")
    expect(page.locator("#hosts")).to_be_focused()


def test_cancels_one_host_and_then_the_rest(console: Console) -> None:
    page = console.open(console.start("echo started; sleep 600", 3), "web2")
    expect(page.locator(".xterm-rows")).to_contain_text("started")
    page.get_by_role("button", name="Cancel host").click()
    page.get_by_role("button", name="Cancel web2").click()
    expect(row(page, "web2")).to_contain_text("canceled")
    expect(row(page, "web1")).to_contain_text("running")
    page.locator("[data-run=cancel]").click()
    page.get_by_role("button", name="Cancel the run").click()
    expect_status(page, "canceled")


def test_hostile_output_changes_neither_page_nor_terminal(console: Console) -> None:
    run = console.start(HOSTILE, title="Hostile")
    page = console.open(run)
    expect(page.locator("[data-pane=foot]")).to_contain_text("all stored")
    page.evaluate(NEXT_FRAME)
    text = "\n".join(page.evaluate(ROWS)).replace("\N{NO-BREAK SPACE}", " ")
    for kept in (
        "on the other screen",
        "after a reset",
        '<img src=x onerror="document.title=1">',
        "bad-link good-link",
        "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} end",
    ):
        assert kept in text
    # Where it ended while somebody watched, its end stands in the title.
    assert page.title() in (f"Hostile #{run} · Ops Console", "✓ Hostile · Ops Console")
    assert page.locator(".xterm-rows img").count() == 0
    place = page.locator(".xterm-rows > div", has_text="bad-link").bounding_box()
    assert place
    y = place["y"] + place["height"] / 2
    for x, opens in ((20, False), (100, True)):
        page.mouse.move(place["x"] + x, y - 40)
        page.mouse.move(place["x"] + x, y, steps=4)
        page.evaluate(NEXT_FRAME)
        page.mouse.click(place["x"] + x, y)
        assert page.locator("#link-dialog").evaluate("(dialog) => dialog.open") is opens
    expect(page.locator(".link-address")).to_have_text("https://example.org/")


def test_answers_clicks_while_hostile_output_is_drawn(console: Console, tmp_path: Path) -> None:
    wait = f"until [ -e {tmp_path}/go ]; do sleep 0.05; done"
    page = console.open(console.start(f"{wait}{BUSY}sleep 600"))
    page.evaluate(WATCH_ANSWERS)
    (tmp_path / "go").touch()
    for _ in range(3):
        page.get_by_role("button", name="? keys").click(timeout=30_000)
        expect(page.locator("dialog[open]")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator(".xterm-rows")).to_contain_text("still here", timeout=60_000)
    # Minutes without the limits; other tests run beside this one.
    longest = page.evaluate("() => window.longestWait")
    print(f"longest wait {longest:.0f} ms")
    assert longest < 30_000


def test_draws_progress_where_the_program_drew_it(console: Console) -> None:
    page = console.open(console.start(PROGRESS))
    expect(page.locator("[data-pane=foot]")).to_contain_text("all stored")
    page.evaluate(NEXT_FRAME)
    assert all_lines(page) == ["100 %", "web: done", "db: done"]
    assert page.locator(".xterm-rows .xterm-fg-2").all_inner_texts() != []


def test_follows_the_end_until_somebody_scrolls_up(console: Console, tmp_path: Path) -> None:
    wait = f"until [ -e {tmp_path}/go ]; do sleep 0.05; done"
    page = console.open(console.start(f"seq 300; {wait}; seq 301 340; sleep 600"))
    expect(page.locator(".xterm-rows")).to_contain_text("300")
    page.locator(".pane-screen").hover()
    page.mouse.wheel(0, -400)
    jump = page.get_by_role("button", name="Jump to latest")
    expect(jump).to_be_visible()
    (tmp_path / "go").touch()
    expect(jump).to_contain_text("40 new lines")
    jump.click()
    expect(page.locator(".xterm-rows")).to_contain_text("340")
    expect(jump).to_be_hidden()


def test_large_finished_log_opens_at_its_end_and_loads_the_rest_on_request(console: Console) -> None:
    page = console.open(console.finish("seq 300000"))
    expect(page.locator(".xterm-rows")).to_contain_text("300000")
    expect(page.locator("[data-pane=earlier]")).to_contain_text("bytes before this are stored and not shown here")
    page.get_by_role("button", name="Load up to 50,000 lines").click()
    expect(page.locator("[data-pane=earlier]")).to_contain_text(
        "This view keeps the newest 50,000 lines", timeout=30_000
    )
    expect(page.locator("[data-bar=bytes]")).to_have_text("1,988,895 of 1,988,895 bytes", timeout=30_000)


def test_says_when_the_login_has_ended_and_does_not_try_again(console: Console) -> None:
    run = console.start("sleep 600")
    page = console.open(run, script=REMEMBER_SOCKETS)
    page.context.clear_cookies()
    cut_socket(page)
    # It tries once more by itself.
    expect(page.locator("[data-bar=connection-text]")).to_have_text("login needed")
    assert page.get_by_role("link", name="Log in again").get_attribute("href") == f"/login/?next=%2Fruns%2F{run}%2F"


def test_fits_a_phone_with_list_and_output_as_two_screens(console: Console) -> None:
    page = console.open(console.start("echo hello", 2), width=390, height=844, dark=True)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    expect(page.locator("#pane")).to_be_hidden()
    row(page, "web2").click()
    expect(page.locator(".xterm-rows")).to_contain_text("hello")
    expect(page.locator("#hosts")).to_be_hidden()
    page.get_by_role("button", name="Hosts", exact=True).click()
    expect(page.locator("#hosts")).to_be_visible()


def test_shows_hosts_and_downloads_without_scripts(console: Console) -> None:
    run = console.finish("echo hello", 2)
    page = console.new_page(console.server, console.alice, java_script_enabled=False)
    page.goto(f"/runs/{run}/")
    expect(page.get_by_text("succeeded", exact=True).first).to_be_visible()
    assert page.get_by_role("link", name="Download output").count() == 2
    expect(page.locator("#pane")).to_be_hidden()
