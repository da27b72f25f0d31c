"""Runs that go on with another process than the one that started them: what runs is followed, what waits is started."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from consoles import actions, dispatcher, lease
from consoles.models import LEASE, AuditEntry, HostRun, Run
from consoles.runner import Runner
from consoles.statuses import Status
from demo.fleet import Fleet
from servers.models import Server
from tests.support.engine import Engine
from tests.support.hosts import add_to_inventory


@pytest.fixture
def text(tmp_path: Path) -> str:
    """A program that notes its start, and waits in the middle of its output until the test lets it go on."""
    wait = f"until [ -e {tmp_path}/go ]; do sleep 0.05; done"
    return f"echo x >>{tmp_path}/starts; seq 1 2000; echo up; {wait}; seq 2001 4000; exit 5"


PRINTED = b"".join(b"%d\n" % number for number in range(1, 2001)) + b"up\n"
PRINTED += b"".join(b"%d\n" % number for number in range(2001, 4001))


def test_next_process_goes_on_where_the_last_one_stopped(engine: Engine, text: str, tmp_path: Path) -> None:
    run = engine.start(engine.servers(3), text, fanout=2)
    engine.wait_until(run, lambda rows: [row.last_line for row in rows] == ["up", "up", ""])
    began = time.monotonic()
    dispatcher.stop()
    assert time.monotonic() - began < 10
    rows = list(run.host_runs.order_by("index"))
    assert [(row.status, row.owner, row.lease_until) for row in rows] == [
        ("running", "", None), ("running", "", None), ("queued", "", None)
    ]  # fmt: skip
    # Left behind by nobody: the programs run, and nothing of them was ended.
    assert (tmp_path / "starts").read_text() == "x\n" * 2
    dispatcher.start()
    engine.wait_until(run, lambda rows: all(row.owner == dispatcher.owner() for row in rows))
    (tmp_path / "go").touch()
    rows = engine.wait_for_end(run)
    assert [(row.status, row.exit_status, row.fence) for row in rows] == [("failed", 5, 3)] * 3
    assert [engine.output(row) == PRINTED for row in rows] == [True] * 3
    assert (tmp_path / "starts").read_text() == "x\n" * 3
    told = AuditEntry.objects.get(act=AuditEntry.Act.RUN_SETTLED)
    assert told.detail == "Its process was gone: 3 taken over, 0 lost."


def test_what_a_stop_could_not_give_up_is_taken_over_at_once(
    engine: Engine, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = on_its_way(engine, text)
    with monkeypatch.context() as patched:
        patched.setattr(Runner, "_give_up", Mock(side_effect=OperationalError("database is locked")))
        dispatcher.stop()
    assert run.host_runs.get().owner != ""
    assert_goes_on_at_once(engine, run, tmp_path)


def test_what_was_taken_over_while_stopping_is_taken_over_again_at_once(
    engine: Engine, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may wait to take over until somebody releases the database, and meanwhile have to end."""
    run = on_its_way(engine, text)
    dispatcher.stop()
    waits, gave_up = threading.Event(), threading.Event()
    settle, give_up = lease.settle_abandoned, Runner._give_up

    def settle_late(owner: str) -> list[HostRun]:
        waits.set()
        gave_up.wait(20)
        return settle(owner)

    def give_up_and_tell(runner: Runner) -> None:
        give_up(runner)
        gave_up.set()

    with monkeypatch.context() as patched:
        patched.setattr(lease, "settle_abandoned", settle_late)
        patched.setattr(Runner, "_give_up", give_up_and_tell)
        dispatcher.start()
        assert waits.wait(20)
        dispatcher.stop()
        engine.wait_until(run, lambda rows: rows[0].owner)
    assert_goes_on_at_once(engine, run, tmp_path)


