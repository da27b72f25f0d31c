"""Reading a started program until it is over: what it prints is stored, and it is ended when somebody or a limit asks.

A detached program may be read over several connections, one after the other: what is known of it stays here.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consoles import ssh
from consoles.outcome import Limits, Outcome, Stop, outcome_of_exit, outcome_of_stop
from consoles.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from consoles.outputlog import LogWriter, Ticket

#: Seconds of silence after which the host is asked for a sign of life.
PROBE_AFTER = 15.0
#: Seconds by which a wait takes longer than it may, where this process was stopped or its machine slept.
STOOD_STILL = 2.0
#: Seconds to wait for the rest of the output once the program was ended.
DRAIN = 5.0
#: Attempts to end a program on a host that answers otherwise, before that counts as not confirmed for good.
MOST_UNANSWERED = 3

Program = ssh.Program | ssh.DetachedProgram


@dataclass(frozen=True, slots=True)
class Work:
    """What a run asks of each of its hosts. ``mode`` is one of ``Run.Mode``; ``spool_kib`` bounds a host's spools.

    ``confirm`` is called before a program is started or ended: it raises ``Fenced`` where another process acts for it.
    ``rest`` surrounds a wait for contact, so that a host that does not answer holds up nobody else for so long; it is
    told whether the HostRun was canceled.
    """

    program: str
    limits: Limits
    kill_grace: float
    mode: str
    spool_kib: int
    confirm: Callable[[Ticket], None]
    rest: Callable[[Ticket, bool], AbstractContextManager[None]]


class ContactLost(Exception):
    """The connection ended before the program did, and the program goes on; the message says what was seen."""


class ProgramWatch:
    """Watches the program of one HostRun in one thread, over as many connections as it takes."""

    def __init__(
        self, ticket: Ticket, work: Work, writer: LogWriter, canceled: Callable[[], bool], elapsed: float = 0.0
    ) -> None:
        """``elapsed``: seconds since it was started, where another process has started it."""
        self._ticket = ticket
        self._work = work
        self._writer = writer
        self._canceled = canceled
        self._began = time.monotonic() - elapsed
        self._last_output = self._last_probe = time.monotonic()
        self._running = False
        self._signalled = False
        self._unanswered = 0
        self._stored = ticket.end
        self._dropped = 0
        self._stop: Stop | None = None
        self._ending: _EndingThread | None = None

    @property
    def received(self) -> int:
        """Bytes of output that have come so far: where another connection goes on."""
        return self._stored + self._dropped

    def until_end(self, program: Program) -> Outcome:
        """Store output until the program is over; the outcome says how.

        Raises :class:`ContactLost` where the connection ended and a detached program goes on,
        :class:`ssh.ProgramNotStarted` when the host ended the session before the program began, and
        :class:`~consoles.outputlog.Fenced` when another process has taken the HostRun over.
        """
        self._signalled = self._signalled or self._ending is not None
        self._running, self._ending = False, None
        # How long it was silent while nobody could hear it is not known.
        self._last_output = self._last_probe = time.monotonic()
        exited: ssh.Exited | None = None
        while exited is None and not self._gave_up():
            event = self._next_event(program)
            self._note_running(program)
            if isinstance(event, ssh.OutputReceived):
                self._store(event)
            elif isinstance(event, ssh.Exited):
                exited = event
            self._enforce(program, exited)
        if isinstance(program, ssh.DetachedProgram) and (why := self._why_no_contact(program, exited)):
            raise ContactLost(why)
        return self._outcome(program, exited)

    def _why_no_contact(self, program: Program, exited: ssh.Exited | None) -> str:
        """What keeps a detached program from being heard of, or from being ended; "" when it is over."""
        if exited is not None:
            return exited.connection_lost
        ending = self._ending.result() if self._ending is not None else None
        if ending is None or not ending.no_contact:
            return ""
        if program.connection.is_active:
            # It lets us in and does not do what it is asked: that is not tried for a day.
            self._unanswered += 1
            if self._unanswered >= MOST_UNANSWERED:
                return ""
        return ending.sentence.removeprefix("Not confirmed: ").rstrip(".")

    def _next_event(self, program: Program) -> ssh.OutputReceived | ssh.Exited | None:
        patience, began = self._patience(), time.monotonic()
        event = program.next_event(patience)
        if time.monotonic() - began > patience + STOOD_STILL:
            # This process stood still, and what was printed meanwhile has not been read yet: that is no silence.
            self._last_output = time.monotonic()
        return event

    def _note_running(self, program: Program) -> None:
        if not self._running and program.announced:
            self._running = True
            boot = {"boot_id": program.boot_id or ""} if isinstance(program, ssh.DetachedProgram) else {}
            if self._ticket.host_run.status != Status.RUNNING:
                self._writer.move(self._ticket, Status.RUNNING, contact_lost=None, reason="", **boot)
                self._ticket.host_run.status = Status.RUNNING
            else:
                self._writer.note(self._ticket, contact_lost=None, reason="")

    def _patience(self) -> float:
        now = time.monotonic()
        limits = self._work.limits
        waits = [PROBE_AFTER, 0.25 if self._ending else PROBE_AFTER]
        if limits.idle:
            waits.append(self._last_output + limits.idle - now)
        if limits.total:
            waits.append(self._began + limits.total - now)
        return max(min(waits), 0.01)

    def _store(self, event: ssh.OutputReceived) -> None:
        room = self._work.limits.output - self._stored
        kept = event.data[:room] if len(event.data) > room else event.data
        if kept:
            self._writer.append(self._ticket, event.stream, kept)
        self._stored += len(kept)
        self._dropped += len(event.data) - len(kept)
        # After it was handed in: while the database refuses, that may take longer than the idle timeout.
        self._last_output = time.monotonic()

    def _enforce(self, program: Program, exited: ssh.Exited | None) -> None:
        begun = next((stop for stop in Stop if exited is not None and stop.value == exited.stopped), None)
        # Perhaps by another process, which is gone: what it did not live to tell, the host does.
        self._signalled = self._signalled or begun is not None
        self._stop = self._stop or begun or self._reason_to_stop(exited)
        # What has not said yet that it was started cannot be ended, except by closing an attached session.
        known = program.announced or isinstance(program, ssh.Program)
        if self._stop and self._ending is None and known and exited is None:
            self._work.confirm(self._ticket)
            self._ending = _EndingThread(program, self._work.kill_grace, self._stop.value)
        self._probe_if_silent(program)

    def _reason_to_stop(self, exited: ssh.Exited | None) -> Stop | None:
        now, limits = time.monotonic(), self._work.limits
        if self._dropped:
            return Stop.OUTPUT
        if exited is not None:
            return None  # Too late: how it ended by itself is what happened.
        if self._canceled():
            return Stop.CANCELED
        if limits.total and now - self._began >= limits.total:
            return Stop.TOTAL
        if limits.idle and now - self._last_output >= limits.idle:
            return Stop.IDLE
        return None

    def _probe_if_silent(self, program: Program) -> None:
        now = time.monotonic()
        if now - max(self._last_output, self._last_probe) >= PROBE_AFTER and not self._ending:
            self._last_probe = now
            # In a thread: a host that does not answer must not hold up a cancel or a limit.
            threading.Thread(target=program.connection.probe, name="ssh-probe", daemon=True).start()

    def _gave_up(self) -> bool:
        """Whether the program was ended, or could not be, and its output still does not end."""
        return self._ending is not None and self._ending.over_for(DRAIN)

    # The outcome

    def _outcome(self, program: Program, exited: ssh.Exited | None) -> Outcome:
        if not self._running:
            # Without a word from its shell nobody knows whether it began; a final status follows only a running one.
            self._writer.move(self._ticket, Status.RUNNING)
        if self._stop is not None:
            outcome = self._outcome_of_stop(self._stop, exited)
        elif exited is not None:
            outcome = self._outcome_of_exit(program, exited)
        else:
            outcome = Outcome(Status.LOST)
        if self._dropped:
            outcome.fields["dropped"] = self._dropped
        return outcome

    def _outcome_of_exit(self, program: Program, exited: ssh.Exited) -> Outcome:
        left = ""
        if exited.vanished is ssh.Vanished.KILLED and isinstance(program, ssh.DetachedProgram):
            left = ssh.survivors(program)
        return outcome_of_exit(self._ticket.host_run.server_name, exited, left)

    def _outcome_of_stop(self, stop: Stop, exited: ssh.Exited | None) -> Outcome:
        """A program that ended by itself before it was signalled keeps its own outcome, unless output was cut."""
        ending = self._ending.result() if self._ending else ssh.Ending(True, "", too_late=True)
        seen = ending.sentence
        if ending.too_late and exited and not exited.connection_lost:
            if stop is not Stop.OUTPUT and not self._signalled:
                return outcome_of_exit(self._ticket.host_run.server_name, exited)
            seen = "It has ended." if self._signalled else "It had already ended."
        return outcome_of_stop(stop, self._work.limits, seen, exited, self._dropped)


class _EndingThread:
    """Ends a program from a second channel while its output is still read from the first."""

    def __init__(self, program: Program, grace: float, why: str) -> None:
        self._ending: ssh.Ending | None = None
        self._over_at = 0.0
        self._thread = threading.Thread(target=self._end, args=(program, grace, why), name="ending", daemon=True)
        self._thread.start()

    def _end(self, program: Program, grace: float, why: str) -> None:
        try:
            self._ending = ssh.end_program(program, grace, why)
        finally:
            self._over_at = time.monotonic()
            program.wake()

    def over_for(self, seconds: float) -> bool:
        return bool(self._over_at) and time.monotonic() - self._over_at >= seconds

    def result(self) -> ssh.Ending:
        self._thread.join()
        return self._ending or ssh.Ending(False, "Not confirmed: the attempt to end it failed.")
