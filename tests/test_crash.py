"""Console processes that are killed in the middle of a run, and what the next start makes of it."""

from __future__ import annotations

import hashlib
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from consoles import lease, runner
from consoles.models import LEASE
from demo.fleet import Fleet
from tests.support.commands import Command
from tests.support.server import MakeServer, ServerProcess
from tests.support.viewing import SocketViewer

NEW = "/ws/runs/new/"


def statuses(viewer: SocketViewer) -> list[str]:
    return [viewer.rows[index]["status"] for index in sorted(viewer.rows)]


def start_and_wait(
    server: ServerProcess, who: dict[str, str], names: list[str], text: str, **wishes: Any
) -> tuple[int, SocketViewer]:
    """A run of which the first two hosts, or the only one, have printed what comes before "up"."""
    viewer = SocketViewer(server, who, NEW)
    run = viewer.start(names, text, **wishes)
    viewer.wait_for("hello")
    viewer.subscribe_all()
    viewer.wait_until(lambda: all(viewer.rows[index]["last_line"] == "up" for index in range(len(names[:2]))))
    return run, viewer


def test_killed_server_leaves_nothing_unsaid_and_no_byte_behind(
    make_server: MakeServer, fleet: Fleet, tmp_path: Path
) -> None:
    """Attached programs are out of reach afterwards; what had not been started is started then."""
    server = make_server()
    names, alice = server.add_fleet(fleet, 4), server.alice()
    text = f"seq 1 50000; echo up; [ -e {tmp_path}/go ] || sleep 1013"
    run, viewer = start_and_wait(server, alice, names, text, fanout=2, mode="attached")
    viewer.wait_until(lambda: len(viewer.received[0]) == len(viewer.received[1]) > 0)
    server.kill()
    received = [bytes(viewer.received[0]), bytes(viewer.received[1])]
    (tmp_path / "go").touch()
    server.start()
    began = time.monotonic()
    with SocketViewer(server, alice, f"/ws/runs/{run}/") as again:
        again.wait_for("hello")
        again.wait_until(lambda: statuses(again) == ["lost", "lost", "succeeded", "succeeded"])
        # Leases take longer to run out: that the owner is dead is seen at once.
        assert time.monotonic() - began < LEASE.total_seconds() / 2
        again.subscribe_all()
        again.wait_for_ends()
        assert [bytes(again.received[index]) for index in range(4)] == received * 2
    rows = server.ask("host_runs", run=run)
    assert [row["reason"] for row in rows] == [lease.LOST_REASON] * 2 + [""] * 2
    for row in rows:
        assert server.ask("output_sha256", run=run, index=row["index"]) == hashlib.sha256(received[0]).hexdigest()
    assert [row["exit_status"] for row in rows] == [None, None, 0, 0]


def test_terminated_server_says_what_became_of_its_attached_runs(make_server: MakeServer, fleet: Fleet) -> None:
    server = make_server()
    names, alice = server.add_fleet(fleet, 3), server.alice()
    run, _viewer = start_and_wait(server, alice, names, "echo up; sleep 1014", fanout=2, mode="attached")
    server.stop(signal.SIGTERM)
    rows = server.ask("host_runs", run=run)
    assert [(row["status"], row["reason"], row["owner"] == "") for row in rows] == [
        ("lost", runner.STOPPED_REASON, False),
        ("lost", runner.STOPPED_REASON, False),
        ("queued", "", True),
    ]
    assert server.ask("output_sha256", run=run, index=0) == hashlib.sha256(b"up\n").hexdigest()


