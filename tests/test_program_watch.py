"""What is made of a detached program's end when several processes had to do with it."""

from __future__ import annotations

import contextlib
from collections import deque
from types import SimpleNamespace
from typing import Any, cast

import pytest

from consoles import program_watch, ssh
from consoles.models import HostRun, Run
from consoles.outcome import Limits
from consoles.outputlog import LogWriter, Ticket
from consoles.program_watch import ProgramWatch, Work
from consoles.statuses import Status

pytestmark = pytest.mark.django_db(transaction=True)


class Scripted(ssh.DetachedProgram):
    """A program that is over on its host, as a new process hears of it: these events, one after the other."""

    def __init__(self, exited: ssh.Exited, *before: ssh.OutputReceived | None) -> None:
        self.boot_id = "boot"
        self.connection = cast(ssh.Connection, SimpleNamespace(probe=lambda: True, is_active=True))
        self._exited = exited
        self._events = deque([*before, exited])

    def next_event(self, timeout: float) -> Any:
        return self._events.popleft()

    def wake(self) -> None:
        pass


def outcome_of(program: Scripted, canceled: bool, idle: float = 0) -> tuple[str, str]:
    """Status and reason when the cancel is known, or not, by the time the end is heard of."""
    run = Run.objects.create(title="t", program="true", program_sha256="", output_limit=1000, requester_name="alice")
    row = HostRun.objects.create(run=run, index=0, server_name="h0", status=Status.RUNNING, fence=1, mode="detached")
    work = Work(
        "true",
        Limits(idle, 0, 1000),
        1.0,
        "auto",
        1000,
        lambda ticket: None,
        lambda ticket, held: contextlib.nullcontext(),
    )
    writer = LogWriter()
    try:
        outcome = ProgramWatch(Ticket.going_on(row), work, writer, lambda: canceled).until_end(program)
    finally:
        writer.stop(10)
    return outcome.status, outcome.reason


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("before", [(), (None,), (ssh.OutputReceived(1, b"last words\n"),)])
def test_cancel_that_another_process_began_is_the_outcome(known: bool, before: tuple[Any, ...]) -> None:
    """Whether this process hears of the cancel before, with or after the end must not matter."""
    program = Scripted(ssh.Exited(143, stopped="canceled"), *before)
    assert outcome_of(program, known) == ("canceled", "It has ended.")


@pytest.mark.parametrize("before", [(), (None,), (ssh.OutputReceived(1, b"last words\n"),)])
def test_program_that_ended_by_itself_keeps_its_outcome_though_it_was_canceled(before: tuple[Any, ...]) -> None:
    assert outcome_of(Scripted(ssh.Exited(0), *before), canceled=True) == ("succeeded", "")


def test_timeout_that_another_process_enforced_is_the_outcome() -> None:
    status, reason = outcome_of(
        Scripted(ssh.Exited(None, vanished=ssh.Vanished.KILLED, stopped="total")), canceled=False
    )
    assert (status, reason) == ("timed_out", "Stopped after 0 s in all. It has ended.")


class Clock:
    """What the watch takes for the time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that only the test moves; what is ended is ended at once."""
    clock = Clock()
    monkeypatch.setattr(program_watch, "time", clock)
    monkeypatch.setattr(ssh, "end_program", lambda *asked: ssh.Ending(True, "Ended after TERM in 0.1 s."))
    return clock


class Slow(Scripted):
    """A program whose second event comes only after this process has stood still for ten minutes."""

    clock: Clock

    def next_event(self, timeout: float) -> Any:
        if len(self._events) == 2:
            self.clock.now += 600
        return super().next_event(timeout)


def test_silence_while_this_process_stood_still_is_not_the_programs(clock: Clock) -> None:
    program = Slow(ssh.Exited(0), ssh.OutputReceived(1, b"before\n"), None)
    program.clock = clock
    assert outcome_of(program, canceled=False, idle=60) == ("succeeded", "")


def test_silence_while_the_database_refuses_is_not_the_programs(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    append = LogWriter.append

    def append_late(self: LogWriter, *arguments: Any) -> None:
        clock.now += 600
        append(self, *arguments)

    monkeypatch.setattr(LogWriter, "append", append_late)
    program = Scripted(ssh.Exited(0), ssh.OutputReceived(1, b"one\n"), ssh.OutputReceived(1, b"two\n"))
    assert outcome_of(program, canceled=False, idle=60) == ("succeeded", "")
