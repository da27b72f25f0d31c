"""What the settings make of DATABASE_URL, and what holds on both databases."""

from __future__ import annotations

import threading

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models.functions import Now

from consoles.models import HostRun, Run, storable
from consoles.statuses import Status
from opsconsole import databases
from tests.support.owners import host_runs


def test_a_url_says_where_postgresql_is() -> None:
    made = databases.postgresql("postgresql://me:p%40ss@db.example.net:5433/console?sslmode=require", 20)
    assert [made[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")] == [
        "me", "p@ss", "db.example.net", "5433", "console",
    ]  # fmt: skip
    assert made["OPTIONS"]["sslmode"] == "require"
    assert made["OPTIONS"]["pool"]["max_size"] == 20


def test_a_url_may_name_a_socket_and_override_what_we_set() -> None:
    url = "postgres:///console?host=/run/postgresql&connect_timeout=30&options=-c%20lock_timeout%3D1s"
    made = databases.postgresql(url, 0)
    assert (made["HOST"], made["OPTIONS"]["connect_timeout"]) == ("/run/postgresql", "30")
    assert made["OPTIONS"]["options"].endswith("-c lock_timeout=1s")
    assert made["OPTIONS"]["pool"]["max_size"] == 8


def test_sqlites_options_stay_with_sqlite(tmp_path: object) -> None:
    made = databases.postgresql("postgresql://db/console", 20)
    assert not {"transaction_mode", "timeout", "init_command"} & made["OPTIONS"].keys()
    assert made["CONN_MAX_AGE"] == 0


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:hush@db/console",
        "/srv/console.sqlite3",
        "postgresql://me:hush@db/",
        "postgresql://me:hush@db/console?nonsense=1",
        "postgresql://me:hush@[db/console",
    ],
)
def test_a_wrong_url_stops_the_start_with_a_sentence_and_without_the_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured) as stopped:
        databases.postgresql(url, 20)
    assert str(stopped.value).startswith("DATABASE_URL ") and str(stopped.value).endswith(".")
    assert "hush" not in str(stopped.value)


@pytest.mark.django_db(transaction=True)
def test_the_clock_of_a_lease_goes_on_within_a_transaction() -> None:
    """PostgreSQL's CURRENT_TIMESTAMP would stand still at the transaction's start."""
    [row] = host_runs("me", Status.RUNNING)
    seen = []
    with transaction.atomic():
        for _ in range(2):
            seen.append(HostRun.objects.annotate(now=Now()).values_list("now", flat=True).get(pk=row.pk))
            threading.Event().wait(0.005)
    assert seen[0] < seen[1]


@pytest.mark.django_db
def test_what_hosts_say_is_stored_whatever_it_holds() -> None:
    [row] = host_runs("me", Status.RUNNING)
    nasty = "said \0 and \ud800" + "x" * 1000
    assert row.note(fence=1, reason=nasty)
    assert row.move(Status.FAILED, fence=1, reason=nasty, exit_status=2**32 - 1, exit_signal="A\0B")
    row.refresh_from_db()
    assert (row.reason, row.exit_status, row.exit_signal) == (
        storable(nasty)[:500],
        4294967295,
        "A\N{REPLACEMENT CHARACTER}B",
    )
    assert "\0" not in row.reason


@pytest.mark.django_db(transaction=True)
def test_those_who_lock_several_rows_never_wait_in_a_circle() -> None:
    rows = host_runs("me", *[Status.RUNNING] * 40)
    barrier = threading.Barrier(4)
    failed: list[Exception] = []

    def change(order: str) -> None:
        try:
            barrier.wait()
            for _ in range(10):
                with transaction.atomic():
                    some = HostRun.objects.filter(run=rows[0].run_id).order_by(order)
                    some.lock()
                    some.order_by().update(lines=1)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=change, args=(order,)) for order in ("index", "-index", "pk", "-pk")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


@pytest.mark.django_db
def test_a_run_is_counted_by_status() -> None:
    rows = host_runs("me", Status.RUNNING, Status.SUCCEEDED, Status.SUCCEEDED)
    run = Run.objects.with_counts().get(pk=rows[0].run_id)
    assert run.status is Status.RUNNING
    assert run.counts() == {"running": 1, "succeeded": 2}