def test_server_that_is_terminated_while_twenty_programs_print_ends_in_time_and_loses_nothing(
    make_server: MakeServer, fleet: Fleet, tmp_path: Path
) -> None:
    server = make_server()
    names, alice = server.add_fleet(fleet, 20), server.alice()
    text = f"i=0; until [ -e {tmp_path}/go ]; do seq $i $((i += 100)); sleep 0.2; done; echo end; exit 4"
    viewer = SocketViewer(server, alice, NEW)
    run = viewer.start(names, text, mode="detached")
    viewer.wait_for("hello")
    viewer.wait_until(lambda: all(viewer.rows[index]["size"] for index in range(20)))
    began = time.monotonic()
    server.stop(signal.SIGTERM)
    assert time.monotonic() - began < 10
    rows = server.ask("host_runs", run=run)
    assert {(row["status"], row["reason"], row["owner"]) for row in rows} == {("running", "", "")}
    (tmp_path / "go").touch()
    server.start()
    with SocketViewer(server, alice, f"/ws/runs/{run}/") as again:
        again.wait_for("hello")
        again.subscribe_all()
        again.wait_for_ends()
        assert {(row["status"], row["exit_status"]) for row in again.rows.values()} == {("failed", 4)}
        for received in again.received.values():
            *numbers, last = received.decode().split()
            steps = [str(number) for i in range(0, int(numbers[-1]), 100) for number in range(i, i + 101)]
            assert last == "end" and numbers == steps


@pytest.fixture
def command_line() -> Any:
    """Start ``manage.py run`` beside the test and wait for its first line."""
    started: list[Command] = []

    def run(console: ServerProcess, text: str, name: str, *options: str) -> Command:
        command = Command(console.environment_of_process(), "run", text, "--on", name, *options)
        started.append(command)
        assert command.stdout.readline() == f"{name}: up\n"
        return command

    yield run
    for command in started:
        command.close()


def test_starting_server_goes_on_with_the_dead_command_line_and_leaves_the_living_alone(
    make_server: MakeServer, fleet: Fleet, command_line: Any, tmp_path: Path
) -> None:
    console = make_server(start=False)
    console.add_fleet(fleet, 3)
    text = f"echo up; until [ -e {tmp_path}/go ]; do sleep 0.2; done; echo done; exit 3"
    living = command_line(console, "echo up; sleep 1015", "h0")
    attached = command_line(console, "echo up; sleep 1016", "h1", "--attached")
    detached = command_line(console, text, "h2")
    for dead in (attached, detached):
        dead.kill()
        dead.wait()
    (tmp_path / "go").touch()
    console.start()
    charlie = console.person("charlie", "consoles.view_all_runs", "consoles.cancel_run")
    with SocketViewer(console, charlie, "/ws/runs/2/") as viewer:
        viewer.wait_for("hello")
        viewer.wait_until(lambda: statuses(viewer) == ["lost"])
    with SocketViewer(console, charlie, "/ws/runs/3/") as viewer:
        viewer.wait_for("hello")
        viewer.subscribe_all()
        viewer.wait_for_ends()
        assert (statuses(viewer), viewer.rows[0]["exit_status"]) == (["failed"], 3)
        assert bytes(viewer.received[0]) == b"up\ndone\n"
    # One look settles all that is dead, so the living one was looked at too.
    with SocketViewer(console, charlie, "/ws/runs/1/") as viewer:
        viewer.wait_for("hello")
        assert statuses(viewer) == ["running"]
        # A cancel written by one process reaches the program that another one runs.
        viewer.say("cancel")
        viewer.wait_until(lambda: statuses(viewer) == ["canceled"])
        assert viewer.rows[0]["reason"].startswith("Ended after TERM in ")
    assert living.wait(20) == 1


@pytest.mark.waits
def test_server_that_is_terminated_while_the_database_is_locked_ends_in_time_and_loses_nothing(
    make_server: MakeServer, fleet: Fleet, tmp_path: Path
) -> None:
    server = make_server()
    names, alice = server.add_fleet(fleet, 1), server.alice()
    text = f"echo up; until [ -e {tmp_path}/go ]; do sleep 0.2; done; seq 1000; exit 4"
    run, _viewer = start_and_wait(server, alice, names, text, mode="detached")
    server.ask("lock_database")
    began = time.monotonic()
    server.stop(signal.SIGTERM)
    assert time.monotonic() - began < 10
    server.ask("unlock_database")
    (tmp_path / "go").touch()
    server.start()
    with SocketViewer(server, alice, f"/ws/runs/{run}/") as again:
        again.wait_for("hello")
        again.subscribe_all()
        again.wait_for_ends()
        assert bytes(again.received[0]) == b"up\n" + b"".join(b"%d\n" % number for number in range(1, 1001))
        assert again.rows[0]["exit_status"] == 4
