"""The history shows whose runs one may see, newest first, and finds them by anything people remember of them."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from django.utils.html import strip_tags

from consoles.filters import RUN_STATUSES, with_status
from consoles.models import Run, Script
from consoles.statuses import Status
from tests.support.people import person
from tests.support.runs import add_output, add_run

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

pytestmark = pytest.mark.django_db

OK = Status.SUCCEEDED


@pytest.fixture
def charlie_client(client: Client, charlie: User) -> Client:
    client.force_login(charlie)
    return client


def found(client: Client, query: str = "") -> list[Run]:
    response = client.get(f"/runs/?{query}")
    assert response.status_code == 200
    return list(response.context["runs"])


def test_lists_own_runs_newest_first_with_their_counts(alice_client: Client, alice: User, bob: User) -> None:
    first = add_run(alice, {"web1": OK})
    add_run(bob, {"web1": OK})
    second = add_run(alice, {"web1": OK, "web2": Status.FAILED, "web3": Status.FAILED})
    response = alice_client.get("/runs/")
    assert response.context["runs"] == [second, first]
    page = response.content.decode()
    assert 'aria-label="1 succeeded, 2 failed"' in page
    assert "status-failed" in page and f"/runs/{second.pk}/" in page


def test_who_sees_all_runs_can_filter_by_person(charlie_client: Client, alice: User, bob: User) -> None:
    hers, his = add_run(alice, {"web1": OK}), add_run(bob, {"web1": OK})
    assert found(charlie_client) == [his, hers]
    assert found(charlie_client, "who=alice") == [hers]


def test_filter_by_person_is_not_offered_to_who_sees_only_own_runs(alice_client: Client, alice: User) -> None:
    run = add_run(alice, {"web1": OK})
    assert b'name="who"' not in alice_client.get("/runs/").content
    assert found(alice_client, "who=bob") == [run]


def test_finds_text_in_the_command_the_title_and_the_number(alice_client: Client, alice: User) -> None:
    one = add_run(alice, {"web1": OK}, "apt-get update\napt-get upgrade")
    two = add_run(alice, {"web1": OK}, "df -h", title="Disk Check")
    assert found(alice_client, "q=upgrade+APT") == [one]
    assert found(alice_client, "q=disk") == [two]
    assert found(alice_client, f"q=%23{one.pk}") == [one]
    assert found(alice_client, "q=100%25") == []
    assert found(alice_client, "q=_f") == []


def test_a_run_page_says_a_command_that_is_its_title_once(alice_client: Client, alice: User) -> None:
    def told(**fields: Any) -> str:
        page = alice_client.get(f"/runs/{add_run(alice, {'web1': OK}, **fields).pk}/").content.decode()
        return strip_tags(page.partition('title="Show the program">')[2].partition("</summary>")[0]).strip()

    assert told(program="df -h", title="df -h") == "Program"
    assert told(program="df -h", title="Disk check") == "df -h"


def test_finds_by_server_name_or_address(alice_client: Client, alice: User) -> None:
    one, two = add_run(alice, {"web1": OK, "db1": OK}), add_run(alice, {"db1": OK})
    assert found(alice_client, "server=web") == [one]
    assert found(alice_client, "server=db1%3A22") == [two, one]


def test_finds_by_script(alice_client: Client, alice: User, bob: User) -> None:
    update, other = (Script.objects.create(name=name).add_version("x") for name in ("update", "other"))
    one = add_run(alice, {"web1": OK}, script_version=update)
    add_run(bob, {"web1": OK}, script_version=other)
    add_run(alice, {"web1": OK})
    assert found(alice_client, f"script={update.script_id}") == [one]
    assert b"other" not in alice_client.get("/runs/").content


def test_finds_by_time(alice_client: Client, alice: User) -> None:
    now = timezone.now()
    old = add_run(alice, {"web1": OK}, created=now - timedelta(days=20))
    recent = add_run(alice, {"web1": OK}, created=now - timedelta(hours=3))
    assert found(alice_client, "when=week") == [recent]
    assert found(alice_client, "when=month") == [recent, old]
    assert found(alice_client, "when=hour") == []
    assert found(alice_client, f"until={(now - timedelta(days=19)).date()}") == [old]
    assert found(alice_client, f"since={(now - timedelta(days=19)).date()}") == [recent]


def test_a_filter_that_makes_no_sense_is_said_and_hides_nothing(alice_client: Client, alice: User) -> None:
    run = add_run(alice, {"web1": OK})
    response = alice_client.get("/runs/?since=yesterday&status=asleep&script=x&page=99")
    assert response.context["runs"] == [run]
    assert b"Enter a valid date." in response.content


@pytest.mark.parametrize("statuses", list(combinations_with_replacement(Status, 2)), ids="-".join)
def test_filter_by_status_agrees_with_the_status_shown(alice: User, statuses: tuple[Status, Status]) -> None:
    run = add_run(alice, {"web1": statuses[0], "web2": statuses[1]})
    agreeing = [status for status in (*RUN_STATUSES, OK) if with_status(Run.objects.all(), status).exists()]
    assert agreeing == [run.status]


def test_pages_are_turned_with_the_filters_kept(
    alice_client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consoles.views.runs.RUNS_PER_PAGE", 2)
    runs = [add_run(alice, {"web1": OK}, "uptime") for _ in range(5)]
    add_run(alice, {"web1": OK}, "date")
    response = alice_client.get("/runs/?q=uptime&page=2")
    assert response.context["runs"] == [runs[2], runs[1]]
    page = response.content.decode()
    assert "3–4 of 5" in page
    assert 'href="?q=uptime&amp;page=3"' in page and 'href="?q=uptime&amp;page=1"' in page


def test_many_runs_take_as_many_queries_as_one(
    alice_client: Client, alice: User, django_assert_max_num_queries: Any
) -> None:
    version = Script.objects.create(name="update").add_version("x")
    for _ in range(30):
        add_run(alice, {"web1": OK, "web2": Status.FAILED}, script_version=version)
    with django_assert_max_num_queries(9):
        alice_client.get("/runs/")


def test_an_empty_history_tells_what_to_do(alice_client: Client) -> None:
    page = alice_client.get("/runs/").content.decode()
    assert "Nothing has been run yet" in page and "Start the first run" in page


def test_an_empty_history_offers_no_start_to_who_may_not(client: Client, bob: User) -> None:
    client.force_login(bob)
    page = client.get("/runs/").content.decode()
    assert "Nothing has been run yet" in page and "/runs/new/" not in page


def test_nothing_found_offers_to_drop_the_filters(alice_client: Client, alice: User) -> None:
    add_run(alice, {"web1": OK})
    assert "No run fits these filters" in alice_client.get("/runs/?q=nothing").content.decode()


def test_hostile_text_stays_text(charlie_client: Client) -> None:
    evil = '"><script>alert(1)</script>'
    run = add_run(person("x<b>y"), {evil[:50]: Status.FAILED}, f"echo {evil}", title=evil)
    add_output(run, 0, evil.encode())
    for address in ("/runs/", f"/runs/?q={evil}", f"/runs/{run.pk}/", "/runs/?who=x%3Cb%3Ey"):
        page = charlie_client.get(address).content.decode()
        assert "<script>alert" not in page and "x<b>y" not in page, address


def test_a_mode_somebody_chose_is_shown_in_history_and_on_the_run_page(alice_client: Client, alice: User) -> None:
    add_run(alice, {"web1": OK})
    assert "attached" not in alice_client.get("/runs/").content.decode()
    run = add_run(alice, {"web1": OK}, mode="attached")
    assert ">attached</span>" in alice_client.get("/runs/").content.decode()
    assert "attached: ends with the connection" in alice_client.get(f"/runs/{run.pk}/").content.decode()


def test_the_run_page_gets_everything_for_its_first_paint(alice_client: Client, alice: User) -> None:
    run = add_run(alice, {"web1": OK, "web2": Status.QUEUED})
    context = alice_client.get(f"/runs/{run.pk}/").context
    assert [row["name"] for row in context["hosts"]] == ["web1", "web2"]
    assert (context["counts"], context["may_cancel"], context["may_start"]) == (
        {"succeeded": 1, "queued": 1},
        True,
        True,
    )


def test_cancel_without_a_socket_says_what_it_did(alice_client: Client, alice: User) -> None:
    run = add_run(alice, {"web1": Status.QUEUED, "web2": Status.QUEUED, "web3": OK})
    response = alice_client.post(f"/runs/{run.pk}/cancel/", {"host": "1"}, follow=True)
    assert "Canceling web2." in response.content.decode()
    response = alice_client.post(f"/runs/{run.pk}/cancel/", {"host": "2"}, follow=True)
    assert "web3 had ended already." in response.content.decode()
    response = alice_client.post(f"/runs/{run.pk}/cancel/", follow=True)
    assert "Canceling 1 server." in response.content.decode()
    assert run.counts() == {"canceled": 2, "succeeded": 1}


@pytest.mark.parametrize("host", ["7", "x", "-1", "9" * 30])
def test_cancel_of_a_server_the_run_does_not_have_is_not_found(alice_client: Client, alice: User, host: str) -> None:
    run = add_run(alice, {"web1": Status.QUEUED})
    assert alice_client.post(f"/runs/{run.pk}/cancel/", {"host": host}).status_code == 404
    assert run.counts() == {"queued": 1}


def test_titles_from_before_they_were_cleaned_are_shown_clean_and_apart(charlie_client: Client) -> None:
    run = add_run(None, {"web1": OK}, title="safe\u202egpj\x1b[31m.exe")
    for address in ("/runs/", f"/runs/{run.pk}/"):
        page = charlie_client.get(address).content.decode()
        assert "<bdi>safegpj.exe</bdi>" in page and "\u202e" not in page.replace("\\u202e", ""), address
    assert "<title>safegpj.exe #" in page
