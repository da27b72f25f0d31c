"""The test support itself: a server process that people and hosts can be put into, and a browser to look at it."""

from __future__ import annotations

import http.client
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis

from consoles import lease
from consoles.statuses import Status
from demo.fleet import Fleet
from tests.support.forking import ForkedPython
from tests.support.runs import add_run
from tests.support.viewing import SocketViewer

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


def test_a_server_process_keeps_its_data_through_a_kill(make_server: MakeServer, fleet: Fleet) -> None:
    server = make_server()
    alice = server.alice()
    assert server.add_fleet(fleet, 2) == ["h0", "h1"]
    server.kill()
    server.start()
    status, text = get(server, "/servers.json", alice["session"])
    assert status == 200
    assert '"h1"' in text


def test_an_emptied_server_has_ended_its_runs_and_forgotten_everybody(console: SharedConsole, tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    with SocketViewer(console.server, console.alice, "/ws/runs/new/") as viewer:
        run = viewer.start(console.names[:1], f"trap 'touch {ended}' TERM; echo started; sleep 600 & wait")
        viewer.subscribe(0)
        viewer.wait_until(lambda: viewer.received[0])
    console.server.empty()
    assert ended.exists()
    assert console.server.ask("runs") == []
    assert get(console.server, "/runs/", console.alice["session"])[0] == 302
    assert console.server.ask("add_wide_run", requester=console.server.alice()["name"], statuses={"running": 2}) > run


def test_an_emptied_server_does_not_wait_for_hosts_that_are_gone(
    live_server_process: ServerProcess, tmp_path: Path
) -> None:
    server = live_server_process
    with Fleet.demo(tmp_path, ["gone"]) as fleet:
        names = server.add_fleet(fleet, names=["gone"])
        with SocketViewer(server, server.alice(), "/ws/runs/new/") as viewer:
            viewer.start(names, "sleep 600", mode="detached")
            viewer.wait_until(lambda: viewer.rows and viewer.rows[0]["status"] == "running")
            fleet.stop()
            viewer.wait_until(lambda: viewer.rows[0]["contact_lost"])
    server.empty()
    assert server.ask("runs") == []


def test_an_emptied_server_keeps_no_feeder_and_no_lock(console: SharedConsole) -> None:
    run = console.server.ask("add_wide_run", requester="alice", statuses={"running": 3})
    console.server.ask("feed", run=run, rounds=50)
    console.server.ask("lock_database")
    console.server.empty()
    assert console.server.ask("runs") == []
    assert get(console.server, "/runs/", console.server.alice()["session"])[0] == 200


@pytest.mark.django_db
def test_a_run_that_was_made_up_is_not_taken_for_one_that_nobody_owns() -> None:
    run = add_run(None, {"web1": Status.RUNNING, "web2": Status.QUEUED})
    assert run.counts() == {"running": 1, "queued": 1}
    assert not lease.abandoned().exists()


def test_two_server_processes_know_nothing_of_each_other(
    live_server_process: ServerProcess, make_server: MakeServer
) -> None:
    one, two = live_server_process, make_server()
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


def test_a_program_that_ended_a_moment_ago_may_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open("r+b") as nothing:
        program = ForkedPython(["-m", "this"], dict(os.environ), nothing, nothing, nothing)
    assert program.wait(30) == 0
    # As if this had not been told yet.
    monkeypatch.setattr(program, "poll", lambda: None)
    program.kill()
