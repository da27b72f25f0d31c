"""Lines and folds of a log by number, byte and time, compared with what splitting the whole log gives."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consoles import folding
from consoles.folding import FoldScanner
from consoles.models import HostRun, OutputChunk, Run
from consoles.outputlog import MAX_CHUNK, line_index, lines, reading
from consoles.outputlog.lines import MAX_LINE, Log
from consoles.protocol import STDERR, STDOUT
from consoles.recent_output import Recent
from consoles.statuses import Status
from tests.support.runs import add_output, add_run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.auth.models import User
    from django.test import Client

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 31, 14, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in memory, as after a restart."""
    monkeypatch.setattr(reading, "recent", Recent(0))
    line_index.forget()
    lines.forget()


@pytest.fixture
def run(alice: User) -> Run:
    return add_run(alice, {"web1": Status.SUCCEEDED, "web2": Status.RUNNING})


def store(run: Run, pieces: Iterable[bytes | tuple[int, bytes]], index: int = 0) -> Log:
    """Store output whose n-th chunk arrived n seconds after START."""
    seconds = (START + timedelta(seconds=number) for number in itertools.count())
    return log_of(add_output(run, index, *pieces, times=seconds))


def log_of(host_run: HostRun) -> Log:
    return Log(host_run.pk, host_run.size, host_run.lines)


def split(data: bytes) -> list[bytes]:
    found = data.split(b"\n")
    return found[:-1] if found[-1] == b"" else found


