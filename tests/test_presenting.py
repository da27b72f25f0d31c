"""How names are folded, durations told, and a host put into the wire's words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from consoles.models import HostRun
from consoles.presenting import clock_duration, duration_words, fold_names, host_row, iso
from consoles.statuses import Status


def unfold(text: str) -> list[str]:
    """The names that a folded text means."""
    match = re.fullmatch(r"(.*)\[(.*)\](.*)", text)
    if not match:
        return [text]
    names = []
    for part in match[2].split(","):
        first, _, last = part.partition("-")
        numbers = range(int(first), int(last or first) + 1)
        names += [f"{match[1]}{number:0{len(first)}d}{match[3]}" for number in numbers]
    return names


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        ([], []),
        (["web1"], ["web1"]),
        (["web3", "web1", "web2", "web7"], ["web[1-3,7]"]),
        (["web001", "web002", "web010"], ["web[001-002,010]"]),
        (["web7", "web007"], ["web007", "web7"]),
        (["web9", "web10"], ["web[9-10]"]),
        (["web999", "web1000", "web001"], ["web[001,999-1000]"]),
        (["h-1-a", "h-2-a", "h-1-b"], ["h-1-b", "h-[1-2]-a"]),
        (["backup", "backup20240131120000", "0", "1"], ["[0-1]", "backup", "backup20240131120000"]),
        (["web2", "web2", "db10", "db9"], ["db[9-10]", "web2"]),
    ],
)
def test_folds_names_that_differ_in_their_last_number(names: list[str], folded: list[str]) -> None:
    assert fold_names(names) == folded


def test_folded_names_mean_exactly_the_names_they_were_made_of() -> None:
    names = {f"w{number}" for number in range(0, 300, 7)} | {f"w{number:03d}" for number in range(0, 1200, 5)}
    names |= {f"db{number:02d}-eu" for number in range(120)} | {"solo", "x00", "x0", "x1", "x01"}
    told = [name for text in fold_names(names) for name in unfold(text)]
    assert sorted(told) == sorted(names)


@pytest.mark.parametrize(
    ("seconds", "words", "clock"),
    [
        (-1, "0 s", "0.0 s"),
        (0.44, "0.4 s", "0.4 s"),
        (10, "10 s", "10.0 s"),
        (59.97, "1 min", "0:59"),
        (134, "2 min 14 s", "2:14"),
        (900, "15 min", "15:00"),
        (3734, "1 h 2 min", "1:02:14"),
        (604800, "7 d", "7 d 00:00"),
    ],
)
def test_tells_durations(seconds: float, words: str, clock: str) -> None:
    assert (duration_words(seconds), clock_duration(seconds)) == (words, clock)


def test_times_on_the_wire_are_utc_with_milliseconds() -> None:
    moment = datetime(2026, 3, 1, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    assert iso(moment) == "2026-02-28T23:30:00.123Z"
    assert iso(None) is None


def test_a_host_row_has_exactly_the_fields_of_the_protocol() -> None:
    asked = datetime(2026, 3, 1, tzinfo=UTC)
    host_run = HostRun(index=3, server_name="web1", address="web1:22", status=Status.RUNNING, cancel_requested=asked)
    row = host_row(host_run)
    names = "i name address status reason exit_status exit_signal started finished size lines printed dropped"
    assert list(row) == [*names.split(), "last_line", "canceling", "mode", "contact_lost"]
    assert row["i"] == 3 and row["status"] == "running" and type(row["status"]) is str and row["canceling"]
    host_run.status = Status.CANCELED
    assert not host_row(host_run)["canceling"]
