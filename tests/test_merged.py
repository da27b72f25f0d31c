"""The merged view's data: what several servers printed, in the order of arrival."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consoles import outputlog
from consoles.models import HostRun, OutputChunk, Run
from consoles.outputlog import merged
from consoles.protocol import STDERR, STDOUT
from consoles.statuses import Status
from tests.support.runs import add_run

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = pytest.mark.django_db


def run_of(user: User, count: int) -> Run:
    return add_run(user, {f"web{number}": Status.RUNNING for number in range(count)})


def prints(run: Run, host: int, data: bytes, stream: int = STDOUT) -> OutputChunk:
    """Store what a server printed as the writer does: the chunk, and the log's new size."""
    host_run = run.host_runs.get(index=host)
    chunk = OutputChunk.objects.create(
        host_run=host_run,
        offset=host_run.size,
        stream=stream,
        time=timezone.now(),
        lines=data.count(b"\n"),
        data=data,
    )
    HostRun.objects.filter(pk=host_run.pk).update(
        size=host_run.size + len(data), lines=host_run.lines + data.count(b"\n")
    )
    return chunk


def prints_much(run: Run, host: int, count: int, data: bytes) -> None:
    """The same, ``count`` times at once."""
    host_run = run.host_runs.get(index=host)
    now = timezone.now()
    OutputChunk.objects.bulk_create(
        OutputChunk(host_run=host_run, offset=host_run.size + number * len(data), time=now, data=data)
        for number in range(count)
    )
    HostRun.objects.filter(pk=host_run.pk).update(size=host_run.size + count * len(data))


def texts(found: merged.Merged) -> list[tuple[int, bytes]]:
    return [(piece.host, piece.piece.data) for piece in found.pieces]


@pytest.mark.databases
def test_tells_pieces_of_all_servers_in_the_order_of_arrival(alice: User) -> None:
    run = run_of(alice, 3)
    order = [(2, b"a\n"), (0, b"b\n"), (2, b"c\n"), (1, b"d\n"), (0, b"e\n")]
    for host, data in order:
        prints(run, host, data)
    found = outputlog.read_merged(run.pk, range(3), None)
    assert texts(found) == order
    assert (found.skipped, found.more, found.lines) == (0, False, 5)
    assert found.cursor == {0: 4, 1: 2, 2: 4}


def test_goes_on_where_the_last_answer_ended(alice: User) -> None:
    run = run_of(alice, 2)
    prints(run, 0, b"before\n")
    first = outputlog.read_merged(run.pk, [0, 1], None)
    assert outputlog.read_merged(run.pk, [0, 1], first.cursor).pieces == []
    prints(run, 1, b"new\n", STDERR)
    prints(run, 0, b"newer\n")
    found = outputlog.read_merged(run.pk, [0, 1], first.cursor)
    assert texts(found) == [(1, b"new\n"), (0, b"newer\n")]
    assert [piece.piece.stream for piece in found.pieces] == [STDERR, STDOUT]


def test_leaves_out_what_other_servers_and_other_runs_printed(alice: User) -> None:
    run, other = run_of(alice, 3), run_of(alice, 3)
    for host in range(3):
        prints(other, host, b"other\n")
        prints(run, host, b"%d\n" % host)
    assert texts(outputlog.read_merged(run.pk, [0, 2, 77], None)) == [(0, b"0\n"), (2, b"2\n")]


@pytest.mark.databases
def test_loses_nothing_that_was_committed_late_under_an_older_id(alice: User) -> None:
    run = run_of(alice, 2)
    early = prints(run, 0, b"reserved first, committed last\n")
    size = early.offset + len(early.data)
    OutputChunk.objects.filter(pk=early.pk).delete()
    HostRun.objects.filter(run=run, index=0).update(size=0, lines=0)
    prints(run, 1, b"committed first\n")
    cursor = outputlog.read_merged(run.pk, [0, 1], None).cursor
    early.save(force_insert=True)
    HostRun.objects.filter(run=run, index=0).update(size=size, lines=1)
    found = outputlog.read_merged(run.pk, [0, 1], cursor)
    assert texts(found) == [(0, b"reserved first, committed last\n")]


def test_leaves_what_is_stored_while_it_reads_for_the_next_answer(alice: User) -> None:
    run = run_of(alice, 1)
    prints(run, 0, b"counted\n")
    prints(run, 0, b"not counted yet\n")
    HostRun.objects.update(size=len(b"counted\n"), lines=1)
    found = outputlog.read_merged(run.pk, [0], None)
    assert texts(found) == [(0, b"counted\n")]
    HostRun.objects.update(size=len(b"counted\nnot counted yet\n"), lines=2)
    assert texts(outputlog.read_merged(run.pk, [0], found.cursor)) == [(0, b"not counted yet\n")]


