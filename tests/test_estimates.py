"""How long a run will take, told by earlier runs of the same program that its viewer may see."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from consoles import estimates
from consoles.estimates import Estimate, estimate_for
from consoles.models import HostRun, Run, Script
from consoles.statuses import Status
from tests.support.people import RUN_RIGHTS, person
from tests.support.runs import add_run, add_server

pytestmark = pytest.mark.django_db

SECONDS = {"a": 10, "b": 20, "c": 60}


def finished_run(user: User, seconds: Mapping[str, float], status: Status = Status.SUCCEEDED, **fields: Any) -> Run:
    """A run whose servers took so many seconds each."""
    run = add_run(user, dict.fromkeys(seconds, status), **fields)
    for host_run in run.host_runs.all():
        assert host_run.finished
        host_run.started = host_run.finished - timedelta(seconds=seconds[host_run.server_name])
        host_run.save(update_fields=["started"])
    return run


def running(user: User, **fields: Any) -> Run:
    return add_run(user, {"a": Status.RUNNING}, **fields)


def test_is_the_median_of_all_servers_that_succeeded(alice: User) -> None:
    finished_run(alice, SECONDS)
    finished_run(alice, {"a": 30, "b": 40})
    assert estimate_for(running(alice), alice) == Estimate(median_ms=30_000, runs=2)


def test_knows_nothing_without_earlier_runs(alice: User) -> None:
    finished_run(alice, SECONDS, program="something else")
    assert estimate_for(running(alice), alice) is None


def test_asks_no_run_that_its_viewer_may_not_see(alice: User, charlie: User) -> None:
    dora = person("dora", *RUN_RIGHTS)
    finished_run(dora, SECONDS)
    run = running(alice)
    assert estimate_for(run, alice) is None
    assert estimate_for(run, charlie) == Estimate(median_ms=20_000, runs=1)


def test_leaves_out_failures_runs_at_work_and_later_runs(alice: User) -> None:
    finished_run(alice, {"a": 1}, Status.FAILED)
    at_work = finished_run(alice, {"a": 2, "b": 2})
    at_work.host_runs.filter(index=1).update(status=Status.RUNNING, finished=None)
    run = running(alice)
    finished_run(alice, {"a": 3})
    assert estimate_for(run, alice) is None


def test_takes_the_versions_of_a_script_for_the_same_program(alice: User) -> None:
    script = Script.objects.create(name="update")
    old, new = script.add_version("apt-get update"), script.add_version("apt-get -q update")
    finished_run(alice, {"a": 7}, script_version=old)
    finished_run(alice, {"a": 99}, program="apt-get -q update")
    assert estimate_for(running(alice, script_version=new), alice) == Estimate(median_ms=7_000, runs=1)


def test_asks_the_newest_runs_only(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "MOST_RUNS", 2)
    for seconds in (500, 10, 20):
        finished_run(alice, {"a": seconds})
    assert estimate_for(running(alice), alice) == Estimate(median_ms=15_000, runs=2)


def test_reads_a_part_of_very_many_servers(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "MOST_HOST_RUNS", 10)
    finished_run(alice, {f"web{number:03d}": 40 + number % 3 for number in range(100)})
    found = estimate_for(running(alice), alice)
    assert found is not None and found.median_ms == 41_000


def test_page_carries_the_estimate_while_the_run_is_at_work(alice: User, alice_client: Client) -> None:
    earlier = finished_run(alice, SECONDS)
    assert 'data-median="20000" data-runs="1"' in alice_client.get(f"/runs/{running(alice).pk}/").content.decode()
    assert "data-median" not in alice_client.get(f"/runs/{earlier.pk}/").content.decode()


def test_page_carries_the_tags_of_servers_in_the_inventory(alice: User, alice_client: Client) -> None:
    run = add_run(alice, {"web1": Status.RUNNING, "gone": Status.QUEUED})
    run.host_runs.filter(server_name="web1").update(server=add_server("web1", tags=["prod", "edge"]))
    rows = alice_client.get(f"/runs/{run.pk}/").context["hosts"]
    assert [(row["name"], row["tags"]) for row in rows] == [("web1", ["edge", "prod"]), ("gone", [])]


def test_page_keeps_tags_from_those_who_may_not_see_the_inventory(alice: User, charlie: User) -> None:
    run = add_run(alice, {"web1": Status.RUNNING})
    run.host_runs.update(server=add_server("web1", tags=["prod"]))
    client = Client()
    client.force_login(charlie)
    assert [row["tags"] for row in client.get(f"/runs/{run.pk}/").context["hosts"]] == [[]]


def test_page_asks_for_all_tags_at_once(alice: User, alice_client: Client, django_assert_max_num_queries: Any) -> None:
    run = add_run(alice, {f"web{number}": Status.RUNNING for number in range(30)})
    for host_run in run.host_runs.all():
        HostRun.objects.filter(pk=host_run.pk).update(server=add_server(host_run.server_name, tags=["prod"]))
    with django_assert_max_num_queries(20):
        alice_client.get(f"/runs/{run.pk}/")