def test_taking_over_that_the_database_refused_is_tried_again_at_the_next_look(
    engine: Engine, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = on_its_way(engine, text)
    dispatcher.stop()
    settle = lease.settle_abandoned
    tries = Mock(side_effect=[OperationalError("database is locked"), OperationalError("database is locked")])
    monkeypatch.setattr(lease, "settle_abandoned", lambda owner: tries() if tries.call_count < 2 else settle(owner))
    assert_goes_on_at_once(engine, run, tmp_path)
    assert tries.call_count == 2


def on_its_way(engine: Engine, text: str) -> Run:
    """A run on one server that waits in the middle of its output."""
    run = engine.start(engine.servers(1), text)
    engine.wait_for_output(run, "up")
    return run


def assert_goes_on_at_once(engine: Engine, run: Run, tmp_path: Path) -> None:
    """The next process takes over before leases run out, and everything is there once."""
    began = time.monotonic()
    dispatcher.start()
    engine.wait_until(run, lambda rows: rows[0].owner == dispatcher.owner())
    assert time.monotonic() - began < LEASE.total_seconds() / 2
    (tmp_path / "go").touch()
    (row,) = engine.wait_for_end(run)
    assert engine.output(row) == PRINTED and (tmp_path / "starts").read_text() == "x\n"


def test_what_was_canceled_meanwhile_is_ended_and_not_started(engine: Engine, text: str, tmp_path: Path) -> None:
    run = engine.start(engine.servers(3), text, fanout=1)
    engine.wait_until(run, lambda rows: rows[0].last_line == "up")
    dispatcher.stop()
    assert actions.cancel_run(run, None, "tester") == 3
    assert run.counts() == {"running": 1, "canceled": 2}
    dispatcher.start()
    rows = engine.wait_for_end(run)
    assert [row.status for row in rows] == ["canceled"] * 3
    assert rows[0].reason.startswith("Ended after TERM in ")
    assert {row.reason for row in rows[1:]} == {"Canceled before it was started."}
    assert (tmp_path / "starts").read_text() == "x\n"


def test_fan_out_holds_for_what_is_taken_over(engine: Engine, text: str, tmp_path: Path) -> None:
    """What runs comes first, and what waits gets its turn only then."""
    run = engine.start(engine.servers(3), text, fanout=1)
    engine.wait_until(run, lambda rows: rows[0].last_line == "up")
    dispatcher.stop()
    dispatcher.start()
    engine.wait_until(run, lambda rows: all(row.owner == dispatcher.owner() for row in rows))
    assert [row.status for row in run.host_runs.order_by("index")] == ["running", "queued", "queued"]
    (tmp_path / "go").touch()
    assert {row.status for row in engine.wait_for_end(run)} == {"failed"}


def test_start_that_nobody_answered_is_made_once(engine: Engine, text: str, tmp_path: Path) -> None:
    """The former owner died in the middle of the start: it may have come to the host, or not."""
    (tmp_path / "go").touch()
    run = left_starting(engine, text)
    dispatcher.start()
    [row] = engine.wait_for_end(run)
    assert (row.status, row.exit_status) == ("failed", 5)
    kept = engine.fleet.home / ".opsconsole"
    engine.wait_until(run, lambda rows: not list(kept.glob(f"{row.spool_name}.*")))
    # And once more, by an owner that has slept through all that.
    HostRun.objects.filter(pk=row.pk).update(status=Status.STARTING, size=0, lines=0, owner="gone", fence=9)
    HostRun.objects.filter(pk=row.pk).update(lease_until=Now() - timedelta(seconds=1))
    row.chunks.all().delete()
    dispatcher.stop()
    dispatcher.start()
    [row] = engine.wait_for_end(run)
    assert row.status == "lost"
    assert row.reason.startswith("What h0 kept of it was removed before everything was stored here.")
    assert (tmp_path / "starts").read_text() == "x\n"


def test_start_that_nobody_answered_is_never_made_up_for_attached(engine: Engine, text: str, tmp_path: Path) -> None:
    """It may run there already, though the host says now that it cannot run anything detached."""
    with Fleet.demo(tmp_path / "fleet", ["one"], own_homes=True) as fleet:
        (fleet.home_of("one") / ".opsconsole").touch()
        run = left_starting(engine, text, add_to_inventory(fleet, 1))
        dispatcher.start()
        [row] = engine.wait_for_end(run)
        assert (row.status, row.mode) == ("lost", "detached")
        assert row.reason.endswith("Whether it was started before is not known: check there.")
        assert not (tmp_path / "starts").exists()


def left_starting(engine: Engine, text: str, servers: list[Server] | None = None) -> Run:
    """A run whose process was gone before it knew whether its program was started."""
    [server] = servers or engine.servers(1)
    run = Run.objects.create(
        requester_name="x", title="x", program=text, program_sha256="", output_limit=10**7, mode=Run.Mode.AUTO
    )
    HostRun.objects.create(
        run=run, index=0, server=server, server_name=server.name, status=Status.STARTING, mode=Run.Mode.DETACHED,
        owner="gone", fence=4, lease_until=Now() - timedelta(seconds=1), started=Now(),
    )  # fmt: skip
    return run


def test_process_that_stops_leaves_no_slot_taken(engine: Engine, text: str, settings: object, tmp_path: Path) -> None:
    settings.OPSCONSOLE_MAX_ACTIVE = 1  # type: ignore[attr-defined]  # pytest-django's
    first, second = engine.servers(2)
    run, waiting = engine.start([first], text), engine.start([second], text)
    engine.wait_until(run, lambda rows: HostRun.objects.filter(last_line="up").exists())
    dispatcher.stop()
    (tmp_path / "go").touch()
    dispatcher.start()
    rows = engine.wait_for_end(run) + engine.wait_for_end(waiting)
    assert [row.status for row in rows] == ["failed"] * 2
    assert (tmp_path / "starts").read_text() == "x\n" * 2


def test_host_that_its_own_process_has_lost_sight_of_is_worked_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault came between taking it and working on it; its lease is renewed, so nobody else would take it."""
    monkeypatch.setattr("consoles.runner.RENEW_EVERY", 0.1)
    monkeypatch.setattr("consoles.runner.LOOK_EVERY", 0.05)
    [server] = engine.servers(1)
    dispatcher.start()
    run = Run.objects.create(requester_name="x", title="x", program="echo hi", program_sha256="", output_limit=100)
    HostRun.objects.create(
        run=run, index=0, server=server, server_name=server.name, owner=dispatcher.owner(), fence=1, lease_until=Now()
    )
    [row] = engine.wait_for_end(run)
    assert (row.status, engine.output(row)) == ("succeeded", b"hi\n")
