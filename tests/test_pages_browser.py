"""The new-run page and the history in a real browser, with and without scripts and sockets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.viewing import SocketViewer

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page, Route, WebSocketRoute

    from demo.fleet import Fleet
    from tests.support.browser import NewPage
    from tests.support.server import ServerProcess

RUN_PAGE = re.compile(r"/runs/\d+/($|#)")


@pytest.fixture
def server(live_server_process: ServerProcess, small_fleet: Fleet) -> ServerProcess:
    """A console with the servers h0 and h1 and the script greet."""
    live_server_process.add_fleet(small_fleet, 2)
    live_server_process.ask("add_script", name="greet", text="echo hello from $(hostname)\n")
    return live_server_process


def new_run(new_page: NewPage, server: ServerProcess, who: dict[str, str], **options: object) -> Page:
    page = new_page(server, who, **options)
    page.goto("/runs/new/")
    return page


def start_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Start")


def fits_its_window(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_picks_servers_and_starts_over_the_socket(server: ServerProcess, new_page: NewPage) -> None:
    page = new_run(new_page, server, server.alice())
    expect(start_button(page)).to_be_disabled()
    page.get_by_label("Search").fill("h1")
    page.get_by_text("Select all 1 matching").click()
    page.get_by_label("Search").fill("")
    page.get_by_label("h0").check()
    expect(page.get_by_text("2 of 2 picked")).to_be_visible()
    page.get_by_label("Command", exact=True).fill("echo hi")
    expect(page.get_by_label("Text of the program")).to_have_text("echo hi")
    page.get_by_role("button", name="Start on 2 servers").click()
    page.wait_for_url(RUN_PAGE)
    [run] = server.ask("runs")
    assert (run["program"], run["via"]) == ("echo hi", "socket")
    assert [row["server_name"] for row in server.ask("host_runs", run=run["id"])] == ["h1", "h0"]


def test_a_socket_that_fails_falls_back_to_the_form_and_one_run(server: ServerProcess, new_page: NewPage) -> None:
    page = new_page(server, server.alice())
    page.route_web_socket(re.compile(r"/ws/runs/new/"), lambda socket: socket.close())
    page.goto("/runs/new/?servers=h0")
    page.get_by_label("Command", exact=True).fill("echo hi")
    page.get_by_role("button", name="Start on 1 server").click()
    page.wait_for_url(RUN_PAGE)
    assert [run["via"] for run in server.ask("runs")] == ["page"]


def test_an_answer_lost_on_the_way_does_not_start_a_second_run(server: ServerProcess, new_page: NewPage) -> None:
    page = new_page(server, server.alice())

    def swallow_answer(socket: WebSocketRoute) -> None:
        beyond = socket.connect_to_server()
        beyond.on_message(lambda _: socket.close())

    page.route_web_socket(re.compile(r"/ws/runs/new/"), swallow_answer)
    page.goto("/runs/new/?servers=h0")
    page.get_by_label("Command", exact=True).fill("echo hi")
    page.get_by_role("button", name="Start on 1 server").click()
    page.wait_for_url(RUN_PAGE)
    assert [run["via"] for run in server.ask("runs")] == ["socket"]


def test_a_double_click_starts_one_run(server: ServerProcess, new_page: NewPage) -> None:
    page = new_page(server, server.alice())
    page.goto("/runs/new/?servers=h0")
    page.get_by_label("Command", exact=True).fill("echo hi")
    page.get_by_role("button", name="Start on 1 server").dblclick()
    page.wait_for_url(RUN_PAGE)
    assert len(server.ask("runs")) == 1


def test_going_back_and_starting_again_is_another_run(server: ServerProcess, new_page: NewPage) -> None:
    page = new_page(server, server.alice())
    page.goto("/runs/new/?servers=h0")
    for command in ("echo one", "echo two"):
        page.get_by_label("Command", exact=True).fill(command)
        expect(page.get_by_label("Text of the program")).to_have_text(command)
        page.get_by_role("button", name="Start on 1 server").click()
        page.wait_for_url(RUN_PAGE)
        page.go_back()
        page.wait_for_url(re.compile(r"/runs/new/"))
    assert [run["program"] for run in server.ask("runs")] == ["echo two", "echo one"]


def test_pasted_names_become_picks_and_unknown_ones_stay_and_are_named(
    server: ServerProcess, new_page: NewPage
) -> None:
    page = new_run(new_page, server, server.alice())
    page.get_by_label("Command", exact=True).fill("uptime")
    page.get_by_label("Names").fill("h1, nope; h0 ghost")
    page.get_by_label("Names").blur()
    expect(page.get_by_label("Names")).to_have_value("nope\nghost")
    sentence = "There are no servers named nope, ghost that you can pick: correct the names or take them out."
    expect(page.get_by_text(sentence)).to_have_count(2)
    expect(start_button(page)).to_be_disabled()
    page.get_by_label("Names").fill("")
    page.get_by_label("Names").blur()
    expect(page.get_by_role("button", name="Start on 2 servers")).to_be_enabled()


def test_names_typed_before_the_servers_are_known_stay_as_they_are(server: ServerProcess, new_page: NewPage) -> None:
    page = new_page(server, server.alice())
    held: list[Route] = []
    page.route("**/servers.json", lambda route: held.append(route))
    with page.expect_request("**/servers.json"):
        page.goto("/runs/new/", wait_until="commit")
    page.get_by_label("Names").press_sequentially("h0 h1")
    held[0].continue_()
    expect(page.get_by_text("2 of 2 picked")).to_be_visible()
    expect(page.get_by_label("Names")).to_have_value("h0 h1")


def test_what_was_typed_before_the_servers_are_known_is_reviewed_once_and_can_be_started(
    server: ServerProcess, new_page: NewPage
) -> None:
    page = new_page(server, server.alice(), used_again=False)
    page.clock.install()
    held: list[Route] = []
    page.route("**/servers.json", lambda route: held.append(route))
    with page.expect_request("**/servers.json"):
        page.goto("/runs/new/?servers=h0", wait_until="commit")
    page.clock.pause_at(page.evaluate("Date.now()") + 1000)
    page.get_by_label("Command", exact=True).fill("uptime")
    held[0].continue_()
    button = page.get_by_role("button", name="Start on 1 server")
    expect(button).to_be_enabled()
    page.clock.run_for(1000)
    assert button.is_enabled()


def test_words_searched_for_before_the_servers_are_known_narrow_the_list_and_pick_none(
    server: ServerProcess, new_page: NewPage
) -> None:
    page = new_page(server, server.alice())
    held: list[Route] = []
    page.route("**/servers.json", lambda route: held.append(route))
    with page.expect_request("**/servers.json"):
        page.goto("/runs/new/", wait_until="commit")
    page.get_by_label("Search").press_sequentially("h1")
    held[0].continue_()
    expect(page.get_by_text("Select all 1 matching")).to_be_visible()
    expect(page.get_by_text("0 of 2 picked")).to_be_visible()
    expect(page.get_by_label("Search")).to_have_value("h1")


def test_the_first_click_after_typing_names_counts(server: ServerProcess, new_page: NewPage) -> None:
    page = new_run(new_page, server, server.alice())
    page.get_by_label("Names").press_sequentially("h0 h1")
    expect(page.get_by_text("2 of 2 picked")).to_be_visible()
    expect(page.get_by_label("Names")).to_have_value("h0 h1")
    target = page.get_by_text("Saved script").bounding_box()
    assert target is not None
    page.mouse.click(target["x"] + 5, target["y"] + target["height"] - 3)
    expect(page.get_by_role("radio", name="Saved script")).to_be_checked()
    expect(page.get_by_label("Names")).to_have_value("")


def test_a_number_out_of_range_is_said_beside_it(server: ServerProcess, new_page: NewPage) -> None:
    page = new_page(server, server.alice())
    page.goto("/runs/new/?servers=h0")
    page.get_by_label("Command", exact=True).fill("uptime")
    page.get_by_text("Limits and title").click()
    page.get_by_label("Fan-out").fill("1000")
    page.get_by_label("Fan-out").press("Enter")
    sentence = "Fan-out must be a whole number from 1 to 256."
    expect(page.locator("[data-errors=fanout]")).to_have_text(sentence)
    expect(start_button(page)).to_be_disabled()
    page.get_by_label("Fan-out").fill("3")
    expect(page.locator("[data-errors=fanout]")).to_have_text("")
    expect(start_button(page)).to_be_enabled()


def test_keys_alone_pick_a_server_and_start_a_script(server: ServerProcess, new_page: NewPage) -> None:
    page = new_run(new_page, server, server.alice(), width=390, height=844, dark=True)
    expect(page.get_by_label("h1")).to_be_visible()
    page.get_by_label("Search").focus()
    for key in ("ArrowDown", "ArrowDown", "Space"):
        page.keyboard.press(key)
    expect(page.get_by_label("h1")).to_be_checked()
    page.get_by_role("radio", name="Saved script").check()
    page.get_by_label("Script", exact=True).select_option("greet")
    expect(page.get_by_label("Text of the program")).to_contain_text("echo hello")
    assert fits_its_window(page)
    expect(start_button(page)).to_be_enabled()
    page.keyboard.press("Control+Enter")
    page.wait_for_url(RUN_PAGE)
    assert [run["title"] for run in server.ask("runs")] == ["greet"]


def test_enter_starts_nothing_but_on_the_button(server: ServerProcess, new_page: NewPage) -> None:
    page = new_run(new_page, server, server.alice())
    page.get_by_label("h0").check()
    page.get_by_label("Command", exact=True).fill("echo 1\necho 2\necho 3")
    expect(page.get_by_label("Text of the program, 3 lines")).to_have_text("echo 1\necho 2\necho 3")
    expect(page.get_by_role("button", name="Start on 1 server")).to_be_enabled()
    for field in ("input[name=mode]:checked", "input[name=source]:checked"):
        page.locator(field).press("Enter")
    for label in ("h0", "Search"):
        page.get_by_label(label).press("Enter")
    page.get_by_label("Command", exact=True).press("Enter")
    expect(page.get_by_role("button", name="Start on 1 server")).to_be_enabled()
    assert page.url.endswith("/runs/new/") and server.ask("runs") == []


def test_without_scripts_the_review_comes_first_and_start_starts_it(server: ServerProcess, new_page: NewPage) -> None:
    page = new_page(server, server.alice(), java_script_enabled=False)
    page.goto("/runs/new/")
    page.get_by_label("Names").fill("h0 h1")
    page.get_by_label("Command", exact=True).fill("echo hi")
    page.get_by_role("button", name="Check what will run").click()
    expect(page.get_by_label("Text of the program")).to_have_text("echo hi")
    page.get_by_role("button", name="Start on 2 servers").click()
    page.wait_for_url(RUN_PAGE)
    assert [run["via"] for run in server.ask("runs")] == ["page"]


def test_filters_of_the_history_apply_as_they_change(server: ServerProcess, new_page: NewPage) -> None:
    alice = server.alice()
    with SocketViewer(server, alice, "/ws/runs/new/") as viewer:
        viewer.start(["h0"], "echo hi")
        viewer.wait_until(viewer.is_over, what="The end of the run")
    for width in (1440, 390):
        page = new_page(server, alice, width=width)
        page.goto("/runs/")
        expect(page.get_by_role("link", name="echo hi")).to_be_visible()
        if width == 390:
            page.get_by_text("Filters").click()
        page.get_by_label("Status").select_option("failed")
        page.wait_for_url("**/runs/?status=failed")
        expect(page.get_by_text("No run fits these filters")).to_be_visible()
        page.get_by_role("link", name="Show all runs").click()
        page.wait_for_url("**/runs/")
        page.keyboard.press("/")
        page.keyboard.type("ECHO")
        page.keyboard.press("Enter")
        page.wait_for_url("**/runs/?q=ECHO")
        assert fits_its_window(page)
        page.get_by_role("link", name="echo hi").click()
        page.wait_for_url(RUN_PAGE)


def test_history_tells_the_end_of_a_run_without_being_loaded_again(
    server: ServerProcess, new_page: NewPage, tmp_path: Path
) -> None:
    alice = server.alice()
    with SocketViewer(server, alice, "/ws/runs/new/") as viewer:
        viewer.start(["h0"], f"until [ -e {tmp_path}/go ]; do sleep 0.05; done", title="Waits")
        viewer.wait_until(lambda: viewer.rows and viewer.rows[0]["status"] == "running")
    page = new_page(server, alice)
    page.goto("/runs/")
    line = page.get_by_role("row", name="Waits")
    expect(line).to_contain_text("running")
    line.get_by_role("link").focus()
    (tmp_path / "go").touch()
    expect(line).to_contain_text("succeeded")
    expect(line.get_by_role("link")).to_be_focused()
