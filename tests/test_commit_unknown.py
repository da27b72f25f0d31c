"""A COMMIT whose answer never came: what was in it is stored once, whether it happened or not. On PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from consoles import outputlog
from consoles.models import HostRun
from consoles.outputlog import LogWriter, Ticket, writing
from consoles.protocol import STDERR, STDOUT
from consoles.statuses import Status
from tests.support.commit_proxy import AFTER, BEFORE, CommitProxy
from tests.support.engine import assert_contiguous
from tests.support.owners import host_runs
from tests.support.postgres_server import PostgresServer

pytestmark = [pytest.mark.databases, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def proxy(postgres: PostgresServer, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommitProxy]:
    """All connections of this process go through it."""
    monkeypatch.setattr(writing, "RETRY_PAUSE", 0.01)
    running = CommitProxy(postgres.directory)
    _connect_through(str(running.directory))
    yield running
    _connect_through(str(postgres.directory))
    running.close()


def _connect_through(directory: str) -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's
    connection.settings_dict["HOST"] = directory


def stored(host_run: HostRun, stream: int | None = None) -> bytes:
    assert_contiguous(host_run.pk)
    return b"".join(outputlog.stream(host_run.pk, stream))


@pytest.mark.parametrize("cut", [BEFORE, AFTER])
def test_output_and_status_are_stored_once(cut: str, proxy: CommitProxy, refusals: threading.Semaphore) -> None:
    rows = host_runs("me", Status.QUEUED, Status.QUEUED)
    writer = LogWriter()
    tickets = [Ticket(row, 1) for row in rows]
    for status in (Status.STARTING, Status.RUNNING):
        proxy.cuts.append(cut)
        done = [writer.move(ticket, status) for ticket in tickets]
        assert [future.result(20) for future in done] == [True, True]
        assert refusals.acquire(timeout=20)
    for number in range(10):
        proxy.cuts.append(cut)
        for ticket in tickets:
            writer.append(ticket, STDOUT, b"%d\n" % number)
            writer.append(ticket, STDERR, b"E%d\n" % number)
        assert writer.flush(20)
        assert refusals.acquire(timeout=20)
    proxy.cuts.append(cut)
    last = [writer.move(ticket, Status.FAILED, exit_status=3) for ticket in tickets]
    assert [future.result(20) for future in last] == [True, True]
    writer.stop(20)
    for row in rows:
        found = HostRun.objects.get(pk=row.pk)
        assert (found.status, found.exit_status, found.size, found.lines) == ("failed", 3, 50, 20)
        assert stored(row, STDOUT) == b"".join(b"%d\n" % number for number in range(10))
        assert stored(row, STDERR) == b"".join(b"E%d\n" % number for number in range(10))


def test_a_whole_life_in_one_lost_commit_counts_as_done(proxy: CommitProxy, refusals: threading.Semaphore) -> None:
    """Statuses that came after one another in the same batch: the last one is all that the row shows."""
    [row] = host_runs("me", Status.STARTING)
    writer, ticket = LogWriter(), Ticket(row, 1)
    proxy.cuts.append(AFTER)
    with writer._changed:  # held, so that all of it is one batch
        running = writer.move(ticket, Status.RUNNING)
        over = writer.move(ticket, Status.SUCCEEDED, exit_status=0)
    assert (running.result(20), over.result(20)) == (True, True)
    assert refusals.acquire(timeout=20)
    writer.stop(20)
    assert HostRun.objects.get(pk=row.pk).status == "succeeded"


def test_what_was_refused_before_the_cut_stays_refused(proxy: CommitProxy, refusals: threading.Semaphore) -> None:
    """Another process took one of two HostRuns over: the repeated batch says the same of both as the lost one."""
    mine, taken = host_runs("me", Status.RUNNING, Status.RUNNING)
    HostRun.objects.filter(pk=taken.pk).update(fence=2)
    writer = LogWriter()
    proxy.cuts.append(AFTER)
    with writer._changed:
        done = [writer.move(Ticket(row, 1), Status.SUCCEEDED) for row in (mine, taken)]
    assert [future.result(20) for future in done] == [True, False]
    assert refusals.acquire(timeout=20)
    writer.stop(20)
    assert [HostRun.objects.get(pk=row.pk).status for row in (mine, taken)] == ["succeeded", "running"]


def test_one_who_takes_over_after_the_lost_commit_goes_on_where_it_ended(
    proxy: CommitProxy, postgres: PostgresServer, refusals: threading.Semaphore
) -> None:
    [row] = host_runs("me", Status.RUNNING)
    writer, ticket = LogWriter(), Ticket(row, 1)
    writer.append(ticket, STDOUT, b"one\n")
    assert writer.flush(20)
    proxy.cuts.extend([AFTER])
    note = writer._note_trouble

    def take_over_first(error: Any) -> None:
        note(error)
        postgres.execute("UPDATE consoles_hostrun SET fence = 2", connection.settings_dict["NAME"])

    writer._note_trouble = take_over_first  # type: ignore[method-assign]
    writer.append(ticket, STDOUT, b"two\n")
    assert writer.flush(20)
    assert ticket.fenced
    found = HostRun.objects.get(pk=row.pk)
    heir = Ticket(found, 2, end=found.size, lines=found.lines)
    writer.append(heir, STDOUT, b"three\n")
    writer.stop(20)
    assert stored(row) == b"one\ntwo\nthree\n"


def test_terminated_connections_cost_time_and_not_a_byte(
    postgres: PostgresServer, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "RETRY_PAUSE", 0.01)
    [row] = host_runs("me", Status.RUNNING)
    writer, ticket = LogWriter(), Ticket(row, 1)
    for number in range(20):
        writer.append(ticket, STDOUT, b"%d\n" % number)
        if number == 8:
            postgres.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'opsconsole'"
            )
    assert writer.flush(30)
    writer.stop(20)
    connection.close()
    assert stored(row) == b"".join(b"%d\n" % number for number in range(20))
