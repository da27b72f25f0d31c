"""Taking a HostRun over from an owner that is gone: exactly one taker gets it, and the former owner writes no more."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from consoles import lease
from consoles.models import LEASE, HostRun, lease_end
from consoles.outputlog import LogWriter, Ticket
from consoles.outputlog.writing import UNSTORABLE_REASON
from consoles.protocol import STDOUT
from consoles.statuses import FINAL, Status
from tests.support.owners import dead_owner, host_runs, name_of

PAST = Now() - timedelta(seconds=1)


def stored(host_run: HostRun) -> tuple[str, int, str]:
    found = HostRun.objects.get(pk=host_run.pk)
    return found.owner, found.fence, found.status


@pytest.mark.django_db
def test_all_of_a_dead_owners_are_taken_without_waiting_for_its_lease() -> None:
    rows = host_runs(dead_owner(), Status.QUEUED, Status.STARTING, Status.RUNNING)
    assert {row.pk for row in lease.abandoned()} == {row.pk for row in rows}
    for row in rows:
        taken = lease.take_over(row, "me")
        assert taken is not None and (taken.fence, taken.owner, taken.status) == (2, "me", row.status)
        assert stored(row) == ("me", 2, row.status)
    assert not lease.abandoned()


@pytest.mark.django_db
def test_taking_over_renews_the_lease_and_gives_what_is_stored() -> None:
    [row] = host_runs("elsewhere", Status.RUNNING, lease_until=PAST)
    HostRun.objects.update(size=7, lines=2)
    taken = lease.take_over(row, "me")
    assert taken is not None and (taken.size, taken.lines, taken.run_id) == (7, 2, row.run_id)
    assert lease.take_over(taken, "another") is None
    assert stored(row) == ("me", 2, "running")


@pytest.mark.django_db
def test_living_owner_in_time_keeps_its_own(other_process: Any) -> None:
    rows = host_runs(name_of(other_process()), Status.RUNNING, Status.QUEUED)
    rows += host_runs("of-another-machine", Status.RUNNING)
    assert [lease.take_over(row, "me") for row in rows] == [None, None, None]
    assert not lease.abandoned()


@pytest.mark.django_db
def test_stopped_owner_that_is_late_loses_its_own(other_process: Any) -> None:
    """As a paused process: it holds its lock, and has not renewed."""
    [row] = host_runs(name_of(other_process()), Status.RUNNING, lease_until=PAST)
    assert lease.take_over(row, "me")


@pytest.mark.django_db
def test_living_owner_that_seems_late_is_given_the_time_to_renew(
    other_process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after the clock of the database's machine was set forward by a day, or while the owner stands still."""
    now = 1000.0
    monkeypatch.setattr(lease, "clock", lambda: now)
    name = name_of(other_process())
    [row] = host_runs(name, Status.RUNNING, lease_until=PAST)
    assert not lease.abandoned()
    now += lease.STILL_AFTER / 2
    HostRun.objects.update(lease_until=Now() - timedelta(milliseconds=1))  # renewed, and late again
    assert not lease.abandoned()
    now += lease.STILL_AFTER - 0.1
    assert not lease.abandoned()
    now += 0.2
    assert [found.pk for found in lease.abandoned()] == [row.pk]
    HostRun.objects.update(lease_until=lease_end())
    assert not lease.abandoned()


