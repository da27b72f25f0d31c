"""The fault suite's checker must see each kind of damage."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.checker import Chunk, Record, Witnessed, violations_of
from tests.faults.history import TAKEN_OVER, TO_END, History, Injected, Seen
from tests.faults.printer import Script, Step

SCRIPT = Script((Step(1, b"one\n", 0), Step(2, b"oh!\n", 0), Step(1, b"two\n", 0)), 3, stubborn=False, family=False)
PRINTED = SCRIPT.printed()


def seen(status: str, exit_status: int | None = None, by: str = "viewer") -> Seen:
    return Seen(by, status, exit_status, "")


GOOD = Record(
    name="run 7 on web1",
    script=SCRIPT,
    witnessed=Witnessed(starts=1, intended=12, done=12, ended=3),
    status="failed",
    exit_status=3,
    exit_signal="",
    reason="The program ended with exit status 3.",
    mode="detached",
    size=12,
    dropped=0,
    chunks=[Chunk(0, 1, PRINTED[:5]), Chunk(5, 1, PRINTED[5:])],
    seen=[seen("queued"), seen("starting"), seen("running"), seen("failed", 3)],
    watched=[12],
)


def wrong(**changes: Any) -> str:
    """What the checker says of a good record after these changes."""
    return " | ".join(violations_of(replace(GOOD, **changes)))


def ended_early(status: str, stored: int = 8, **changes: Any) -> dict[str, Any]:
    """A program that was ended after its second write."""
    early: dict[str, Any] = {
        "status": status,
        "exit_status": None,
        "witnessed": Witnessed(starts=1, intended=12, done=8),
        "size": stored,
        "chunks": [Chunk(0, 1, PRINTED[:stored])],
        "seen": [seen("running"), seen(status)],
        "watched": [stored],
    }
    return early | changes


NEVER_STARTED: dict[str, Any] = {
    "witnessed": Witnessed(),
    "chunks": [],
    "size": 0,
    "watched": [0],
    "seen": [seen("queued")],
}


def test_finds_nothing_wrong_with_a_good_record() -> None:
    assert wrong() == ""


def test_sees_a_second_start() -> None:
    assert wrong(witnessed=replace(GOOD.witnessed, starts=2)) == "run 7 on web1: the program was started 2 times"


def test_sees_a_start_that_is_denied() -> None:
    denied = ended_early("unreachable", harmed=True)
    assert "it is unreachable, and yet the program was started" in wrong(**denied)


def test_sees_a_gap() -> None:
    chunks = [Chunk(0, 1, PRINTED[:5]), Chunk(6, 1, PRINTED[6:])]
    assert "a chunk begins at 6 instead of 5" in wrong(chunks=chunks)


def test_sees_bytes_stored_twice() -> None:
    chunks = [Chunk(0, 1, PRINTED[:5]), Chunk(3, 1, PRINTED[3:])]
    assert "a chunk begins at 3 instead of 5" in wrong(chunks=chunks)


def test_sees_a_size_that_is_not_what_is_stored() -> None:
    assert "12 bytes are stored, and its size says 11" in wrong(size=11)


def test_sees_a_wrong_byte() -> None:
    chunks = [Chunk(0, 1, PRINTED.replace(b"oh", b"0h"))]
    assert "the output differs from what was printed at byte 4" in wrong(chunks=chunks)


def test_sees_an_end_that_is_missing() -> None:
    cut = {"size": 8, "chunks": [Chunk(0, 1, PRINTED[:8])], "watched": [8]}
    assert "the output has 8 of 12 bytes" in wrong(**cut)


def test_sees_a_byte_that_nobody_printed() -> None:
    more = {"size": 13, "chunks": [Chunk(0, 1, PRINTED + b"x")], "watched": [13]}
    assert "13 bytes are stored of at most 12 printed" in wrong(**more)


def test_takes_the_streams_of_an_attached_program_each_for_itself() -> None:
    chunks = [Chunk(0, 1, b"one\ntwo\n"), Chunk(8, 2, b"oh!\n")]
    assert wrong(chunks=chunks, mode="attached") == ""
    assert "the output differs from what was printed at byte 4" in wrong(chunks=chunks)
    assert "stream 2 has 0 of 4 bytes" in wrong(chunks=[Chunk(0, 1, b"one\ntwo\n")], size=8, mode="attached")


def test_sees_a_final_status_that_changed() -> None:
    changed = [*GOOD.seen[:-1], seen("lost"), seen("failed", 3)]
    said = wrong(seen=changed)
    assert "it ended more than once" in said
    assert "viewer saw it go from lost to failed" in said


def test_sees_an_exit_status_that_changed() -> None:
    assert "it ended more than once" in wrong(seen=[*GOOD.seen, seen("failed", 4)])


def test_sees_two_observers_that_saw_different_ends() -> None:
    assert "it ended more than once" in wrong(seen=[*GOOD.seen, seen("canceled", by="database")])


def test_sees_a_status_that_went_back() -> None:
    assert "viewer saw it go from running to queued" in wrong(seen=[seen("running"), seen("queued"), seen("failed", 3)])


def test_sees_what_never_ended() -> None:
    assert "it is still running" in wrong(status="running", seen=[seen("running")])


@pytest.mark.parametrize("told", [{"exit_status": 4}, {"exit_status": 3, "exit_signal": "TERM"}, {"exit_status": None}])
def test_sees_an_untrue_exit_status(told: dict[str, Any]) -> None:
    seen_so = [Seen("viewer", "failed", told["exit_status"], told.get("exit_signal", ""))]
    assert "it ended with 3, and is failed with" in wrong(**told, seen=seen_so)


def test_sees_a_failure_called_a_success() -> None:
    said = wrong(status="succeeded", seen=[seen("succeeded", 3)])
    assert "it ended with 3, and is succeeded" in said


def test_sees_an_ending_the_program_never_came_to() -> None:
    assert "the program did not come to its end" in wrong(witnessed=replace(GOOD.witnessed, ended=None))


def test_lets_a_canceled_program_have_printed_a_part() -> None:
    assert wrong(**ended_early("canceled", canceled=True)) == ""
    assert wrong(**ended_early("canceled", canceled=True, stored=10)) == ""


def test_sees_printed_bytes_missing_from_a_canceled_program() -> None:
    said = wrong(**ended_early("canceled", canceled=True, stored=7))
    assert "7 bytes are stored of at least 8 printed" in said


def test_sees_a_cancel_that_nobody_asked_for() -> None:
    assert "it is canceled, which nobody asked for" in wrong(**ended_early("canceled"))


def test_sees_an_unreachable_host_with_which_nothing_was_wrong() -> None:
    never: dict[str, Any] = NEVER_STARTED | {"seen": [seen("starting")]}
    assert "nothing was wrong with its host" in wrong(**ended_early("unreachable", **never))
    assert wrong(**ended_early("unreachable", harmed=True, **never)) == ""


@pytest.mark.parametrize("status", ["lost", "skipped", "timed_out"])
def test_sees_endings_that_must_not_be_unless_they_are_forgiven(status: str) -> None:
    ended = ended_early(status) | (NEVER_STARTED if status == "skipped" else {})
    assert f"it is {status}" in wrong(**ended)
    assert violations_of(replace(GOOD, **ended), frozenset({status})) == []


def test_sees_a_viewer_that_was_told_of_an_end_too_early() -> None:
    assert "a viewer was told of its end with 8 bytes, and 12 are stored" in wrong(watched=[12, 8])


def test_sees_a_server_that_ends_late_and_one_that_takes_over_late() -> None:
    history = History()
    history.injected = [Injected("database locked", "", 100.0, 116.0, 1)]
    history.spans = defaultdict(list, {TO_END: [(90.0, 99.9), (104.0, 114.5)], TAKEN_OVER: [(95.0, 125.0)]})
    away = frozenset({"database locked"})
    # Nobody can take anything over while the database is locked; but a process has to end.
    assert history.what_took_too_long(away) == ["seconds to end after SIGTERM: 10.5, more than 10"]
    history.spans[TAKEN_OVER] = [(95.0, 127.0)]
    assert "seconds until taken over: 16.0, more than 15" in history.what_took_too_long(away)
