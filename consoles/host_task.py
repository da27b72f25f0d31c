"""One HostRun from start to end: connect, start the program once, store what it prints, say how it ended.

A detached program goes on without us, so a lost connection is no end: the host is tried again until it answers.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import Error as DatabaseError
from django.db.models.functions import Now
from django.utils import timezone

from consoles import ssh
from consoles.models import HostRun, Run
from consoles.outcome import Outcome
from consoles.outputlog import Fenced, LogWriter, Ticket
from consoles.program_watch import ContactLost, Program, ProgramWatch, Work
from consoles.statuses import Status
from consoles.targets import Prepared, remember_mismatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

log = logging.getLogger(__name__)

#: Seconds before the first attempt to reach a host again, and the longest pause between two, before jitter.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
#: Sessions in which the host does not say whether it has started the program, before it counts as lost.
MOST_UNANSWERED = 3
LEFT = "%s is left to whoever owns it now."


class Abandoned(Exception):
    """This process is not to act for the HostRun any more; whoever does goes on from what is stored."""


class HostTask:
    """Executes one HostRun in the thread that calls :meth:`run`; ``cancel`` and ``abandon`` may come from any.

    ``prepare`` gives the target as the inventory has it now: a host that is tried again may have another key to trust.
    """

    def __init__(
        self,
        host_run: HostRun,
        work: Work,
        prepare: Callable[[HostRun], Prepared],
        writer: LogWriter,
        kept: ssh.KeptConnections,
    ) -> None:
        self.host_run = host_run
        self._kept = kept
        self._work = work
        self._prepare = prepare
        self._writer = writer
        self._ticket = Ticket.going_on(host_run)
        self._watch = ProgramWatch(self._ticket, work, writer, lambda: self._canceled, _elapsed(host_run))
        self._lock = threading.Lock()
        self._nudge = threading.Event()
        self._canceled = self._abandoned = False
        # Whether a detached start was sent, by us or by whoever had this HostRun before.
        self._may_run = host_run.mode == Run.Mode.DETACHED and host_run.status in (Status.STARTING, Status.RUNNING)
        self._unanswered = 0
        self._connection: ssh.Connection | None = None
        self._program: Program | None = None

    def cancel(self) -> None:
        """End the program, or the attempt to reach its host. Returns at once; the outcome says what was seen."""
        with self._lock:
            first, self._canceled = not self._canceled, True
            if self._program is not None:
                self._program.wake()
            elif self._connection is not None and not self._may_run:
                self._connection.close()
        if first:
            self._nudge.set()

    def abandon(self) -> None:
        """Let go of the host and leave its program alone: this process is stopping, or has lost the HostRun."""
        with self._lock:
            self._abandoned = True
            connection = self._program.connection if self._program is not None else self._connection
        self._nudge.set()
        if connection is not None:
            connection.close()

    @property
    def fence(self) -> int:
        """The fence under which this process acts for the HostRun."""
        return self._ticket.fence

    def drop(self) -> None:
        """Another process acts for the HostRun now: write nothing more, and leave its program alone."""
        self._writer.drop(self._ticket)
        self.abandon()

    def run(self) -> None:
        """Do all of it. Never raises: whatever goes wrong becomes the HostRun's outcome."""
        try:
            if self._note_starting():
                self._end(self._execute())
        except (Fenced, Abandoned):
            log.info(LEFT, self.host_run)
        except Exception:
            log.exception("%s ended by a fault of the console.", self.host_run)
            reason = "A fault in the console ended this: see its log, and check on the host."
            self._end(Outcome(Status.LOST, reason))
        finally:
            self._close()

    def _note_starting(self) -> bool:
        """Stored before the host is touched: after a crash, a HostRun that is still queued was never started."""
        if self.host_run.status != Status.QUEUED:
            return True
        mode = Run.Mode.ATTACHED if self._work.mode == Run.Mode.ATTACHED else Run.Mode.DETACHED
        self.host_run.status, self.host_run.mode = Status.STARTING, mode
        return self._writer.move(self._ticket, Status.STARTING, mode=mode).result()

    def _end(self, outcome: Outcome) -> None:
        """Store the outcome; only then may the host forget what it kept."""
        stored = self._writer.move(self._ticket, outcome.status, reason=outcome.reason, **outcome.fields)
        stored.add_done_callback(self._note_refusal)
        program = self._program
        if isinstance(program, ssh.DetachedProgram) and program.ended_cleanly:
            if stored.result() and not outcome.unclear:
                program.finish()
            else:
                program.ended_cleanly = False

    def _note_refusal(self, stored: Future[bool]) -> None:
        if not stored.result():
            log.info(LEFT, self.host_run)

    # Reaching the host, again and again

    def _execute(self) -> Outcome:
        pause, since = FIRST_PAUSE, time.monotonic()
        while True:
            began = time.monotonic()
            try:
                self._program = self._reach()
                outcome = self._watch.until_end(self._program)
                self._stop_if_abandoned()
                return outcome
            except ssh.CannotDetach as error:
                if self._may_run:
                    # Whether an earlier start got through nobody knows, and twice is worse than not at all.
                    return Outcome(Status.LOST, f"{error} Whether it was started before is not known: check there.")
                if self._work.mode != Run.Mode.AUTO:
                    return self._not_started(error)
                self._attach_instead()
                continue
            except ContactLost as lost:
                self._may_run = True
                if time.monotonic() - began > LONGEST_PAUSE:
                    # Contact that breaks at once, again and again, is not asked for twice a second.
                    pause, since = FIRST_PAUSE, time.monotonic()
                why = f"Contact to {self.host_run.server_name} was lost ({lost})."
            except ssh.SpoolMissing as error:
                return self._spool_missing(error)
            except ssh.ConnectError as error:
                self._stop_if_abandoned()
                if isinstance(error, ssh.HostKeyMismatch) and self.host_run.server_id:
                    remember_mismatch(self.host_run.server_id, error)
                if not self._may_try_again(error):
                    return self._not_started(error)
                why = str(error)
            self._close()
            if time.monotonic() - since > settings.OPSCONSOLE_RECONNECT_FOR:
                return self._gave_up(why)
            self._wait_for_contact(why, pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, guards nothing
            pause = min(pause * 2, LONGEST_PAUSE)

    def _may_try_again(self, error: ssh.ConnectError) -> bool:
        """Whether the program may run there, or may be started again: detached, the host starts it once at the most."""
        if self.host_run.mode == Run.Mode.DETACHED and isinstance(error, ssh.ProgramNotStarted) and not error.certain:
            self._may_run = True
            self._unanswered += 1
        # A host that lets us in and never says whether it has started the program is not tried for a day.
        return self._may_run and (self._unanswered < MOST_UNANSWERED or self.host_run.status == Status.RUNNING)

    def _wait_for_contact(self, why: str, seconds: float) -> None:
        if self._canceled:
            reason = f"Canceled, but not confirmed: {why} It is ended as soon as the host answers."
        else:
            reason = f"{why} It may go on there; trying again."
        self._stop_if_abandoned()
        lost = self.host_run.contact_lost = self.host_run.contact_lost or timezone.now()
        if not self._writer.note(self._ticket, contact_lost=lost, reason=reason).result():
            raise Abandoned
        with self._work.rest(self._ticket, self._canceled):
            self._nudge.wait(seconds)
            self._nudge.clear()
        self._stop_if_abandoned()

    def _reach(self) -> Program:
        """Start the program, on a connection that is open already if there is one and it still works."""
        prepared = self._prepare(self.host_run)
        if prepared.target is None:
            raise ssh.ConnectError(prepared.trouble)
        if (kept := self._kept.take(prepared.target)) is not None:
            try:
                return self._start_on(kept)
            except ssh.ConnectError as error:
                kept.close()
                if self._canceled or (isinstance(error, ssh.ProgramNotStarted) and not error.certain):
                    raise
            except BaseException:
                # Another process has it now, or this one stops: nobody else knows of what was kept.
                kept.close()
                raise
        connection = ssh.Connection(prepared.target)
        try:
            with self._lock:
                self._connection = connection
            self._stop_if_canceled()
            connection.open()
            return self._start_on(connection)
        except BaseException:
            connection.close()
            raise

    def _start_on(self, connection: ssh.Connection) -> Program:
        with self._lock:
            self._stop_if_canceled()
            # From here on a cancel must end the program: closing the connection would leave it running.
            self._connection = None
            self._stop_if_abandoned()
        program = self._open(connection)
        with self._lock:
            self._program = program
        # While the host was asked, nobody could find either of the two to close it.
        self._stop_if_abandoned()
        return program

    def _open(self, connection: ssh.Connection) -> Program:
        work, host_run = self._work, self.host_run
        work.confirm(self._ticket)
        if host_run.mode == Run.Mode.ATTACHED:
            return ssh.Program(connection, work.program)
        if not connection.target.posix:
            raise ssh.CannotDetach(connection.target.name, "it has no POSIX shell")
        spool = ssh.Spool(host_run.spool_name, work.limits.output, work.spool_kib)
        # Known to run: only looked for. Else the start is sent again, and the host sees to it that it happens once.
        text = None if host_run.status == Status.RUNNING else work.program
        return ssh.DetachedProgram(connection, spool, text, self._watch.received)

    def _attach_instead(self) -> None:
        """The host cannot run it detached, and nothing was started: the next attempt runs it the other way."""
        # Stored before it is started: after a crash nobody may look for it again as if it had been detached.
        self.host_run.mode, self._may_run = Run.Mode.ATTACHED, False
        if not self._writer.note(self._ticket, mode=Run.Mode.ATTACHED).result():
            raise Abandoned
        if self._program is not None:
            self._program.ended_cleanly = True
        self._close()

    def _close(self) -> None:
        with self._lock:
            program, self._program, self._connection = self._program, None, None
        if program is None:
            return
        program.close()
        if program.ended_cleanly and not self._abandoned:
            self._kept.give(program.connection)
        else:
            program.connection.close()

    def _stop_if_canceled(self) -> None:
        if self._canceled and not self._may_run:
            raise ssh.ConnectError("Canceled.")

    def _stop_if_abandoned(self) -> None:
        if self._abandoned:
            raise Abandoned

    # Outcomes without a program's end

    def _not_started(self, error: ssh.ConnectError) -> Outcome:
        if isinstance(error, ssh.ProgramNotStarted) and not error.certain:
            return Outcome(Status.LOST, f"{error} Check on the host whether it runs.")
        if self._canceled:
            return Outcome(Status.CANCELED, "Canceled before the program was started.")
        return Outcome(Status.UNREACHABLE, str(error))

    def _spool_missing(self, error: ssh.SpoolMissing) -> Outcome:
        name = self.host_run.server_name
        if self.host_run.boot_id and error.boot_id and self.host_run.boot_id != error.boot_id:
            return Outcome(Status.LOST, f"{name} was rebooted while it ran, and its last output went with that.")
        return Outcome(Status.LOST, f"{error} Check there how it ended.")

    def _gave_up(self, why: str) -> Outcome:
        hours = settings.OPSCONSOLE_RECONNECT_FOR / 3600
        return Outcome(Status.LOST, f"No contact for {hours:g} hours: {why} Check on the host how it ended.")


def _elapsed(host_run: HostRun) -> float:
    """Seconds since it was started, by the database's clock; 0 before that."""
    if host_run.started is None:
        return 0.0
    try:
        now = HostRun.objects.annotate(now=Now()).values_list("now", flat=True).get(pk=host_run.pk)
    except DatabaseError:
        now = timezone.now()
    return max((now - host_run.started).total_seconds(), 0)
