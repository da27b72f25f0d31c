"""What is made of a detached program's end when several processes had to do with it."""

from __future__ import annotations

import contextlib
from collections import deque
from types import SimpleNamespace
from typing import Any, cast

import pytest

from consoles import ssh
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


def outcome_of(program: Scripted, canceled: bool) -> tuple[str, str]:
    """Status and reason when the cancel is known, or not, by the time the end is heard of."""
    run = Run.objects.create(title="t", program="true", program_sha256="", output_limit=1000, requester_name="alice")
    row = HostRun.objects.create(run=run, index=0, server_name="h0", status=Status.RUNNING, fence=1, mode="detached")
    work = Work(
        "true",
        Limits(0, 0, 1000),
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
