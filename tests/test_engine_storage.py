"""Output while the database refuses, is full, or belongs to somebody else: nothing is lost, nothing is stored twice."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.db.backends.signals import connection_created

from consoles import dispatcher, doorbell, lease, runner
from consoles.models import HostRun
from consoles.outputlog import LogWriter
from consoles.protocol import STDERR, STDOUT
from consoles.statuses import Status
from tests.support.engine import Engine
from tests.support.locks import DatabaseLock

Trouble = threading.Semaphore


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch, refusals: Trouble) -> Trouble:
    """Released at each time the database refuses the log writer, which waits only shortly for a lock here."""
    monkeypatch.setitem(connections.databases["default"]["OPTIONS"], "timeout", 0.1)
    return refusals


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe that holds up programs until a test writes to it."""
    os.mkfifo(tmp_path / "go")
    return tmp_path / "go"


def test_locked_database_costs_time_and_not_a_byte(
    engine: Engine, trouble: Trouble, pipe: Path, either_mode: str
) -> None:
    run = engine.start(engine.servers(), f"echo before; read -r x <{pipe}; seq 1 1000000; echo after >&2; exit 3")
    engine.wait_for_output(run, "before")
    assert dispatcher.trouble() == ""
    locker = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    pipe.write_text("go\n")
    for _ in range(4):
        assert trouble.acquire(timeout=20)
    assert "database is locked" in dispatcher.trouble()
    assert dispatcher.trouble().endswith("runs wait. Free disk space or unlock the database.")
    locker.execute("ROLLBACK")
    locker.close()
    [host_run] = engine.wait_for_end(run)
    assert dispatcher.trouble() == ""
    assert (host_run.status, host_run.exit_status) == ("failed", 3)
    expected = b"before\n" + b"".join(b"%d\n" % number for number in range(1, 1_000_001))
    # Detached, both streams are one file.
    told = {"attached": (expected, b"after\n"), "detached": (expected + b"after\n", b"")}[either_mode]
    assert hashlib.sha256(engine.output(host_run, STDOUT)).digest() == hashlib.sha256(told[0]).digest()
    assert engine.output(host_run, STDERR) == told[1]


@pytest.mark.usefixtures("either_mode")
def test_full_disk_costs_time_and_not_a_byte(engine: Engine, trouble: Trouble, pipe: Path) -> None:
    def fill_the_disk(connection: Any, **_: Any) -> None:
        if threading.current_thread().name == "log-writer":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA page_count")
                cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0] + 50}")

    def free_space() -> None:
        connection_created.disconnect(fill_the_disk)
        # The limit is the connection's, so the writer's must be another one; it opens it itself.
        runner_writer = dispatcher._get().writer
        runner_writer._note_trouble = note_and_reconnect  # type: ignore[method-assign]

    def note_and_reconnect(error: Any) -> None:
        connections["default"].close()

    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # or what other tests deleted would be room enough
    connection_created.connect(fill_the_disk)
    try:
        run = engine.start(engine.servers(), f"echo before; read -r x <{pipe}; seq 1 300000")
        engine.wait_for_output(run, "before")
        pipe.write_text("go\n")
        assert trouble.acquire(timeout=20)
        # A lock of somebody else's moment is refused here, too.
        while "database or disk is full" not in dispatcher.trouble():
            assert trouble.acquire(timeout=20)
    finally:
        free_space()
    [host_run] = engine.wait_for_end(run)
    assert (host_run.status, dispatcher.trouble()) == ("succeeded", "")
    assert engine.output(host_run) == b"before\n" + b"".join(b"%d\n" % number for number in range(1, 300_001))


@pytest.mark.usefixtures("either_mode")
def test_process_that_lost_its_host_writes_nothing_more(engine: Engine, pipe: Path) -> None:
    """As after a long pause: somebody else has settled the HostRun meanwhile."""
    run = engine.start(engine.servers(), f"echo before; read -r x <{pipe}; seq 1 2000; sleep 0.1; seq 1 2000")
    [host_run] = engine.wait_for_output(run, "before")
    assert host_run.move(Status.LOST, fence=host_run.fence, new_fence=host_run.fence + 1, reason="Taken over.")
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(f"run-{run.pk}-")]
    assert threads
    pipe.write_text("go\n")
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert dispatcher._get().writer.flush(10)
    host_run.refresh_from_db()
    assert (host_run.status, host_run.reason, host_run.size) == ("lost", "Taken over.", 7)
    assert engine.output(host_run) == b"before\n"


def test_stopping_stores_what_came_and_says_what_is_unknown(engine: Engine) -> None:
    """Attached programs end, or go out of reach; what was not started is left to the next process."""
    run = engine.start(engine.servers(3), "echo up; sleep 1011", fanout=2, mode="attached")
    engine.wait_until(run, lambda rows: [row.last_line for row in rows] == ["up", "up", ""])
    began = time.monotonic()
    dispatcher.stop()
    assert time.monotonic() - began < 10
    rows = list(run.host_runs.all())
    assert [(row.status, row.reason) for row in rows] == [
        ("lost", runner.STOPPED_REASON),
        ("lost", runner.STOPPED_REASON),
        ("queued", ""),
    ]
    assert [(row.finished is None, row.owner == "", row.fence) for row in rows] == [(False, False, 2)] * 2 + [
        (True, True, 2)
    ]
    assert [engine.output(row) for row in rows] == [b"up\n", b"up\n", b""]


def test_stopping_stores_what_came_while_the_database_was_locked(
    engine: Engine, pipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = engine.start(engine.servers(), f"echo up; read -r x <{pipe}; echo last; sleep 1017", mode="attached")
    engine.wait_for_output(run, "up")
    came = threading.Event()
    append, give_up = LogWriter.append, runner.Runner._give_up

    def append_and_tell(writer: LogWriter, ticket: Any, stream_number: int, data: bytes) -> None:
        append(writer, ticket, stream_number, data)
        came.set()

    def unlock_and_give_up(ours: runner.Runner) -> None:
        lock.release()
        give_up(ours)

    monkeypatch.setattr(LogWriter, "append", append_and_tell)
    monkeypatch.setattr(runner.Runner, "_give_up", unlock_and_give_up)
    lock = DatabaseLock(connection.settings_dict)
    pipe.write_text("go\n")
    assert came.wait(20)
    dispatcher.stop()
    [row] = run.host_runs.all()
    assert (row.status, engine.output(row)) == ("lost", b"up\nlast\n")


def test_process_that_slept_keeps_what_nobody_took(engine: Engine, pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop's lid, a stopped process, a locked database: the leases have run out, and the owner looks first."""
    monkeypatch.setattr(runner, "RENEW_EVERY", 0.0)
    looked = threading.Event()
    settle = lease.settle_abandoned

    def settle_and_tell(owner: str) -> list[HostRun]:
        try:
            return settle(owner)
        finally:
            looked.set()

    monkeypatch.setattr(lease, "settle_abandoned", settle_and_tell)
    dispatcher.start()
    run = engine.start(engine.servers(), f"echo before; read -r x <{pipe}; echo after")
    engine.wait_for_output(run, "before")
    looked.clear()
    HostRun.objects.update(lease_until="2000-01-01T00:00:00Z")
    dispatcher.nudge()
    assert looked.wait(20)
    pipe.write_text("go\n")
    [host_run] = engine.wait_for_end(run)
    assert (host_run.status, engine.output(host_run)) == ("succeeded", b"before\nafter\n")


def test_doorbell_of_a_run_is_forgotten_when_nobody_watches(engine: Engine) -> None:
    engine.run_one("true")
    assert not doorbell._watchers
