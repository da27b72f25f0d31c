"""The focus view in a real browser: up to four hosts side by side, finding, copying, and how it is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from demo.fleet import Fleet
from tests.support.browser import NewPage
from tests.support.run_page import Frames, RunPages
from tests.support.server import SharedConsole

#: WebGL as if a graphics card drew it; tells how many contexts are alive.
WITH_GRAPHICS = """
(() => {
  const getContext = HTMLCanvasElement.prototype.getContext;
  const getParameter = WebGL2RenderingContext.prototype.getParameter;
  const made = new Set();
  window.mostContexts = 0;
  window.contexts = () => [...made].filter((context) => !context.isContextLost());
  HTMLCanvasElement.prototype.getContext = function (kind, options) {
    const context = getContext.call(this, kind, options);
    if (kind === "webgl2" && context) {
      made.add(context);
      window.mostContexts = Math.max(window.mostContexts, window.contexts().length);
    }
    return context;
  };
  WebGL2RenderingContext.prototype.getParameter = function (name) {
    return name === 0x9246 ? "A graphics card" : getParameter.call(this, name);
  };
})()
"""
WITHOUT_GRAPHICS = """
(() => {
  const getContext = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, options) {
    return kind === "webgl2" ? null : getContext.call(this, kind, options);
  };
})()
"""
#: What a paste would give, wherever the page is from.
REMEMBER_COPIES = """
(() => {
  const setData = DataTransfer.prototype.setData;
  DataTransfer.prototype.setData = function (kind, text) {
    window.copied = text;
    return setData.call(this, kind, text);
  };
})()
"""


@pytest.fixture
def pages(console: SharedConsole, fleet: Fleet, new_page: NewPage) -> RunPages:
    return RunPages(console.server, fleet, new_page, 6)


def panes(page: Page) -> Locator:
    return page.locator(".pane:visible")


def pane_of(page: Page, host: str) -> Locator:
    return page.get_by_role("region", name=f"Output of {host}", exact=True)


def open_beside(page: Page, host: str) -> None:
    """Pin what is shown and open ``host``."""
    page.keyboard.press("p")
    page.get_by_role("option").filter(has_text=host).click()


def open_four(page: Page) -> None:
    for host in ("web2", "web3", "web4"):
        open_beside(page, host)
    expect(panes(page)).to_have_count(4)


def test_pins_four_hosts_side_by_side_and_only_these_send_bytes(pages: RunPages, tmp_path: Path) -> None:
    page, frames = pages.open(
        pages.start(f"echo first; until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo last; sleep 60", 6), "h=web1"
    )
    open_four(page)
    (tmp_path / "go").touch()
    for host in ("web1", "web2", "web3", "web4"):
        expect(pane_of(page, host).locator(".xterm-rows")).to_contain_text("last")
    for host in ("web5", "web6"):
        expect(page.get_by_role("option").filter(has_text=host)).to_contain_text("last")
    assert frames.output == dict.fromkeys(range(4), len("first\nlast\n"))
    assert frames.subscribed() == {0, 1, 2, 3}
    boxes = [box for box in (pane.bounding_box() for pane in panes(page).all()) if box]
    assert len({round(box["x"]) for box in boxes}) == 2
    assert len({round(box["y"]) for box in boxes}) == 2


NEXT_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def wait_until_heard(page: Page, frames: Frames) -> None:
    """Until the server has dealt with all that the page said so far: frames are answered in order."""
    page.locator("#together textarea").fill("heard")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    for _ in range(2000):
        if any('"notes"' in text and "heard" in text for text in frames.told):
            return
        page.evaluate(NEXT_FRAME)
    raise AssertionError("The server did not answer.")


def test_another_view_costs_no_bytes_and_coming_back_goes_on(pages: RunPages, tmp_path: Path) -> None:
    page, frames = pages.open(
        pages.start(f"echo first; until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo last; sleep 60", 6), "h=web1"
    )
    open_four(page)
    page.keyboard.press("m")
    expect(page.locator(".xterm")).to_have_count(0)
    assert frames.subscribed() == set()
    wait_until_heard(page, frames)
    before = dict(frames.output)
    (tmp_path / "go").touch()
    expect(page.get_by_role("option").filter(has_text="web1")).to_contain_text("last")
    assert frames.output == before
    page.keyboard.press("o")
    for host in ("web1", "web2", "web3", "web4"):
        expect(pane_of(page, host).locator(".xterm-rows")).to_contain_text("last")
    assert frames.subscribed() == {0, 1, 2, 3}


def test_opening_replaces_what_is_not_pinned_and_closing_stops_the_bytes(pages: RunPages) -> None:
    page, frames = pages.open(pages.start("echo hello; sleep 60", 6), "h=web1")
    open_beside(page, "web2")
    page.get_by_role("option").filter(has_text="web3").click()
    expect(panes(page)).to_have_count(2)
    expect(pane_of(page, "web1")).to_be_visible()
    expect(pane_of(page, "web3").locator(".xterm-rows")).to_contain_text("hello")
    assert frames.subscribed() == {0, 2}
    pane_of(page, "web3").get_by_role("button", name="Close this pane").click()
    expect(panes(page)).to_have_count(1)
    expect(page.get_by_role("option", selected=True)).to_contain_text("web1")
    assert page.url.endswith("#h=web1")
    assert frames.subscribed() == {0}
    expect(pane_of(page, "web1").get_by_role("button", name="Close this pane")).to_be_hidden()


def test_one_pane_has_the_focus_by_click_and_by_key_and_the_address_follows(pages: RunPages) -> None:
    page, _ = pages.open(pages.start("echo hello", 6), "h=web1")
    open_beside(page, "web2")
    focused = page.locator(".pane.is-focused")
    expect(focused).to_have_attribute("aria-label", "Output of web2")
    pane_of(page, "web1").locator(".pane-screen").click()
    expect(focused).to_have_attribute("aria-label", "Output of web1")
    assert page.url.endswith("#h=web1")
    page.keyboard.press("]")
    expect(focused).to_have_attribute("aria-label", "Output of web2")
    expect(pane_of(page, "web2").locator(".xterm textarea")).to_be_focused()
    page.keyboard.press("c")
    expect(panes(page)).to_have_count(1)


def test_cancels_the_host_of_the_pane_whose_button_was_pressed(pages: RunPages) -> None:
    page, _ = pages.open(pages.start("echo hello; sleep 60", 2), "h=web1")
    open_beside(page, "web2")
    pane_of(page, "web1").get_by_role("button", name="Cancel host").click()
    page.get_by_role("button", name="Cancel web1").click()
    expect(page.get_by_role("option").filter(has_text="web1")).to_contain_text("canceled")
    expect(page.get_by_role("option").filter(has_text="web2")).to_contain_text("running")


def test_shows_one_pane_on_a_phone_and_hears_only_that_one(pages: RunPages) -> None:
    page, frames = pages.open(pages.start("echo hello; sleep 60", 3), "h=web1")
    open_beside(page, "web2")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(panes(page)).to_have_count(1)
    expect(pane_of(page, "web2").locator(".xterm-rows")).to_contain_text("hello")
    assert frames.subscribed() == {1}
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(panes(page)).to_have_count(2)


def test_finds_text_in_a_pane_and_counts_it(pages: RunPages) -> None:
    page, _ = pages.open(pages.start("seq 1000; echo 'needle one'; seq 1000; echo 'NEEDLE two'; seq 100"))
    expect(page.locator("[data-pane=foot]")).to_contain_text("all stored")
    page.keyboard.press("F6")
    page.keyboard.press("Control+f")
    field = page.get_by_role("searchbox", name="Find in this output")
    expect(field).to_be_focused()
    page.keyboard.type("needle")
    count = page.locator(".pane-search output")
    expect(count).to_have_text("1 of 2")
    expect(page.locator(".xterm-rows")).to_contain_text("needle one")
    page.keyboard.press("Enter")
    expect(count).to_have_text("2 of 2")
    expect(page.locator(".xterm-rows")).to_contain_text("NEEDLE two")
    page.keyboard.press("Shift+Enter")
    expect(count).to_have_text("1 of 2")
    page.keyboard.type(" and more")
    expect(count).to_have_text("none")
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()
    expect(page.locator(".xterm textarea")).to_be_focused()
    page.get_by_role("button", name="Find", exact=True).click()
    expect(field).to_be_focused()


@pytest.mark.parametrize("how", ["button", "Control+Shift+C", "Control+C"])
def test_copies_what_is_selected_as_plain_text(how: str, pages: RunPages) -> None:
    run = pages.start(r"printf '\033[31mred\033[0m words   \n\033]52;c;b3duZWQ=\007second line\n'")
    page, _ = pages.open(run, script=REMEMBER_COPIES)
    expect(page.locator("[data-pane=foot]")).to_contain_text("all stored")
    place = page.locator(".xterm-screen").bounding_box()
    assert place
    button = page.get_by_role("button", name="Copy", exact=True)
    expect(button).to_be_hidden()
    page.mouse.move(place["x"] + 1, place["y"] + 5)
    page.mouse.down()
    page.mouse.move(place["x"] + 500, place["y"] + 26, steps=8)
    page.mouse.up()
    expect(button).to_be_visible()
    if how == "button":
        button.click()
    else:
        page.keyboard.press(how)
    assert page.evaluate("() => window.copied") == "red words\nsecond line"


def test_resizing_fits_the_terminal_again_and_tells_the_host_nothing(pages: RunPages) -> None:
    page, frames = pages.open(pages.start("echo hello; sleep 60"))
    rows = page.locator(".xterm-rows > div")
    expect(page.locator(".xterm-rows")).to_contain_text("hello")
    before = rows.count()
    page.set_viewport_size({"width": 1440, "height": 600})
    expect(rows).not_to_have_count(before)
    expect(page.locator(".xterm-rows")).to_contain_text("hello")
    assert {message["type"] for message in frames.asked} <= {"subscribe", "ack", "ping"}


def test_draws_only_the_focused_pane_with_webgl(pages: RunPages) -> None:
    page, _ = pages.open(pages.start("echo hello; sleep 60", 3), "h=web1", script=WITH_GRAPHICS)
    open_beside(page, "web2")
    canvas = ".xterm-screen canvas"
    expect(pane_of(page, "web2").locator(canvas).first).to_be_attached()
    expect(pane_of(page, "web1").locator(canvas)).to_have_count(0)
    expect(pane_of(page, "web1").locator(".xterm-rows")).to_contain_text("hello")
    page.keyboard.press("[")
    expect(pane_of(page, "web1").locator(canvas).first).to_be_attached()
    expect(pane_of(page, "web2").locator(canvas)).to_have_count(0)
    expect(pane_of(page, "web2").locator(".xterm-rows")).to_contain_text("hello")
    page.keyboard.press("m")
    expect(page.locator(".xterm")).to_have_count(0)
    assert page.evaluate("() => window.contexts().length") == 0
    assert page.evaluate("() => window.mostContexts") == 1


def test_goes_on_with_the_dom_when_the_browser_takes_webgl_back(pages: RunPages, tmp_path: Path) -> None:
    run = pages.start(f"echo first; until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo last; sleep 60", 2)
    page, _ = pages.open(run, "h=web1", script=WITH_GRAPHICS)
    canvas = pane_of(page, "web1").locator(".xterm-screen canvas")
    expect(canvas.first).to_be_attached()
    page.evaluate("() => window.contexts()[0].getExtension('WEBGL_lose_context').loseContext()")
    expect(canvas).to_have_count(0)
    (tmp_path / "go").touch()
    expect(pane_of(page, "web1").locator(".xterm-rows")).to_contain_text("last")
    open_beside(page, "web2")
    page.keyboard.press("[")
    expect(canvas.first).to_be_attached()


def test_draws_with_the_dom_where_there_is_no_webgl(pages: RunPages) -> None:
    page, _ = pages.open(pages.start("echo hello"), script=WITHOUT_GRAPHICS)
    expect(page.locator(".xterm-rows")).to_contain_text("hello")
    expect(page.locator(".xterm-screen canvas")).to_have_count(0)


def test_loads_only_the_tail_of_a_large_log_and_offers_the_line_view(pages: RunPages) -> None:
    page, frames = pages.open(
        pages.finish("yes 'a line of some length, as programs print them, to make the log large' | head -n 200000")
    )
    expect(page.locator("[data-pane=earlier]")).to_contain_text("bytes before this are stored and not shown here")
    # Until then bytes of the first sight are on their way.
    expect(page.locator("[data-bar=bytes]")).to_have_text("13,800,000 of 13,800,000 bytes")
    frames.output.clear()
    page.get_by_role("button", name="Load up to 50,000 lines").click()
    expect(page.locator("[data-pane=earlier]")).to_contain_text("keeps the newest 50,000 lines", timeout=30_000)
    # The pane's foot says so only once everything that was asked for is drawn.
    expect(page.locator("[data-pane=foot]")).to_contain_text("all stored", timeout=30_000)
    expect(page.locator("[data-bar=bytes]")).to_have_text("13,800,000 of 13,800,000 bytes", timeout=30_000)
    assert 3_450_000 <= frames.output[0] <= 4_500_000
    page.get_by_role("button", name="Open in the line view").click()
    expect(page.locator('[data-view-name="lines"]')).to_be_visible()


def test_a_host_that_never_stops_printing_does_not_silence_the_one_beside_it(pages: RunPages, tmp_path: Path) -> None:
    run = pages.start(
        "set -- $SSH_CONNECTION; case $3 in *.1) while :; do yes 'a flood of lines' | head -n 2000; sleep 0.05; done;;"
        f" *) until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo heard;; esac",
        2,
    )
    page, frames = pages.open(run, "h=web1")
    open_beside(page, "web2")
    expect(pane_of(page, "web1").locator(".xterm-rows")).to_contain_text("a flood of lines")
    (tmp_path / "go").touch()
    expect(pane_of(page, "web2").locator(".xterm-rows")).to_contain_text("heard", timeout=5_000)
    expect(page.get_by_role("option").filter(has_text="web1")).to_contain_text("running")
