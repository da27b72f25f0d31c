"""One HostRun from start to end: connect, start the program once, store what it prints, say how it ended."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consoles import ssh
from consoles.outcome import Limits, Outcome, Stop, outcome_of_exit, outcome_of_stop
from consoles.outputlog import Fenced, LogWriter, Ticket
from consoles.statuses import Status
from consoles.targets import Prepared, remember_mismatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from consoles.models import HostRun

log = logging.getLogger(__name__)

#: Seconds of silence after which the host is asked for a sign of life.
PROBE_AFTER = 15.0
#: Seconds to wait for the rest of the output once the program was ended.
DRAIN = 5.0


@dataclass(frozen=True, slots=True)
class Work:
    """What a run asks of each of its hosts."""

    program: str
    limits: Limits
    kill_grace: float


class HostTask:
    """Executes one HostRun in the thread that calls :meth:`run`; ``cancel`` may come from any."""

    def __init__(
        self, host_run: HostRun, work: Work, prepared: Prepared, writer: LogWriter, kept: ssh.KeptConnections
    ) -> None:
        self.host_run = host_run
        self._kept = kept
        self._work = work
        self._prepared = prepared
        self._writer = writer
        self._ticket = Ticket(host_run, host_run.fence)
        self._lock = threading.Lock()
        self._canceled = False
        self._connection: ssh.Connection | None = None
        self._program: ssh.Program | None = None

    def cancel(self) -> None:
        """End the program, or the attempt to reach its host. Returns at once; the outcome says what was seen."""
        with self._lock:
            self._canceled = True
            if self._program is not None:
                self._program.wake()
            elif self._connection is not None:
                self._connection.close()

    def abandon(self) -> None:
        """Let go of the host and leave its program alone: this process is stopping."""
        with self._lock:
            connection = self._program.connection if self._program is not None else self._connection
        if connection is not None:
            connection.close()

    def run(self) -> None:
        """Do all of it. Never raises: whatever goes wrong becomes the HostRun's outcome."""
        # Stored before the host is touched: after a crash, a HostRun that is still queued was never started.
        if not self._writer.move(self._ticket, Status.STARTING).result():
            return
        try:
            outcome = self._execute()
        except Fenced:
            log.warning("%s was taken over by another process; this one stopped acting for it.", self.host_run)
            return
        except Exception:
            log.exception("%s ended by a fault of the console.", self.host_run)
            outcome = Outcome(Status.LOST, "A fault in the console ended this: see its log, and check on the host.")
        self._writer.move(self._ticket, outcome.status, reason=outcome.reason, **outcome.fields)

    def _execute(self) -> Outcome:
        target = self._prepared.target
        if target is None:
            return Outcome(Status.UNREACHABLE, self._prepared.trouble)
        program: ssh.Program | None = None
        try:
            program = self._start(target)
            return Following(self._ticket, self._work, program, self._writer, lambda: self._canceled).until_end()
        except ssh.ConnectError as error:
            return self._not_started(error)
        finally:
            self._let_go(program)

    def _start(self, target: ssh.Target) -> ssh.Program:
        """Start the program, on a connection that is open already if there is one and it still works."""
        if (kept := self._kept.take(target)) is not None:
            try:
                return self._start_on(kept)
            except ssh.ConnectError as error:
                kept.close()
                if self._canceled or (isinstance(error, ssh.ProgramNotStarted) and not error.certain):
                    raise
        connection = ssh.Connection(target)
        try:
            with self._lock:
                self._connection = connection
            self._stop_if_canceled()
            connection.open()
            return self._start_on(connection)
        except BaseException:
            connection.close()
            raise

    def _start_on(self, connection: ssh.Connection) -> ssh.Program:
        with self._lock:
            self._stop_if_canceled()
            # From here on a cancel must end the program: closing the connection would leave it running.
            self._connection = None
        program = ssh.Program(connection, self._work.program)
        with self._lock:
            self._program = program
        return program

    def _let_go(self, program: ssh.Program | None) -> None:
        if program is None:
            return
        program.close()
        if program.ended_cleanly and not self._canceled:
            self._kept.give(program.connection)
        else:
            program.connection.close()

    def _stop_if_canceled(self) -> None:
        if self._canceled:
            raise ssh.ConnectError("Canceled.")

    def _not_started(self, error: ssh.ConnectError) -> Outcome:
        if isinstance(error, ssh.ProgramNotStarted) and not error.certain:
            return Outcome(Status.LOST, f"{error} Check on the host whether it runs.")
        if self._canceled:
            return Outcome(Status.CANCELED, "Canceled before the program was started.")
        if isinstance(error, ssh.HostKeyMismatch) and self.host_run.server_id:
            remember_mismatch(self.host_run.server_id, error)
        return Outcome(Status.UNREACHABLE, str(error))


