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
    """Attached programs are lost with their process; what waits and what runs detached goes on with the taker."""
    process = other_process()
    attached, detached = host_runs(name_of(process), *ALL), host_runs(name_of(process), *ALL)
    HostRun.objects.exclude(status=Status.QUEUED).update(mode="attached")
    HostRun.objects.filter(run=detached[0].run_id).exclude(status=Status.QUEUED).update(mode="detached")
    assert lease.settle_abandoned("me") == []
    process.kill()
    process.wait()
    taken = lease.settle_abandoned("me")
    assert {row.pk for row in taken} == {row.pk for row in [attached[0], *detached[:3]]}
    assert {(row.owner, row.fence) for row in taken} == {("me", 2)}
    over = [("succeeded", "", 1), ("canceled", "", 1)]
    lost = ("lost", lease.LOST_REASON, 2)
    assert as_stored(attached) == [("queued", "", 2), lost, lost, *over]
    assert as_stored(detached) == [("queued", "", 2), ("starting", "", 2), ("running", "", 2), *over]
    assert all(row.finished for row in HostRun.objects.filter(status="lost"))
    told = AuditEntry.objects.order_by("run").values_list("run", "act", "detail")
    assert list(told) == [
        (attached[0].run_id, "run.settled", "Its process was gone: 1 taken over, 2 lost."),
        (detached[0].run_id, "run.settled", "Its process was gone: 3 taken over, 0 lost."),
    ]
    assert lease.settle_abandoned("me") == []


@pytest.mark.django_db
@pytest.mark.parametrize("owner", ["", "of-another-machine", "../../../etc/passwd"])
def test_owner_of_another_machine_is_judged_by_its_lease(owner: str) -> None:
    late = host_runs(owner, Status.RUNNING, lease_until=Now() - timedelta(seconds=1))
    in_time = host_runs(owner, Status.RUNNING)
    assert lease.settle_abandoned("me") == []
    assert [status for status, _, _ in as_stored(late + in_time)] == ["lost", "running"]


@pytest.mark.django_db
def test_renewing_extends_only_ones_own_and_release_gives_up_the_lock() -> None:
    owner = lease.Owner()
    path = Path(settings.OPSCONSOLE_OWNER_DIR) / owner.name
    past = Now() - timedelta(seconds=1)
    mine = host_runs(owner.name, Status.RUNNING, lease_until=past)
    foreign = host_runs("x", Status.RUNNING, lease_until=past)
    owner.renew()
    assert lease.settle_abandoned("me") == []
    assert [status for status, _, _ in as_stored(mine + foreign)] == ["running", "lost"]
    assert path.exists()
    owner.release(owns_nothing=True)
    assert not path.exists()


@pytest.mark.django_db
def test_settling_that_loses_the_race_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner was slow, not dead, and its outcome came between our look and our write."""
    [row] = host_runs("", Status.RUNNING, lease_until=Now() - timedelta(seconds=1))
    lose = lease._lose

    def the_owner_is_faster(host_run: HostRun, owner: str) -> bool:
        assert HostRun.objects.get(pk=host_run.pk).move(Status.SUCCEEDED, fence=1, exit_status=0)
        return lose(host_run, owner)

    monkeypatch.setattr(lease, "_lose", the_owner_is_faster)
    assert lease.settle_abandoned("me") == []
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
