"""PostgreSQL that is locked, restarted or gone while runs print: output waits, and is stored as it was printed."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from consoles import dispatcher
from consoles.outputlog import writing
from consoles.protocol import STDERR, STDOUT
from demo.fleet import Fleet
from tests.support.engine import Engine
from tests.support.locks import DatabaseLock
from tests.support.postgres_server import PostgresServer
from tests.support.server import MakeServer
from tests.support.viewing import SocketViewer

pytestmark = pytest.mark.databases

PRINTED = b"up\n" + b"".join(b"%d\n" % number for number in range(1, 200_001))


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe that holds up a program until a test writes to it."""
    os.mkfifo(tmp_path / "go")
    return tmp_path / "go"


@pytest.fixture
def impatient(postgres: PostgresServer, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever waits for a lock is told so after a tenth of a second."""
    monkeypatch.setattr(writing, "RETRY_PAUSE", 0.01)
    options = connection.settings_dict["OPTIONS"]
    monkeypatch.setitem(options, "options", options["options"].replace("lock_timeout=20s", "lock_timeout=100ms"))
    _reconnect()
    yield
    monkeypatch.undo()
    _reconnect()


def _reconnect() -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's


def test_a_lock_costs_time_and_not_a_byte(
    impatient: None, engine: Engine, refusals: threading.Semaphore, pipe: Path
) -> None:
    program = f"echo up; read -r x <{pipe}; seq 1 200000; echo after >&2; exit 3"
    run = engine.start(engine.servers(), program, mode="attached")
    engine.wait_for_output(run, "up")
    lock = DatabaseLock(connection.settings_dict)
    pipe.write_text("go\n")
    for _ in range(4):
        assert refusals.acquire(timeout=20)
    assert "lock timeout" in dispatcher.trouble()
    lock.release()
    [host_run] = engine.wait_for_end(run)
    assert (host_run.status, host_run.exit_status, dispatcher.trouble()) == ("failed", 3, "")
    assert engine.output(host_run, STDOUT) == PRINTED
    assert engine.output(host_run, STDERR) == b"after\n"


def test_a_restart_in_the_middle_of_runs_loses_nothing(
    make_server: MakeServer, own_postgres: PostgresServer, fleet: Fleet, pipe: Path
) -> None:
    server = make_server(DATABASE_URL=own_postgres.url("console"))
    names, alice = server.add_fleet(fleet, 2), server.alice()
    programs = f"echo up; until [ -e {pipe}.now ]; do sleep 0.05; done; seq 1 200000; exit 3"
    with SocketViewer(server, alice, "/ws/runs/new/") as viewer:
        run = viewer.start(names, programs)
        viewer.wait_for("hello")
        viewer.wait_until(lambda: [viewer.rows[index]["last_line"] for index in (0, 1)] == ["up", "up"])
        own_postgres.stop("immediate")
        Path(f"{pipe}.now").touch()
        server.wait_for_log("Output cannot be stored")
        own_postgres.start()
        viewer.subscribe_all()
        viewer.wait_for_ends()
    assert [(row["status"], row["exit_status"]) for row in server.ask("host_runs", run=run)] == [("failed", 3)] * 2
    for index in (0, 1):
        assert server.ask("output_sha256", run=run, index=index) == hashlib.sha256(PRINTED).hexdigest()