def random_pieces(chance: random.Random, count: int) -> list[tuple[int, bytes]]:
    words = [b"one\n", b"\n", b"\n\n\n", b"no end ", b"x" * 300 + b"\n", b"caf\xc3\xa9\r\n", b"\xff\x00"]
    sizes = [1, 1, 2, 40]
    return [
        (chance.choice([STDOUT, STDERR]), b"".join(chance.choices(words, k=chance.choice(sizes)))) for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_every_line_is_found_by_its_number_and_by_each_of_its_bytes(run: Run, seed: int) -> None:
    chance = random.Random(seed)
    pieces = random_pieces(chance, chance.choice([1, 3, 200]))
    log, data = store(run, pieces), b"".join(piece for _, piece in pieces)
    expected = split(data)
    assert log.total == len(expected)
    for first in {1, len(expected), *(chance.randrange(1, len(expected) + 1) for _ in range(40))}:
        count = chance.choice([1, 2, 50, 1000])
        found = log.read(first, count)
        assert [line.number for line in found] == list(range(first, min(first + count, len(expected) + 1)))
        assert [line.text for line in found] == [
            text.decode(errors="replace") for text in expected[first - 1 :][:count]
        ]
    for offset in (chance.randrange(len(data)) for _ in range(60)):
        assert log.line_at(offset) == data[:offset].count(b"\n") + 1
    assert log.line_at(10**15) == len(expected)
    assert log.read(len(expected) + 1, 5) == []


def test_a_line_has_time_and_stream_of_the_chunk_it_begins_in(run: Run) -> None:
    log = store(run, [b"a\nb", (STDERR, b"b\nc\n"), b"d"])
    found = [((line.time - START).seconds, line.stream, line.text) for line in log.read(1, 10)]
    assert found == [(0, STDOUT, "a"), (0, STDOUT, "bb"), (1, STDERR, "c"), (2, STDOUT, "d")]


@pytest.mark.databases
@pytest.mark.parametrize(("seconds", "line"), [(-5, 1), (0, 1), (0.5, 3), (1, 3), (1.5, 4), (2, 4), (2.5, 5)])
def test_a_time_leads_to_the_first_line_that_began_then(run: Run, seconds: float, line: int) -> None:
    log = store(run, [b"a\nb", b"b\nc\n", b"d"])
    assert log.line_since(START + timedelta(seconds=seconds)) == line


def test_a_time_within_the_last_line_leads_behind_it(run: Run) -> None:
    log = store(run, [b"a", b"a", b"a"])
    assert log.line_since(START + timedelta(seconds=1)) == 2


def test_an_empty_log_has_no_lines(run: Run) -> None:
    log = store(run, [])
    assert (log.total, log.read(1, 10), log.line_at(0), log.line_since(START)) == (0, [], 1, 1)


def test_a_line_is_found_by_reading_few_chunks_of_a_large_log(run: Run) -> None:
    log = store(run, [b"%07d\n" * 2000 % tuple(range(n, n + 2000)) for n in range(0, 400_000, 2000)])
    assert log.read(1, 1)[0].text == "0000000"
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert log.read(312_345, 2)[0].text == "0312344"
    assert len(queries) <= 6
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        chunks = OutputChunk.objects.filter(host_run_id=log.host_run_id, offset__gte=0).order_by("offset")
        sql, parameters = chunks.values_list("offset", "lines").query.sql_with_params()
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        assert "USING COVERING INDEX chunk_lines" in str(cursor.fetchall())


def test_an_index_follows_a_log_that_grows(run: Run) -> None:
    for number in range(1, 140):
        host_run = add_output(run, 1, b"%d\n" % number)
        assert log_of(host_run).read(number, 2)[0].text == str(number)


def test_a_huge_line_is_cut_and_neither_read_whole_nor_in_the_way(run: Run) -> None:
    half = [b"x" * MAX_CHUNK] * 50
    log = store(run, [b"before\n" + b"\xc3\xa9" * 100, *half, *half, b"end\nafter\n"])
    with CaptureQueriesContext(connection) as queries:
        before, huge, after = log.read(1, 10)
    assert (before.text, after.text, after.number) == ("before", "after", 3)
    assert huge.text.startswith("\N{LATIN SMALL LETTER E WITH ACUTE}" * 100 + "xxx")
    assert huge.cut + len(huge.text.encode()) == 200 + 100 * MAX_CHUNK + 3
    assert len(queries) < 20
    assert len(log.read(2, 1, most=200_000)[0].text.encode()) == 200_000


def test_a_line_that_was_drawn_over_keeps_its_last_drawing(run: Run) -> None:
    drawn = b"".join(b"%3d %%\r" % (n % 100) for n in range(10_000))
    [line] = store(run, [drawn[:50_000], drawn[50_000:], b"done\r\n"]).read(1, 1)
    assert line.is_tail and line.text.endswith("99 %\rdone\r")
    assert line.cut + len(line.text) == len(drawn) + 5


def test_a_cut_never_leaves_half_a_character(run: Run) -> None:
    [line] = store(run, [b"x" + "é".encode() * MAX_LINE]).read(1, 1)
    assert line.text == "x" + "é" * (MAX_LINE // 2 - 1)
    assert line.cut >= MAX_LINE


def test_an_answer_with_long_lines_ends_early_and_can_be_gone_on_with(run: Run) -> None:
    log = store(run, [(b"%5d" % n) + b"x" * 20_000 + b"\n" for n in range(220)])
    found = log.read(1, 220)
    assert 100 < len(found) < 200
    assert log.read(len(found) + 1, 1)[0].text.startswith(f"{len(found):5d}")


def test_a_little_of_each_of_many_long_lines_is_read_with_few_statements(run: Run) -> None:
    log = store(run, [b"y" * 900 + b"\n"] * 2_000)
    with CaptureQueriesContext(connection) as queries:
        found = log.read(1, 1_000, most=1)
    assert {line.text for line in found} == {"y"} and found[0].cut == 899
    assert len(queries) < 30


def test_however_little_is_wanted_of_huge_lines_few_of_them_are_gone_through_at_a_time(run: Run) -> None:
    log = store(run, [b"y" * 20_000 + b"\n"] * 170)
    assert 0 < len(log.read(1, 1_000, most=1)) < 150


def test_colours_that_were_set_before_hold_on(run: Run) -> None:
    log = store(run, [b"\x1b[1mbold\n\x1b[31mred\nred\n\x1b[0mplain\n\x1b[32mgreen\nx\n" + b"y" * 20_000 + b"\nz\n"])
    styles = [log.style_at(number) for number in range(1, 9)]
    assert styles[:3] == ["", "\x1b[1m", "\x1b[1m\x1b[31m"]
    assert styles[4:6] == ["", "\x1b[0m\x1b[32m"]
    assert styles[7] == ""


def get(client: Client, run: Run, query: str, index: int = 0) -> Any:
    return client.get(f"/runs/{run.pk}/hosts/{index}/{query}").json()


@pytest.mark.databases
def test_lines_are_answered_from_a_number_an_offset_and_a_time(alice_client: Client, run: Run) -> None:
    store(run, [b"one\n", (STDERR, b"two\n"), b"\x1b[31mthree\nfour"])
    answer = get(alice_client, run, "lines?from=2&count=2")
    assert answer == {
        "first": 2,
        "total": 4,
        "size": 23,
        "style": "",
        "lines": [
            {"n": 2, "time": "2026-01-31T14:00:01.000Z", "text": "two", "cut": 0, "stderr": True},
            {"n": 3, "time": "2026-01-31T14:00:02.000Z", "text": "\x1b[31mthree", "cut": 0, "stderr": False},
        ],
    }
    assert get(alice_client, run, "lines?from=4")["style"] == "\x1b[31m"
    around = get(alice_client, run, "lines?at=9&count=2")
    assert (around["line"], [line["n"] for line in around["lines"]]) == (3, [2, 3])
    since = get(alice_client, run, "lines?time=2026-01-31T14:00:00.500Z&count=1")
    assert (since["line"], since["lines"][0]["text"]) == (2, "two")
    assert get(alice_client, run, "lines", index=1)["lines"] == []


@pytest.mark.parametrize(
    "query", ["from=0", "from=-1", "from=x", "from=", "count=0", "count=1001", "at=-1", "at=1e3", "time=yesterday",
              "time=2026-13-01T00:00:00Z", "most=0", "most=999999999", "from=99999999999999999999999", "from=²"],
)  # fmt: skip
def test_says_what_is_wrong_with_a_question(alice_client: Client, run: Run, query: str) -> None:
    response = alice_client.get(f"/runs/{run.pk}/hosts/0/lines?{query}")
    assert response.status_code == 400
    assert response.json()["error"].startswith(query.split("=", maxsplit=1)[0] + " must be a")


def test_folds_are_answered_with_their_titles(alice_client: Client, run: Run) -> None:
    store(
        run,
        [
            b"x\n::group::Get \x1b[31mready\r\n",
            b"a\n::gro",
            b"up::Inner\nb\n::endgroup::\n::endgroup::\nc\n::group::\nd\n",
        ],
    )
    answer = get(alice_client, run, "folds")
    assert answer["folds"] == [
        {"from": 2, "to": 7, "title": "Get ready"},
        {"from": 4, "to": 6, "title": "Inner"},
        {"from": 9, "to": None, "title": "group"},
    ]
    assert answer["complete"] is True


def test_looking_for_folds_goes_on_where_it_stopped(run: Run) -> None:
    log = store(run, [b"::group::a\n" + b"x\n" * 30_000, b"::endgroup::\n"])
    assert lines.folds(log, 1000)[1] is False
    found, complete = lines.folds(log)
    assert ([(fold.first, fold.last) for fold in found], complete) == ([(1, 30_002)], True)


@pytest.mark.parametrize("seed", range(4))
def test_folds_do_not_depend_on_how_the_log_was_cut(seed: int) -> None:
    chance = random.Random(seed)
    words = [b"::group::t\n", b"::endgroup::\n", b"::endgroup::\r\n", b"x::group::\n", b"\n", b"y" * 2000 + b"\n"]
    data = b"".join(chance.choices(words, k=300))
    whole, pieces = FoldScanner(), FoldScanner()
    whole.feed(data)
    while data:
        cut = chance.choice([1, 3, 500])
        pieces.feed(data[:cut])
        data = data[cut:]
    assert whole.folds and whole.folds == pieces.folds


def test_a_log_full_of_markers_is_folded_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "MAX_FOLDS", 10)
    scanner = FoldScanner()
    scanner.feed(b"::group::x\n" * 50)
    assert scanner.is_full and len(scanner.folds) == 10
