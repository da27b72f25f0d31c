"""Who may act for a HostRun: the owner while it lives, and nobody twice."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db.models.functions import Now

from consoles import dispatcher, doorbell, lease, runner
from consoles.models import AuditEntry, HostRun
from consoles.statuses import FINAL, Status
from tests.support.engine import Engine
from tests.support.owners import host_runs, name_of


def as_stored(rows: list[HostRun]) -> list[tuple[str, str, int]]:
    found = HostRun.objects.in_bulk([row.pk for row in rows])
    return [(found[row.pk].status, found[row.pk].reason, found[row.pk].fence) for row in rows]


ALL = (Status.QUEUED, Status.STARTING, Status.RUNNING, Status.SUCCEEDED, Status.CANCELED)


@pytest.mark.django_db
def test_living_owner_is_left_alone_and_a_dead_one_is_settled(other_process: Any) -> None:
    process = other_process()
    rows = host_runs(name_of(process), *ALL)
    assert lease.settle_abandoned() == 0
    process.kill()
    process.wait()
    assert lease.settle_abandoned() == 3
    assert as_stored(rows) == [
        ("skipped", lease.SKIPPED_REASON, 2),
        ("lost", lease.LOST_REASON, 2),
        ("lost", lease.LOST_REASON, 2),
        ("succeeded", "", 1),
        ("canceled", "", 1),
    ]
    assert all(row.finished for row in HostRun.objects.filter(fence=2))
    entry = AuditEntry.objects.get()
    assert (entry.act, entry.run_id) == (AuditEntry.Act.RUN_SETTLED, rows[0].run_id)
    assert not (Path(settings.OPSCONSOLE_OWNER_DIR) / name_of(process)).exists()
    assert lease.settle_abandoned() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("owner", ["", "of-another-machine", "../../../etc/passwd"])
def test_owner_of_another_machine_is_judged_by_its_lease(owner: str) -> None:
    late = host_runs(owner, Status.RUNNING, lease_until=Now() - timedelta(seconds=1))
    in_time = host_runs(owner, Status.RUNNING)
    assert lease.settle_abandoned() == 1
    assert [status for status, _, _ in as_stored(late + in_time)] == ["lost", "running"]


@pytest.mark.django_db
def test_renewing_extends_only_ones_own_and_release_gives_up_the_lock() -> None:
    owner = lease.Owner()
    path = Path(settings.OPSCONSOLE_OWNER_DIR) / owner.name
    past = Now() - timedelta(seconds=1)
    mine = host_runs(owner.name, Status.RUNNING, lease_until=past)
    foreign = host_runs("x", Status.RUNNING, lease_until=past)
    owner.renew()
    assert lease.settle_abandoned() == 1
    assert [status for status, _, _ in as_stored(mine + foreign)] == ["running", "lost"]
    assert path.exists()
    owner.release()
    assert not path.exists()


@pytest.mark.django_db
def test_settling_that_loses_the_race_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner was slow, not dead, and its outcome came between our look and our write."""
    [row] = host_runs("", Status.RUNNING, lease_until=Now() - timedelta(seconds=1))
    settle = lease._settle

    def the_owner_is_faster(host_run: HostRun) -> bool:
        assert HostRun.objects.get(pk=host_run.pk).move(Status.SUCCEEDED, fence=1, exit_status=0)
        return settle(host_run)

    monkeypatch.setattr(lease, "_settle", the_owner_is_faster)
    assert lease.settle_abandoned() == 0
    assert as_stored([row]) == [("succeeded", "", 1)]
    assert not AuditEntry.objects.exists()


def test_living_server_settles_a_process_that_dies_beside_it(
    engine: Engine, other_process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "RENEW_EVERY", 0.0)
    process = other_process()
    [row] = host_runs(name_of(process), Status.RUNNING)
    with doorbell.watch(row.run_id) as rung:
        dispatcher.start()
        process.kill()
        process.wait()
        dispatcher.nudge()
        assert rung.wait(10)
    assert as_stored([row]) == [("lost", lease.LOST_REASON, 2)]


@pytest.mark.django_db
@pytest.mark.parametrize("to", list(Status))
def test_final_status_never_changes(to: Status) -> None:
    rows = host_runs("x", *sorted(FINAL))
    assert not any(row.move(to, fence=1, reason="changed") for row in rows)
    assert [status for status, _, _ in as_stored(rows)] == sorted(FINAL)


@pytest.mark.django_db(transaction=True)
def test_of_many_that_move_at_once_one_succeeds() -> None:
    [row] = host_runs("x", Status.RUNNING)
    barrier = threading.Barrier(6)
    won: list[str] = []

    def move(to: Status) -> None:
        from django.db import connection

        barrier.wait()
        if row.move(to, fence=1, new_fence=2):
            won.append(to)
        connection.close()

    ends = [Status.SUCCEEDED, Status.FAILED, Status.CANCELED, Status.LOST, Status.TIMED_OUT, Status.SUCCEEDED]
    threads = [threading.Thread(target=move, args=(to,)) for to in ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert as_stored([row]) == [(won[0], "", 2)] and len(won) == 1


@pytest.mark.django_db
def test_long_reason_is_cut() -> None:
    [row] = host_runs("x", Status.RUNNING)
    assert row.move(Status.LOST, fence=1, reason="x" * 10_000)
    assert HostRun.objects.get(pk=row.pk).reason == "x" * 500