@pytest.mark.parametrize(("size", "count"), [(1, 2_100), (7, 700), (100, 50), (1000, 5)])
def test_reader_that_keeps_up_gets_every_byte_once_however_it_was_stored(size: int, count: int, alice: User) -> None:
    run = run_of(alice, 3)
    cursor = outputlog.read_merged(run.pk, range(3), None).cursor
    for part in range(3):
        for host in (0, 2, 1):
            prints_much(run, host, count // (1 + host), bytes([65 + part]) * size)
    got: list[merged.HostPiece] = []
    while True:
        found = outputlog.read_merged(run.pk, range(3), cursor, most=16 * 1024)
        assert sum(len(piece.piece.data) for piece in found.pieces) <= 16 * 1024
        assert found.skipped == 0
        got += found.pieces
        cursor = found.cursor
        if not found.more:
            break
    assert [piece.id for piece in got] == sorted(piece.id for piece in got)
    for host in range(3):
        data = b"".join(piece.piece.data for piece in got if piece.host == host)
        assert data == b"".join(outputlog.stream(run.host_runs.get(index=host).pk))


def test_begins_with_the_newest_and_says_how_much_is_older(alice: User) -> None:
    run = run_of(alice, 2)
    for number in range(100):
        prints(run, number % 2, b"%04d" % number * 256)
    found = outputlog.read_merged(run.pk, [0, 1], None, most=10 * 1024)
    assert [piece.piece.data[:4] for piece in found.pieces] == [b"%04d" % number for number in range(90, 100)]
    assert found.skipped == 90 * 1024


def test_reader_far_behind_goes_on_with_the_newest(alice: User) -> None:
    run = run_of(alice, 2)
    prints(run, 0, b"start\n")
    cursor = outputlog.read_merged(run.pk, [0, 1], None).cursor
    for _ in range(50):
        prints(run, 1, b"x" * 1024)
    prints(run, 0, b"quiet\n")
    found = outputlog.read_merged(run.pk, [0, 1], cursor, most=4 * 1024)
    assert [piece.host for piece in found.pieces] == [1, 1, 1, 0]
    assert found.skipped == 47 * 1024
    assert not found.more
    assert found.cursor == {0: 12, 1: 50 * 1024}


def test_finds_the_newest_of_a_talkative_server_among_many_quiet_ones(alice: User) -> None:
    run = run_of(alice, 50)
    for host in range(50):
        prints(run, host, b"hello from %d\n" % host)
    prints_much(run, 7, 5000, b"single\n")
    found = outputlog.read_merged(run.pk, range(50), None)
    assert len(found.pieces) == merged.MOST_PIECES
    assert {piece.host for piece in found.pieces} == {7}
    assert found.pieces[-1].piece.offset == run.host_runs.get(index=7).size - len(b"single\n")


@pytest.mark.databases
def test_asks_little_of_a_database_with_many_other_runs(alice: User) -> None:
    run = run_of(alice, 50)
    for host in range(50):
        prints(run, host, b"hello\n")
    with CaptureQueriesContext(connection) as queries:
        outputlog.read_merged(run.pk, range(50), None)
    assert len(queries) == 3
    if connection.vendor == "sqlite":
        heads = next(query["sql"] for query in queries if "UNION ALL" in query["sql"])
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {heads}")
            steps = [row[3] for row in cursor.fetchall()]
        touching = [step for step in steps if "consoles_outputchunk" in step]
        assert len(touching) == 50
        assert all("SEARCH" in step and "COVERING INDEX" in step for step in touching), touching
        assert not any("TEMP B-TREE" in step for step in steps)


def ask(client: Client, run: Run, **params: str) -> dict[str, Any]:
    response = client.get(f"/runs/{run.pk}/merged.json", params)
    assert response.status_code == 200, response.content
    return dict(response.json())


@pytest.mark.databases
def test_answers_over_http_with_bytes_as_base64(alice: User, alice_client: Client) -> None:
    run = run_of(alice, 2)
    halves = "é".encode()
    for host, data in ((0, b"split " + halves[:1]), (1, b"\xff\x00\n"), (0, halves[1:] + b"\n")):
        prints(run, host, data)
    answer = ask(alice_client, run, hosts="0-1")
    assert [base64.b64decode(piece["data"]) for piece in answer["pieces"]] == [
        b"split \xc3",
        b"\xff\x00\n",
        b"\xa9\n",
    ]
    first = answer["pieces"][0]
    assert (first["host"], first["offset"], first["stream"]) == (0, 0, STDOUT)
    assert first["time"].endswith("Z")
    assert (answer["skipped"], answer["more"], answer["lines"]) == (0, False, 2)
    assert ask(alice_client, run, hosts="0-1", after=answer["after"])["pieces"] == []


def test_a_server_that_begins_to_print_later_is_told_from_its_beginning(alice: User, alice_client: Client) -> None:
    run = run_of(alice, 2)
    prints(run, 0, b"one\n")
    after = ask(alice_client, run, hosts="0")["after"]
    prints(run, 1, b"two\n")
    assert [piece["host"] for piece in ask(alice_client, run, hosts="0,1", after=after)["pieces"]] == [1]


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({}, "Name the hosts"),
        ({"hosts": "web1"}, "Name the hosts"),
        ({"hosts": "0-"}, "Name the hosts"),
        ({"hosts": "٣"}, "Name the hosts"),
        ({"hosts": "0-100"}, "choose fewer"),
        ({"hosts": "0-999999,5"}, "choose fewer"),
        ({"hosts": "0", "after": "7"}, "as the last answer told it"),
        ({"hosts": "0", "after": "0.1,"}, "as the last answer told it"),
        ({"hosts": "0", "limit": "0"}, "The limit must be"),
        ({"hosts": "0", "limit": "1e9"}, "The limit must be"),
        ({"hosts": "0", "limit": "99999999999"}, "The limit must be"),
    ],
)
def test_says_what_is_wrong_with_a_question(
    params: dict[str, str], sentence: str, alice: User, alice_client: Client
) -> None:
    response = alice_client.get(f"/runs/{run_of(alice, 1).pk}/merged.json", params)
    assert response.status_code == 400
    assert sentence in response.json()["error"]


@pytest.mark.parametrize("after", ["0.999999999999999", "0.1", "5.3,0.0"])
def test_a_made_up_cursor_does_no_harm(after: str, alice: User, alice_client: Client) -> None:
    run = run_of(alice, 1)
    prints(run, 0, b"abc\n")
    answer = ask(alice_client, run, hosts="0", after=after)
    assert answer["after"] == "0.4"
    assert not answer["more"]
