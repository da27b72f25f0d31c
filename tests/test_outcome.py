"""From what was seen to a status and one sentence."""

from __future__ import annotations

import itertools

import pytest

from consoles.outcome import Limits, Stop, outcome_of_exit, outcome_of_stop
from consoles.ssh import Exited
from consoles.statuses import FINAL, Status, sources_of

LIMITS = Limits(idle=900, total=7200.5, output=1_000_000)


@pytest.mark.parametrize(
    ("exited", "status", "reason"),
    [
        (Exited(0), "succeeded", ""),
        (Exited(3), "failed", "The program ended with exit status 3."),
        (Exited(None, signal="SEGV"), "failed", "The program was ended by signal SEGV."),
        (
            Exited(0, held_open=True),
            "succeeded",
            "It left a process behind that holds the output open; what that prints is not here.",
        ),
        (
            Exited(0, output_cut=True),
            "succeeded",
            "The connection to web1 was lost before all output had arrived: its end is missing.",
        ),
        (
            Exited(0, disk_full=True),
            "succeeded",
            "The disk of web1 was full when it ended: some of its output may be missing.",
        ),
        (
            Exited(2, output_cut=True),
            "failed",
            "The program ended with exit status 2. "
            "The connection to web1 was lost before all output had arrived: its end is missing.",
        ),
        (
            Exited(None, connection_lost="the connection was lost"),
            "lost",
            "Contact to web1 ended before the program did (the connection was lost): "
            "check on the host whether it went on.",
        ),
    ],
)
def test_program_that_ended_by_itself(exited: Exited, status: str, reason: str) -> None:
    outcome = outcome_of_exit("web1", exited)
    assert (outcome.status, outcome.reason) == (status, reason)
    if status != "lost":
        assert outcome.fields == {"exit_status": exited.status, "exit_signal": exited.signal}
    else:
        assert outcome.fields == {}


@pytest.mark.parametrize(
    ("stop", "status", "reason"),
    [
        (Stop.CANCELED, "canceled", "Seen."),
        (Stop.IDLE, "timed_out", "Stopped after 900 s without output. Seen."),
        (Stop.TOTAL, "timed_out", "Stopped after 7200.5 s in all. Seen."),
        (
            Stop.OUTPUT,
            "failed",
            "Stopped at the output limit: the first 1,000,000 bytes are stored, 2,345 bytes after them are not. Seen.",
        ),
    ],
)
def test_program_that_the_console_stopped(stop: Stop, status: str, reason: str) -> None:
    outcome = outcome_of_stop(stop, LIMITS, "Seen.", Exited(None, signal="TERM"), 2345)
    assert (outcome.status, outcome.reason) == (status, reason)
    assert outcome.fields == {"exit_status": None, "exit_signal": "TERM"}
    assert outcome_of_stop(stop, LIMITS, "Seen.", None, 2345).fields == {}
    assert outcome_of_stop(stop, LIMITS, "Seen.", Exited(None, connection_lost="x"), 0).fields == {}


def test_every_outcome_is_final_and_may_follow_running() -> None:
    ends = [
        Exited(status, signal, detached, cut, lost)
        for status, signal, detached, cut, lost in itertools.product(
            (None, 0, 1), ("", "TERM"), (False, True), (False, True), ("", "x")
        )
    ]
    outcomes = [outcome_of_exit("h", end) for end in ends]
    outcomes += [outcome_of_stop(stop, LIMITS, "x", end, 0) for stop in Stop for end in ends]
    for outcome in outcomes:
        assert outcome.status in FINAL
        assert Status.RUNNING in sources_of(outcome.status)
