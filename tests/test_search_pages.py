"""Searching a run, and everything one may see: what is found, how it goes on, and who is told nothing."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from consoles import finding
from consoles.models import OutputChunk, Run, Script
from consoles.statuses import Status
from tests.support.people import RUN_RIGHTS, person
from tests.support.runs import add_output, add_run
from tests.support.server import ServerProcess

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(alice: User) -> Run:
    run = add_run(
        alice, {"web1": Status.SUCCEEDED, "web2": Status.FAILED, "web3": Status.QUEUED, "db1": Status.RUNNING}
    )
    add_output(run, 0, b"start\nall is ", b"well\n")
    add_output(run, 1, b"start\n\x1b[31mdisk\x1b[0m full on /var\n", (2, b"Disk full again"))
    add_output(run, 3, b"<b>disk full</b>\n" * 30)
    return run


def search(client: Client, run: Run, **params: Any) -> dict[str, Any]:
    response = client.get(f"/runs/{run.pk}/search.json", params)
    assert response.status_code == 200, response.content
    return dict(response.json())


def refusal(client: Client, address: str, **params: Any) -> str:
    response = client.get(address, params)
    assert response.status_code == 400
    return str(response.json()["error"])


def whole_search(client: Client, address: str, **params: Any) -> tuple[list[dict[str, Any]], int]:
    """All rows of all steps of a search, and how many steps it took."""
    rows: list[dict[str, Any]] = []
    for steps in range(1, 200):
        answer = client.get(address, params).json()
        rows += answer["hosts"]
        if answer["next"] is None:
            assert answer["searched"] == answer["of"]
            return rows, steps
        assert answer["next"] != params.get("after")
        params["after"] = answer["next"]
    raise AssertionError("The search does not end.")


@pytest.mark.databases
def test_finds_lines_on_all_servers_of_a_run(alice_client: Client, run: Run) -> None:
    answer = search(alice_client, run, q="disk full")
    assert (answer["searched"], answer["of"], answer["next"]) == (4, 4, None)
    web2, db1 = answer["hosts"]
    assert (web2["i"], web2["name"], web2["status"], web2["count"], web2["more"]) == (1, "web2", "failed", 2, False)
    assert web2["hits"] == [
        {"line": 2, "offset": 6, "parts": ["", "disk full", " on /var"]},
        {"line": 3, "offset": 33, "parts": ["", "Disk full", " again"]},
    ]
    assert db1["count"] == 30
    assert [hit["line"] for hit in db1["hits"]] == list(range(1, 21))


def test_minds_case_and_reads_expressions_when_asked(alice_client: Client, run: Run) -> None:
    assert [row["i"] for row in search(alice_client, run, q="Disk", case=1)["hosts"]] == [1]
    assert [row["count"] for row in search(alice_client, run, q="^(all|disk)", regex=1)["hosts"]] == [1, 2]
    assert search(alice_client, run, q="^(all|disk)")["hosts"] == []


def test_searches_only_the_servers_it_is_told(alice_client: Client, run: Run) -> None:
    answer = search(alice_client, run, q="s", hosts="0,2-3")
    assert [row["i"] for row in answer["hosts"]] == [0, 3]
    assert answer["of"] == 3
    assert "indexes" in refusal(alice_client, f"/runs/{run.pk}/search.json", q="s", hosts="web1")
    assert "At most" in refusal(alice_client, f"/runs/{run.pk}/search.json", q="s", hosts="0-99999")


def test_tells_only_which_servers_when_no_lines_are_wanted(alice_client: Client, run: Run) -> None:
    rows = search(alice_client, run, q="disk", hits=0)["hosts"]
    assert [(row["i"], row["hits"], row["count"]) for row in rows] == [(1, [], 1), (3, [], 1)]


def test_counting_ends_at_a_thousand(alice_client: Client, alice: User) -> None:
    run = add_run(alice, {"web1": Status.SUCCEEDED})
    add_output(run, 0, b"again\n" * 5000)
    (row,) = search(alice_client, run, q="again")["hosts"]
    assert (row["count"], row["more"], len(row["hits"])) == (1000, True, 20)


def test_a_search_goes_on_where_its_time_was_up(
    alice_client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = add_run(alice, {f"web{n}": Status.SUCCEEDED for n in range(4)})
    line = b"x" * 99 + b"\n"
    for index in range(4):
        pieces = [line * 600 for _ in range(12)]
        pieces[3] += b"needle one\n"
        pieces[11] += b"needle two"
        add_output(run, index, *pieces)
    once, _ = whole_search(alice_client, f"/runs/{run.pk}/search.json", q="needle")
    assert [row["count"] for row in once] == [2, 2, 2, 2]
    monkeypatch.setattr("consoles.views.search.WITHIN", finding.Limits(budget=0))
    rows, steps = whole_search(alice_client, f"/runs/{run.pk}/search.json", q="needle")
    assert steps > 8
    assert [(row["i"], hit) for row in rows for hit in row["hits"]] == [
        (row["i"], hit) for row in once for hit in row["hits"]
    ]
    assert max(row["count"] for row in rows) == 2


def test_a_search_that_gets_no_turn_is_told_to_ask_again(
    alice_client: Client, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "_TURN_WAIT", 0.01)
    for _ in range(2):
        assert finding._TURNS.acquire(timeout=1)
    try:
        busy = search(alice_client, run, q="disk")
        assert (busy["hosts"], busy["searched"]) == ([], 0)
        again = search(alice_client, run, q="disk", after=busy["next"])
        assert again["next"] == busy["next"]
    finally:
        for _ in range(2):
            finding._TURNS.release()
    assert len(search(alice_client, run, q="disk", after=busy["next"])["hosts"]) == 2


def test_what_cannot_be_searched_is_refused_with_a_sentence(alice_client: Client, run: Run) -> None:
    for address in (f"/runs/{run.pk}/search.json", "/search.json"):
        assert refusal(alice_client, address) == "Type what to look for."
        assert "control characters" in refusal(alice_client, address, q="a\x00b")
        assert "500 characters" in refusal(alice_client, address, q="x" * 501)
        for pattern in (r"\C", "a{5000}", "(", r"(?<=a)b", "(((x{99}){99}){99}){99}"):
            assert refusal(alice_client, address, q=pattern, regex=1).endswith(".")
        for after in ("x", "1.2.3", "1.1.1.1.1.7", "-1.0.0.0.0.0", "1" * 40 + ".0.0.0.0.0", "١.0.0.0.0.0"):
            assert "search again" in refusal(alice_client, address, q="a", after=after)


def test_no_expression_holds_the_server_up(alice_client: Client, alice: User) -> None:
    run = add_run(alice, {"web1": Status.SUCCEEDED})
    add_output(run, 0, *[b"a" * 60_000 + b"!\n"] * 20)
    begun = timezone.now()
    for pattern in ("(a+)+$", "(a|aa)+$", "(a*)*b", "(?i)(a|b)*a(a|b){200}z"):
        search(alice_client, run, q=pattern, regex=1)
    assert timezone.now() - begun < timedelta(seconds=20)


def test_searches_output_that_is_no_text(alice_client: Client, alice: User) -> None:
    run = add_run(alice, {"web1": Status.SUCCEEDED})
    add_output(run, 0, b"\x00\xff\xfe\x80 nul\x00byte \xf0\x9f\n", b"\x98\x80\x1b[2J\x1b]52;c;aGk=\x07 end\n")
    (row,) = search(alice_client, run, q="nulbyte")["hosts"]
    assert row["hits"][0]["parts"] == ["\ufffd\ufffd\ufffd ", "nulbyte", " \ufffd"]
    assert search(alice_client, run, q="aGk")["hosts"] == []


@pytest.mark.databases
def test_finds_which_servers_ever_printed_it_newest_run_first(alice_client: Client, alice: User, run: Run) -> None:
    later = add_run(alice, {"web2": Status.SUCCEEDED, "web9": Status.SUCCEEDED}, title="Later")
    add_output(later, 0, b"disk full\n")
    answer = alice_client.get("/search.json", {"q": "disk full"}).json()
    told = [(row["run"], row["name"], row["count"]) for row in answer["hosts"]]
    assert told == [(later.pk, "web2", 1), (run.pk, "web2", 2), (run.pk, "db1", 30)]
    assert len(answer["hosts"][2]["hits"]) == 3
    assert answer["runs"][str(later.pk)]["title"] == "Later"
    assert (answer["searched"], answer["of"], answer["next"]) == (2, 2, None)


@pytest.mark.databases
def test_goes_through_all_runs_in_steps(alice_client: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        run = add_run(alice, {"web1": Status.SUCCEEDED, "web2": Status.SUCCEEDED}, title=f"Run {number}")
        add_output(run, number % 2, b"needle\n")
    monkeypatch.setattr("consoles.views.search.ACROSS", finding.Limits(listed=3, most=100, budget=0))
    rows, steps = whole_search(alice_client, "/search.json", q="needle")
    assert steps >= 5
    assert [row["run"] for row in rows] == sorted((row["run"] for row in rows), reverse=True)
    assert len(rows) == 5


@pytest.mark.databases
def test_the_history_is_narrowed_by_server_script_and_days(alice_client: Client, alice: User, run: Run) -> None:
    script = Script.objects.create(name="update")
    old = add_run(alice, {"web2": Status.SUCCEEDED}, script_version=script.add_version("true\n"))
    add_output(old, 0, b"disk full\n")
    Run.objects.filter(pk=old.pk).update(created=timezone.now() - timedelta(days=40))

    def found(**params: Any) -> list[tuple[int, str]]:
        answer = alice_client.get("/search.json", {"q": "disk full", **params}).json()
        return [(row["run"], row["name"]) for row in answer["hosts"]]

    assert found() == [(old.pk, "web2"), (run.pk, "web2"), (run.pk, "db1")]
    assert found(server="WEB") == [(old.pk, "web2"), (run.pk, "web2")]
    assert found(script=script.pk) == [(old.pk, "web2")]
    assert found(days=30) == [(run.pk, "web2"), (run.pk, "db1")]
    assert found(days="x", script="99") == []


@pytest.mark.parametrize("after", ["", "999999999.0.0.1.0.0"])
def test_nobody_finds_what_others_ran(run: Run, after: str) -> None:
    person("bob")
    person("dora", *RUN_RIGHTS)
    for name in ("bob", "dora"):
        client = Client()
        client.force_login(User.objects.get(username=name))
        assert client.get(f"/runs/{run.pk}/search.json", {"q": "disk", "after": after}).status_code == 404
        answer = client.get("/search.json", {"q": "disk", "after": after}).json()
        assert (answer["hosts"], answer["runs"], answer["of"]) == ([], {}, 0)
        for params in ({"q": "disk"}, {"q": "disk", "after": after}, {"q": "disk", "script": "1"}):
            page = client.get("/search/", params).content
            assert b"/var" not in page and b"web2" not in page


def test_a_place_of_another_run_leads_nowhere_else(alice_client: Client, alice: User, run: Run) -> None:
    other = add_run(person("dora", *RUN_RIGHTS), {"secret1": Status.SUCCEEDED})
    add_output(other, 0, b"disk full of secrets\n")
    for after in (f"{other.pk}.0.0.1.0.0", f"{other.pk + 5}.0.0.1.0.0"):
        for address in (f"/runs/{run.pk}/search.json", "/search.json"):
            answer = alice_client.get(address, {"q": "disk", "after": after})
            assert b"secret" not in answer.content


def test_staff_who_see_all_runs_search_all(charlie: User, run: Run) -> None:
    client = Client()
    client.force_login(charlie)
    assert len(client.get("/search.json", {"q": "disk full"}).json()["hosts"]) == 2


def test_the_page_works_without_scripts(alice_client: Client, run: Run) -> None:
    empty = alice_client.get("/search/").content.decode()
    assert 'name="q"' in empty and "Which hosts ever printed" in empty
    page = alice_client.get("/search/", {"q": "disk full"}).content.decode()
    assert f'href="/runs/{run.pk}/#h=web2&amp;L2"' in page
    assert "<mark>disk full</mark> on /var" in page
    assert "&lt;b&gt;<mark>" in page and "<b>disk" not in page
    assert "Search further back" not in page


def test_the_page_leads_further_back_when_its_time_was_up(
    alice_client: Client, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consoles.views.search.FIRST_PAGE", finding.Limits(listed=3, most=100, budget=0))
    page = alice_client.get("/search/", {"q": "disk", "server": "web"}).content.decode()
    assert f"?q=disk&amp;server=web&amp;after={run.pk}.0.0.1.0.0" in page
    assert "Search further back" in page


def test_the_page_says_what_is_wrong_and_keeps_what_was_typed(alice_client: Client, run: Run) -> None:
    response = alice_client.get("/search/", {"q": '"><b>(', "regex": "1"})
    assert response.status_code == 400
    page = response.content.decode()
    assert "missing )" in page and "&quot;&gt;&lt;b&gt;(" in page and '"><b>(' not in page


def test_the_history_leads_to_the_search(alice_client: Client, run: Run) -> None:
    page = alice_client.get("/runs/").content.decode()
    assert 'action="/search/"' in page or 'href="/search/"' in page


def test_a_thousand_servers_are_searched_in_one_answer(alice_client: Client, alice: User) -> None:
    run = add_run(alice, {f"web{n}": Status.SUCCEEDED for n in range(1000)})
    text = b"Unpacking libssl3 (3.0.15-1) over (3.0.14-1) ...\n" * 200
    run.host_runs.update(size=len(text), lines=200)
    OutputChunk.objects.bulk_create(
        OutputChunk(host_run=row, offset=0, time=timezone.now(), lines=200, data=text) for row in run.host_runs.all()
    )
    begun = time.perf_counter()
    answer = search(alice_client, run, q="no such text")
    print(f"\n1,000 servers with 10 kB each searched in {time.perf_counter() - begun:.2f} s")
    assert (answer["searched"], answer["hosts"]) == (1000, []) or answer["next"]


def test_searches_while_somebody_else_writes(live_server_process: ServerProcess) -> None:
    alice = live_server_process.alice()
    run = live_server_process.ask("add_alike_run", requester="alice", kinds=[[2, "succeeded", "needle\n"]])
    headers = {"Cookie": f"sessionid={alice['session']}"}
    live_server_process.ask("lock_database")
    try:
        for address in (f"/runs/{run}/search.json?q=needle", "/search.json?q=needle"):
            found = requests.get(live_server_process.url + address, headers=headers, timeout=10)
            assert len(found.json()["hosts"]) == 2
    finally:
        live_server_process.ask("unlock_database")
