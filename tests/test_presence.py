"""Who watches a run: told at once, over both channel layers and processes, and nobody who is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from consoles import presence
from consoles.consumers import RunConsumer
from consoles.models import Run, Watcher
from consoles.presence import Keeper, crowd
from consoles.shared_reads import SharedReads
from consoles.statuses import Status
from demo.fleet import Fleet
from tests.support.loops import run_apart
from tests.support.people import person
from tests.support.runs import add_run
from tests.support.server import MakeServer, ServerProcess, SharedConsole
from tests.support.viewing import SocketViewer

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django.fixtures import DjangoAssertNumQueries

NEW = "/ws/runs/new/"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def run(alice: User) -> Run:
    return add_run(alice, {"web1": Status.SUCCEEDED})


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Keeper:
    """A keeper without a thread: the test takes its steps."""
    made = Keeper()
    monkeypatch.setattr(presence, "keeper", made)
    return made


def people(run: Run) -> dict[str, int]:
    told = presence.people(run.pk, time.monotonic())
    return {row["name"]: row["sockets"] for row in told["people"]}


# People out of sockets


def test_windows_of_one_person_count_as_one_who_came_with_the_first() -> None:
    told = crowd([("bob", NOON), ("alice", NOON + timedelta(minutes=2)), ("alice", NOON - timedelta(minutes=1))])
    assert told == {
        "people": [
            {"name": "alice", "since": "2026-11-21T11:59:00.000Z", "sockets": 2},
            {"name": "bob", "since": "2026-11-21T12:00:00.000Z", "sockets": 1},
        ],
        "count": 2,
    }


def test_a_crowd_is_counted_and_its_first_fifty_are_named() -> None:
    told = crowd((f"person{number:03}", NOON + timedelta(seconds=number)) for number in range(200))
    assert told["count"] == 200
    assert [row["name"] for row in told["people"]] == [f"person{number:03}" for number in range(50)]


def test_one_question_answers_all_who_asked_before_it_was_put() -> None:
    asked: list[int] = []

    def ask(run_id: int) -> int:
        asked.append(run_id)
        return len(asked)

    reads = SharedReads(ask)
    before = time.monotonic()
    assert [reads.get(7, before), reads.get(7, before)] == [1, 1]
    assert reads.get(7, time.monotonic()) == 2
    assert reads.get(8, before) == 3
    assert asked == [7, 7, 8]


# The keeper's steps


def test_watchers_are_listed_at_once_and_stored_by_the_next_step(keeper: Keeper, run: Run, alice: User) -> None:
    keys = [keeper.enter(run.pk, alice) for _ in range(2)]
    assert people(run) == {"alice": 2} and not Watcher.objects.exists()
    keeper.step()
    assert people(run) == {"alice": 2} and Watcher.objects.count() == 2
    keeper.leave(keys[0])
    keeper.leave(keys[0])
    assert people(run) == {"alice": 1}
    keeper.step()
    assert people(run) == {"alice": 1} and Watcher.objects.get().key == keys[1]


def test_watchers_of_other_processes_are_listed_until_they_expire(
    keeper: Keeper, run: Run, alice: User, bob: User
) -> None:
    elsewhere = Keeper()
    elsewhere.enter(run.pk, bob)
    elsewhere.step()
    keeper.enter(run.pk, alice)
    keeper.step()
    assert people(run) == {"alice": 1, "bob": 1}
    Watcher.objects.filter(user=bob).update(seen=Now() - timedelta(seconds=31))
    assert people(run) == {"alice": 1}


def test_vanished_watchers_are_deleted_by_whoever_renews(
    keeper: Keeper, run: Run, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[int] = []
    monkeypatch.setattr(presence.doorbell, "ring", lambda run_id, **facts: rung.append(run_id))
    other = add_run(bob, {"web1": Status.SUCCEEDED})
    dead = Keeper()
    dead.enter(other.pk, bob)
    dead.step()
    Watcher.objects.update(seen=Now() - timedelta(seconds=31))
    rung.clear()
    keeper.enter(run.pk, alice)
    keeper.step()
    assert list(Watcher.objects.values_list("name", flat=True)) == ["alice"]
    assert set(rung) == {run.pk, other.pk}


def test_a_step_without_news_writes_nothing(
    keeper: Keeper, run: Run, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    keeper.enter(run.pk, alice)
    keeper.step()
    with django_assert_num_queries(0):
        keeper.step()


def test_renewing_two_hundred_sockets_takes_a_few_statements(
    keeper: Keeper, run: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(200):
        keeper.enter(run.pk, alice)
    keeper.step()
    before = dict(Watcher.objects.values_list("key", "seen"))
    monkeypatch.setattr(keeper, "_renew_at", 0.0)
    with CaptureQueriesContext(connection) as statements:
        keeper.step()
    assert len(before) == 200 and len(statements) < 8
    assert all(seen >= before[key] for key, seen in Watcher.objects.values_list("key", "seen"))


def test_a_process_that_was_taken_for_dead_writes_its_watchers_again(
    keeper: Keeper, run: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.enter(run.pk, alice)
    keeper.step()
    Watcher.objects.all().delete()
    monkeypatch.setattr(keeper, "_renew_at", 0.0)
    keeper.step()
    assert Watcher.objects.count() == 1


def test_watchers_of_what_was_deleted_meanwhile_hold_up_nobody(keeper: Keeper, run: Run, alice: User) -> None:
    gone_user, gone_run = person("gone"), add_run(alice, {"web1": Status.SUCCEEDED})
    keeper.enter(run.pk, gone_user)
    keeper.enter(gone_run.pk, alice)
    gone_user.delete()
    gone_run.delete()
    keeper.enter(run.pk, alice)
    keeper.step()
    assert list(Watcher.objects.values_list("name", "run")) == [("alice", run.pk)]


def test_a_refusing_database_loses_neither_who_came_nor_who_left(
    keeper: Keeper, run: Run, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving = keeper.enter(run.pk, bob)
    keeper.step()
    keeper.enter(run.pk, alice)
    keeper.leave(leaving)

    def refuse(entries: Any) -> None:
        raise DatabaseError("database is locked")

    with monkeypatch.context() as broken:
        broken.setattr(presence, "_insert", refuse)
        with pytest.raises(DatabaseError):
            keeper.step()
    assert people(run) == {"alice": 1}
    keeper.step()
    assert list(Watcher.objects.values_list("name", flat=True)) == ["alice"]


def test_a_stopping_process_takes_its_watchers_with_it(keeper: Keeper, run: Run, alice: User) -> None:
    keeper.enter(run.pk, alice)
    keeper.step()
    keeper.stop()
    assert not Watcher.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_socket_that_was_given_up_while_it_opened_is_not_listed(
    keeper: Keeper, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = add_run(alice, {"web1": Status.SUCCEEDED})
    entering, may_enter, left = threading.Event(), threading.Event(), threading.Event()

    def enter_slowly(run_id: int, user: User) -> Any:
        entering.set()
        assert may_enter.wait(10)
        return keeper.enter(run_id, user)

    def leave(key: Any) -> None:
        keeper.leave(key)
        left.set()

    monkeypatch.setattr(presence, "enter", enter_slowly)
    monkeypatch.setattr(presence, "leave", leave)
    monkeypatch.setattr("consoles.access.session_user", lambda session_key: alice)

    async def open_and_give_up() -> None:
        """As Daphne does with a socket whose client is gone and whose thread is still at work."""
        arriving: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        arriving.put_nowait({"type": "websocket.connect"})
        session = type("Session", (), {"session_key": "x"})()
        scope = {"type": "websocket", "session": session, "url_route": {"kwargs": {"run_id": run.pk}}}

        async def send(message: Any) -> None:
            """The client is gone."""

        socket = asyncio.create_task(RunConsumer()(scope, arriving.get, send))
        assert await asyncio.to_thread(entering.wait, 10)
        while not socket.done():
            # It asks more than once: the first time only ends the wait for what the thread sends.
            socket.cancel()
            await asyncio.wait([socket], timeout=0.05)
        may_enter.set()
        await asyncio.to_thread(left.wait, 5)

    run_apart(open_and_give_up())
    assert keeper.local(run.pk)[0] == []


# Over sockets


def watched_by(viewer: SocketViewer) -> dict[str, int]:
    """Who watches, as ``viewer`` was told last."""
    told = [message["people"] for message in viewer.messages if message["type"] == "presence"]
    return {row["name"]: row["sockets"] for row in (told[-1] if told else [])}


def expect_watched_by(viewer: SocketViewer, **people: int) -> None:
    viewer.wait_until(lambda: watched_by(viewer) == people, what=f"presence of {people}")


def start(server: ServerProcess, alice: dict[str, str], names: list[str]) -> str:
    """The socket address of a run."""
    with SocketViewer(server, alice, NEW) as starter:
        return f"/ws/runs/{starter.start(names, 'true')}/"


def test_people_see_each_other_come_and_go(console: SharedConsole) -> None:
    charlie = console.server.person("charlie", "consoles.view_all_runs")
    path = start(console.server, console.alice, console.names[:1])
    with SocketViewer(console.server, console.alice, path) as one:
        expect_watched_by(one, alice=1)
        with SocketViewer(console.server, charlie, path) as two, SocketViewer(console.server, charlie, path):
            expect_watched_by(two, alice=1, charlie=2)
            expect_watched_by(one, alice=1, charlie=2)
        expect_watched_by(one, alice=1)


@pytest.mark.parametrize("layer", ["memory", "redis"])
def test_both_channel_layers_tell_who_watches_at_once(
    make_server: MakeServer, fleet: Fleet, layer: str, request: pytest.FixtureRequest
) -> None:
    environment = {"REDIS_URL": request.getfixturevalue("redis_url")} if layer == "redis" else {}
    # Viewers do not look by themselves here: what they hear, they hear through the layer.
    server = make_server(OPSCONSOLE_LOOK_EVERY="3600", **environment)
    alice, names = server.alice(), server.add_fleet(fleet, 1)
    charlie = server.person("charlie", "consoles.view_all_runs")
    path = start(server, alice, names)
    with SocketViewer(server, alice, path) as one:
        expect_watched_by(one, alice=1)
        with SocketViewer(server, charlie, path):
            expect_watched_by(one, alice=1, charlie=1)
        expect_watched_by(one, alice=1)


def two_processes(make_server: MakeServer, **settings: str) -> tuple[ServerProcess, ServerProcess]:
    first = make_server(**settings)
    return first, make_server(**settings, **first.shared)


def test_two_processes_tell_each_others_watchers_through_redis(
    make_server: MakeServer, fleet: Fleet, redis_url: str
) -> None:
    first, second = two_processes(make_server, REDIS_URL=redis_url, OPSCONSOLE_LOOK_EVERY="3600")
    alice, names = first.alice(), first.add_fleet(fleet, 1)
    charlie = first.person("charlie", "consoles.view_all_runs")
    path = start(first, alice, names)
    with SocketViewer(first, alice, path) as here:
        with SocketViewer(second, charlie, path) as there:
            expect_watched_by(here, alice=1, charlie=1)
            expect_watched_by(there, alice=1, charlie=1)
        expect_watched_by(here, alice=1)


@pytest.mark.parametrize("layer", ["memory", "redis"])
def test_watchers_of_a_process_that_was_killed_disappear(
    make_server: MakeServer, fleet: Fleet, layer: str, request: pytest.FixtureRequest
) -> None:
    environment = {"REDIS_URL": request.getfixturevalue("redis_url")} if layer == "redis" else {}
    times = {"OPSCONSOLE_WATCHER_EXPIRY": "1.5", "OPSCONSOLE_LOOK_EVERY": "0.2"}
    first, second = two_processes(make_server, **times, **environment)
    alice, names = first.alice(), first.add_fleet(fleet, 1)
    charlie = first.person("charlie", "consoles.view_all_runs")
    path = start(first, alice, names)
    with SocketViewer(first, alice, path) as here, SocketViewer(second, charlie, path):
        expect_watched_by(here, alice=1, charlie=1)
        second.kill()
        expect_watched_by(here, alice=1)


CLIENT_THAT_HANGS_AROUND = """
import sys
from websockets.sync.client import connect
address, origin, session = sys.argv[1:]
with connect(address, origin=origin, additional_headers={"Cookie": f"sessionid={session}"}) as socket:
    for frame in socket:
        print("heard", flush=True)