@pytest.mark.django_db
@pytest.mark.parametrize("days", [-1, 1])
def test_clock_of_this_process_decides_nothing(days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases are given and judged by the database's clock; ours may be a day off."""
    wrong = timezone.now() + timedelta(days=days)
    monkeypatch.setattr(timezone, "now", lambda: wrong)
    monkeypatch.setattr(time, "time", wrong.timestamp)
    in_time, late = host_runs("elsewhere", Status.RUNNING), host_runs("elsewhere", Status.RUNNING, lease_until=PAST)
    assert [row.pk for row in lease.abandoned()] == [late[0].pk]
    taken = lease.take_over(late[0], "me")
    assert taken is not None and lease.take_over(in_time[0], "me") is None
    left = HostRun.objects.annotate(left=F("lease_until") - Now()).get(pk=late[0].pk).left
    assert timedelta(seconds=40) < left <= LEASE


@pytest.mark.django_db
@pytest.mark.parametrize("status", sorted(FINAL))
def test_what_is_over_is_not_taken(status: Status) -> None:
    [row] = host_runs(dead_owner(), status, lease_until=PAST)
    assert lease.take_over(row, "me") is None
    assert stored(row) == (row.owner, 1, status)


@pytest.mark.django_db
def test_owner_that_renews_first_keeps_its_own() -> None:
    owner = lease.Owner()
    [row] = host_runs(owner.name, Status.RUNNING, lease_until=PAST)
    owner.renew()
    assert lease.take_over(row, "me") is None
    owner.release(owns_nothing=True)
    assert stored(row) == (owner.name, 1, "running")


@pytest.mark.django_db
def test_lock_of_a_dead_owner_stays_until_it_owns_nothing() -> None:
    [first, second] = host_runs(dead_owner(), Status.RUNNING, Status.RUNNING)
    path = Path(settings.OPSCONSOLE_OWNER_DIR) / first.owner
    assert lease.take_over(first, "me")
    lease.forget_dead_owners()
    assert path.exists()
    assert lease.take_over(second, "me")
    lease.forget_dead_owners()
    assert not path.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("owner", ["late", "dead"])
def test_of_many_that_take_at_once_one_wins(owner: str) -> None:
    for _ in range(5):
        [row] = host_runs(dead_owner() if owner == "dead" else "late", Status.RUNNING, lease_until=PAST)
        winners = take_at_once(row, takers=6)
        assert len(winners) == 1
        assert stored(row) == (winners[0], 2, "running")


def take_at_once(row: HostRun, takers: int) -> list[str]:
    barrier = threading.Barrier(takers)
    won: list[str] = []

    def take(name: str) -> None:
        barrier.wait()
        if lease.take_over(row, name):
            won.append(name)
        connection.close()

    threads = [threading.Thread(target=take, args=(f"taker{number}",)) for number in range(takers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won


@pytest.mark.django_db(transaction=True)
def test_former_owner_writes_nothing_under_its_old_fence() -> None:
    [row] = host_runs("late", Status.RUNNING, lease_until=PAST)
    writer, ticket = LogWriter(), Ticket(row, 1)
    writer.append(ticket, STDOUT, b"before\n")
    assert writer.flush(10)
    taken = lease.take_over(row, "me")
    assert taken is not None and taken.size == 7
    writer.append(ticket, STDOUT, b"stale\n")
    assert writer.move(ticket, Status.SUCCEEDED, exit_status=0).result(10) is False
    mine = Ticket(taken, taken.fence, end=taken.size, lines=taken.lines)
    writer.append(mine, STDOUT, b"after\n")
    assert writer.move(mine, Status.FAILED, exit_status=3).result(10) is True
    writer.stop(10)
    found = HostRun.objects.get(pk=row.pk)
    assert (found.status, found.exit_status, found.size, found.lines) == ("failed", 3, 13, 2)


@pytest.mark.django_db(transaction=True)
def test_log_that_is_not_as_long_as_it_was_left_ends_its_own_host_and_no_other() -> None:
    """As after a backup was played back under a running console."""
    broken, whole = host_runs("me", Status.RUNNING, Status.RUNNING)
    writer, tickets = LogWriter(), [Ticket(broken, 1), Ticket(whole, 1)]
    for ticket in tickets:
        writer.append(ticket, STDOUT, b"before\n")
    assert writer.flush(10)
    HostRun.objects.filter(pk=broken.pk).update(size=3)
    with writer._changed:  # held, so that both are in one batch
        for ticket in tickets:
            writer.append(ticket, STDOUT, b"after\n")
    assert writer.flush(10)
    assert writer.move(tickets[1], Status.SUCCEEDED).result(10) is True
    writer.stop(10)
    found = HostRun.objects.get(pk=broken.pk)
    assert (found.status, found.reason, found.size) == ("lost", UNSTORABLE_REASON, 3)
    assert tickets[0].fenced
    found = HostRun.objects.get(pk=whole.pk)
    assert (found.status, found.size) == ("succeeded", 13)
