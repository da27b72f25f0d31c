"""The test support itself: a server process that people and hosts can be put into, and a browser to look at it."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from demo.fleet import Fleet

if TYPE_CHECKING:
    from tests.support.browser import NewPage
    from tests.support.server import MakeServer, ServerProcess


def get(server: ServerProcess, path: str, session: str = "") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path, headers={"Cookie": f"sessionid={session}"} if session else {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_a_person_of_a_server_process_is_logged_in(shared_server: ServerProcess) -> None:
    alice = shared_server.alice()
    assert get(shared_server, "/runs/", alice["session"])[0] == 200
    assert get(shared_server, "/runs/")[0] == 302


def test_a_server_process_keeps_its_data_through_a_kill(live_server_process: ServerProcess, fleet: Fleet) -> None:
    alice = live_server_process.alice()
    assert live_server_process.add_fleet(fleet, 2) == ["h0", "h1"]
    live_server_process.kill()
    live_server_process.start()
    status, text = get(live_server_process, "/servers.json", alice["session"])
    assert status == 200
    assert '"h1"' in text


def test_two_server_processes_know_nothing_of_each_other(make_server: MakeServer) -> None:
    one, two = make_server(), make_server()
    session = one.alice()["session"]
    assert get(one, "/runs/", session)[0] == 200
    assert get(two, "/runs/", session)[0] == 302


def test_the_browser_sees_the_pages_of_a_server_process(shared_server: ServerProcess, new_page: NewPage) -> None:
    page = new_page(shared_server, shared_server.alice())
    page.goto("/runs/")
    assert "Ops Console" in page.title()