"""


def test_a_client_that_is_killed_disappears(console: SharedConsole) -> None:
    charlie = console.server.person("charlie", "consoles.view_all_runs")
    path = start(console.server, console.alice, console.names[:1])
    arguments = [f"{console.server.socket_url}{path}", console.server.origin, charlie["session"]]
    with SocketViewer(console.server, console.alice, path) as one:
        client = subprocess.Popen([sys.executable, "-c", CLIENT_THAT_HANGS_AROUND, *arguments], stdout=subprocess.PIPE)
        assert client.stdout is not None
        client.stdout.readline()
        expect_watched_by(one, alice=1, charlie=1)
        os.kill(client.pid, signal.SIGKILL)
        client.communicate()
        expect_watched_by(one, alice=1)


def test_who_logs_out_is_no_longer_listed(live_server_process: ServerProcess, fleet: Fleet) -> None:
    server = live_server_process
    alice, names = server.alice(), server.add_fleet(fleet, 1)
    charlie = server.person("charlie", "consoles.view_all_runs")
    path = start(server, alice, names)
    with SocketViewer(server, alice, path) as one, SocketViewer(server, charlie, path) as two:
        expect_watched_by(one, alice=1, charlie=1)
        server.ask("end_sessions", name="charlie")
        two.say("cancel")
        assert two.close_code() == 4401
        expect_watched_by(one, alice=1)


def test_a_locked_database_holds_up_neither_sockets_nor_who_watches(
    live_server_process: ServerProcess, fleet: Fleet
) -> None:
    server = live_server_process
    alice, names = server.alice(), server.add_fleet(fleet, 1)
    path = start(server, alice, names)
    with SocketViewer(server, alice, path) as one:
        expect_watched_by(one, alice=1)
        server.ask("lock_database")
        with SocketViewer(server, alice, path) as two:
            two.wait_for("hello", timeout=3)
            two.wait_until(lambda: watched_by(two) == {"alice": 2}, timeout=3)
            two.say("ping", t=1)
            two.wait_for("pong", timeout=3)
            server.ask("unlock_database")
            expect_watched_by(one, alice=2)
