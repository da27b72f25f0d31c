"""A process that stood still while another one took over: it wakes up, writes nothing stale and touches no host."""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path

import pytest

from demo.fleet import Fleet
from tests.support.server import MakeServer, ServerProcess
from tests.support.viewing import SocketViewer

LEFT = "is left to whoever owns it now"


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe that holds up a program until a test writes to it."""
    os.mkfifo(tmp_path / "go")
    return tmp_path / "go"


def start_and_pause(
    make_server: MakeServer, fleet: Fleet, program: str, mode: str
) -> tuple[ServerProcess, ServerProcess, dict[str, str], int]:
    """A run that has printed "up", its process paused with its lease run out, and another process beside it."""
    first = make_server(OPSCONSOLE_LOG_LEVEL="INFO")
    names, alice = first.add_fleet(fleet, 1), first.alice()
    with SocketViewer(first, alice, "/ws/runs/new/") as viewer:
        run = viewer.start(names, program, mode=mode)
        viewer.wait_for("hello")
        viewer.wait_until(lambda: viewer.rows[0]["last_line"] == "up")
    first.pause()
    first.ask("expire_leases")
    return first, make_server(**first.shared), alice, run


def wait_for_status(server: ServerProcess, who: dict[str, str], run: int, status: str) -> None:
    with SocketViewer(server, who, f"/ws/runs/{run}/") as viewer:
        viewer.wait_for("hello")
        viewer.wait_until(lambda: viewer.rows[0]["status"] == status)


def test_paused_process_changes_nothing_of_what_another_has_settled(
    make_server: MakeServer, fleet: Fleet, pipe: Path
) -> None:
    program = f"echo up; read -r x <{pipe}; echo late; exit 5"
    first, second, alice, run = start_and_pause(make_server, fleet, program, mode="attached")
    wait_for_status(second, alice, run, "lost")
    settled = second.ask("host_runs", run=run)
    pipe.write_text("go\n")
    first.resume()
    first.wait_for_log(LEFT)
    # At its end it would store whatever it still had to store.
    first.stop(signal.SIGTERM)
    assert second.ask("host_runs", run=run) == settled
    assert (settled[0]["fence"], settled[0]["size"], settled[0]["exit_status"]) == (2, 3, None)
    assert second.ask("output_sha256", run=run, index=0) == hashlib.sha256(b"up\n").hexdigest()


@pytest.mark.databases
def test_paused_process_leaves_a_detached_program_to_the_one_that_took_it(
    make_server: MakeServer, fleet: Fleet, pipe: Path, tmp_path: Path
) -> None:
    program = f"echo x >>{tmp_path}/starts; echo up; read -r x <{pipe}; echo late; seq 1 50000; exit 5"
    first, second, alice, run = start_and_pause(make_server, fleet, program, mode="detached")
    with SocketViewer(second, alice, f"/ws/runs/{run}/") as viewer:
        viewer.wait_for("hello")
        viewer.wait_until(lambda: second.ask("host_runs", run=run)[0]["fence"] == 2)
        viewer.subscribe(0)
        # Both read what it prints from here on.
        first.resume()
        pipe.write_text("go\n")
        viewer.wait_for_ends()
    first.wait_for_log(LEFT)
    first.stop(signal.SIGTERM)
    printed = b"up\nlate\n" + b"".join(b"%d\n" % number for number in range(1, 50_001))
    [row] = second.ask("host_runs", run=run)
    assert (row["status"], row["exit_status"], row["fence"], row["size"]) == ("failed", 5, 2, len(printed))
    assert second.ask("output_sha256", run=run, index=0) == hashlib.sha256(printed).hexdigest()
    assert (tmp_path / "starts").read_text() == "x\n"


def test_process_that_nobody_took_anything_from_goes_on_after_a_pause(
    make_server: MakeServer, fleet: Fleet, pipe: Path
) -> None:
    server = make_server()
    names, alice = server.add_fleet(fleet, 1), server.alice()
    with SocketViewer(server, alice, "/ws/runs/new/") as viewer:
        run = viewer.start(names, f"echo up; read -r x <{pipe}; echo late", mode="attached")
        viewer.wait_for("hello")
        viewer.wait_until(lambda: viewer.rows[0]["last_line"] == "up")
        server.pause()
        server.ask("expire_leases")
        pipe.write_text("go\n")
        server.resume()
        viewer.wait_until(lambda: viewer.rows[0]["status"] == "succeeded")
    assert server.ask("output_sha256", run=run, index=0) == hashlib.sha256(b"up\nlate\n").hexdigest()
