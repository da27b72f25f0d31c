"""The test support itself: a server process that people and hosts can be put into, and a browser to look at it."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

import redis

from demo.fleet import Fleet

if TYPE_CHECKING:
    from tests.support.browser import NewPage
    from tests.support.redis import RedisServer
    from tests.support.server import MakeServer, ServerProcess, SharedConsole


def get(server: ServerProcess, path: str, session: str = "") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path, headers={"Cookie": f"sessionid={session}"} if session else {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_a_person_of_a_server_process_is_logged_in(console: SharedConsole) -> None:
    assert get(console.server, "/runs/", console.alice["session"])[0] == 200
    assert get(console.server, "/runs/")[0] == 302


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


def test_the_browser_sees_the_pages_of_a_server_process(console: SharedConsole, new_page: NewPage) -> None:
    page = new_page(console.server, console.alice)
    page.goto("/runs/")
    assert "Ops Console" in page.title()


def test_a_redis_of_a_test_can_go_away_and_come_back(redis_server: RedisServer) -> None:
    redis.Redis.from_url(redis_server.url).set("word", "kept nowhere")
    redis_server.stop()
    redis_server.start()
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.get("word") is None
