"""How a log with folds opens, frame by frame."""

from __future__ import annotations

from playwright.sync_api import Route, expect

from tests.support.browser import NewPage
from tests.support.server import ServerProcess

#: Numbers of the lines that could be seen in some frame.
WATCH_LINES = """
window.seen = new Set();
const look = () => {
  for (const number of document.querySelectorAll(".line-number")) {
    if (number.checkVisibility({ visibilityProperty: true })) window.seen.add(Number(number.dataset.n));
  }
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


def test_nothing_folds_away_under_the_eyes_when_a_linked_log_opens(
    live_server_process: ServerProcess, new_page: NewPage
) -> None:
    text = "::group::Outer\nfirst\n::endgroup::\nplain\n::group::Tests\nran\n::endgroup::\nend\n"
    page = new_page(live_server_process, live_server_process.alice())
    run = live_server_process.ask("add_log", user="alice", text=text)
    held: list[Route] = []
    holds = [True]
    page.route("**/folds", lambda route: held.append(route) if holds[0] else route.continue_())
    page.add_init_script(WATCH_LINES)
    page.goto(f"/runs/{run}/#h=web1&L4")
    linked = page.locator('.line:has([data-n="4"])')
    expect(linked).to_have_count(1)
    # Whether it was asked for already, or is yet to be.
    holds[0] = False
    for route in held:
        route.continue_()
    expect(page.locator("[data-fold='1']")).to_have_attribute("aria-expanded", "false")
    expect(linked).to_be_visible()
    assert set(page.evaluate("() => [...window.seen]")) <= {1, 4, 5, 8}
