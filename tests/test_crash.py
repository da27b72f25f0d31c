"""Console processes that are killed in the middle of a run, and what the next start makes of it."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from consoles import lease, runner
from demo.fleet import Fleet
from tests.support.server import ROOT, MakeServer, ServerProcess
from tests.support.viewing import SocketViewer

NEW = "/ws/runs/new/"


def statuses(viewer: SocketViewer) -> list[str]:
    return [viewer.rows[index]["status"] for index in sorted(viewer.rows)]


def start_and_wait(server: ServerProcess, who: dict[str, str], names: list[str], text: str) -> tuple[int, SocketViewer]:
    """A run that works on two hosts at a time, both of which have printed what comes before "up"."""
    viewer = SocketViewer(server, who, NEW)
    run = viewer.start(names, text, fanout=2)
    viewer.wait_for("hello")
    viewer.subscribe_all()
    viewer.wait_until(lambda: [viewer.rows[index]["last_line"] for index in (0, 1)] == ["up", "up"])
    return run, viewer


def test_killed_server_leaves_nothing_unsaid_and_no_byte_behind(make_server: MakeServer, fleet: Fleet) -> None:
    server = make_server()
    names, alice = server.add_fleet(fleet, 4), server.alice()
    run, viewer = start_and_wait(server, alice, names, "seq 1 50000; echo up; sleep 1013")
    viewer.wait_until(lambda: len(viewer.received[0]) == len(viewer.received[1]) > 0)
    server.kill()
    received = [bytes(viewer.received[0]), bytes(viewer.received[1])]
    server.start()
    began = time.monotonic()
    with SocketViewer(server, alice, f"/ws/runs/{run}/") as again:
        again.wait_for("hello")
        again.wait_until(lambda: statuses(again) == ["lost", "lost", "skipped", "skipped"])
        assert time.monotonic() - began < 3
        again.subscribe_all()
        again.wait_for_ends()
        assert [bytes(again.received[index]) for index in (0, 1)] == received
    rows = server.ask("host_runs", run=run)
    assert [row["reason"] for row in rows] == [lease.LOST_REASON] * 2 + [lease.SKIPPED_REASON] * 2
    for row in rows[:2]:
        assert server.ask("output_sha256", run=run, index=row["index"]) == hashlib.sha256(received[0]).hexdigest()
    assert all(row["exit_status"] is None for row in rows)


def test_terminated_server_says_what_became_of_its_runs_and_ends_in_time(make_server: MakeServer, fleet: Fleet) -> None:
    server = make_server()
    names, alice = server.add_fleet(fleet, 3), server.alice()
    run, _viewer = start_and_wait(server, alice, names, "echo up; sleep 1014")
    began = time.monotonic()
    server.stop(signal.SIGTERM)
    assert time.monotonic() - began < 10
    rows = server.ask("host_runs", run=run)
    assert [(row["status"], row["reason"]) for row in rows] == [
        ("lost", runner.STOPPED_REASON),
        ("lost", runner.STOPPED_REASON),
        ("skipped", lease.SKIPPED_REASON),
    ]
    assert server.ask("output_sha256", run=run, index=0) == hashlib.sha256(b"up\n").hexdigest()


@pytest.fixture
def command_line() -> Any:
    """Start ``manage.py run`` beside the test and wait for its first line."""
    started: list[subprocess.Popen[str]] = []

    def run(console: ServerProcess, text: str, name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "manage.py", "run", text, "--on", name]
        process = subprocess.Popen(
            command, cwd=ROOT, env=console.environment_of_process(), stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == f"{name}: up\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_starting_server_settles_the_dead_command_line_and_not_the_living(
    make_server: MakeServer, fleet: Fleet, command_line: Any
) -> None:
    console = make_server(start=False)
    console.add_fleet(fleet, 2)
    living = command_line(console, "echo up; sleep 1015", "h0")
    dead = command_line(console, "echo up; sleep 1016", "h1")
    dead.kill()
    dead.wait()
    console.start()
    charlie = console.person("charlie", "consoles.view_all_runs", "consoles.cancel_run")
    with SocketViewer(console, charlie, "/ws/runs/2/") as viewer:
        viewer.wait_for("hello")
        viewer.wait_until(lambda: statuses(viewer) == ["lost"], timeout=5)
    # One look settles all that is dead, so the living one was looked at too.
    with SocketViewer(console, charlie, "/ws/runs/1/") as viewer:
        viewer.wait_for("hello")
        assert statuses(viewer) == ["running"]
        # A cancel written by one process reaches the program that another one runs.
        viewer.say("cancel")
        viewer.wait_until(lambda: statuses(viewer) == ["canceled"])
        assert viewer.rows[0]["reason"].startswith("Ended after TERM in ")
    assert living.wait(20) == 1