class Following:
    """Reads a started program until it is over, and ends it when it is canceled or goes beyond a limit."""

    def __init__(
        self, ticket: Ticket, work: Work, program: ssh.Program, writer: LogWriter, canceled: Callable[[], bool]
    ) -> None:
        self._ticket = ticket
        self._work = work
        self._program = program
        self._writer = writer
        self._canceled = canceled
        self._began = self._last_output = self._last_probe = time.monotonic()
        self._running = False
        self._stored = 0
        self._dropped = 0
        self._stop: Stop | None = None
        self._ending: _EndingThread | None = None

    def until_end(self) -> Outcome:
        """Store output until the program is over; the outcome says how.

        Raises :class:`ssh.ProgramNotStarted` when the host ended the session before the program began, and
        :class:`Fenced` when another process has taken the HostRun over.
        """
        exited: ssh.Exited | None = None
        while exited is None and not self._gave_up():
            event = self._program.next_event(self._patience())
            self._note_running()
            if isinstance(event, ssh.OutputReceived):
                self._store(event)
            elif isinstance(event, ssh.Exited):
                exited = event
            self._enforce(exited)
        return self._outcome(exited)

    def _note_running(self) -> None:
        if not self._running and self._program.announced:
            self._running = True
            self._writer.move(self._ticket, Status.RUNNING)

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
        self._last_output = time.monotonic()
        room = self._work.limits.output - self._stored
        kept = event.data[:room] if len(event.data) > room else event.data
        if kept:
            self._writer.append(self._ticket, event.stream, kept)
        self._stored += len(kept)
        self._dropped += len(event.data) - len(kept)

    def _enforce(self, exited: ssh.Exited | None) -> None:
        if self._stop is None and (stop := self._reason_to_stop(exited)):
            self._stop = stop
            self._ending = _EndingThread(self._program, self._work.kill_grace)
        self._probe_if_silent()

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

    def _probe_if_silent(self) -> None:
        now = time.monotonic()
        if now - max(self._last_output, self._last_probe) >= PROBE_AFTER and not self._ending:
            self._last_probe = now
            # In a thread: a host that does not answer must not hold up a cancel or a limit.
            threading.Thread(target=self._program.connection.probe, name="ssh-probe", daemon=True).start()

    def _gave_up(self) -> bool:
        """Whether the program was ended, or could not be, and its output still does not end."""
        return self._ending is not None and self._ending.over_for(DRAIN)

    def _outcome(self, exited: ssh.Exited | None) -> Outcome:
        name = self._ticket.host_run.server_name
        if not self._running:
            # Without a word from its shell nobody knows whether it began; a final status follows only a running one.
            self._writer.move(self._ticket, Status.RUNNING)
        if self._stop is None or self._ending is None:
            outcome = outcome_of_exit(name, exited) if exited else Outcome(Status.LOST)
        else:
            outcome = self._outcome_of_stop(self._stop, self._ending.result(), exited)
        if self._dropped:
            outcome.fields["dropped"] = self._dropped
        return outcome

    def _outcome_of_stop(self, stop: Stop, ending: ssh.Ending, exited: ssh.Exited | None) -> Outcome:
        """A program that ended by itself before it was signalled keeps its own outcome, unless output was cut."""
        seen = ending.sentence
        if ending.too_late and exited and not exited.connection_lost:
            if stop is not Stop.OUTPUT:
                return outcome_of_exit(self._ticket.host_run.server_name, exited)
            seen = "It had already ended."
        return outcome_of_stop(stop, self._work.limits, seen, exited, self._dropped)


class _EndingThread:
    """Ends a program from a second channel while its output is still read from the first."""

    def __init__(self, program: ssh.Program, grace: float) -> None:
        self._ending: ssh.Ending | None = None
        self._over_at = 0.0
        self._thread = threading.Thread(target=self._end, args=(program, grace), name="ending", daemon=True)
        self._thread.start()

    def _end(self, program: ssh.Program, grace: float) -> None:
        try:
            self._ending = ssh.end_program(program, grace)
        finally:
            self._over_at = time.monotonic()
            program.wake()

    def over_for(self, seconds: float) -> bool:
        return bool(self._over_at) and time.monotonic() - self._over_at >= seconds

    def result(self) -> ssh.Ending:
        self._thread.join()
        return self._ending or ssh.Ending(False, "Not confirmed: the attempt to end it failed.")
