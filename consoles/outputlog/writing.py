"""Storing what programs print.

A process has one :class:`LogWriter`, whose thread commits what all its HostRuns printed in one transaction every few
milliseconds. Status changes travel in the same queue, so a HostRun is never final before its last byte is stored.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from django.db import DataError, IntegrityError, connection
from django.db import Error as DatabaseError
from django.utils import timezone

from consoles.connections import renew_connections
from consoles.outputlog import reading
from consoles.outputlog.batch import Append, Batch, Job, Move, Ticket
from consoles.statuses import Status

if TYPE_CHECKING:
    from concurrent.futures import Future


log = logging.getLogger(__name__)

#: Seconds between commits while there is always something to store; the first after a pause is at once.
COMMIT_INTERVAL: Final = 0.02
#: Bytes waiting to be stored, of one HostRun and of all, at which its reader is held up, and in turn its host.
MAX_WAITING_ONE: Final = 16 * 1024 * 1024
MAX_WAITING_ALL: Final = 64 * 1024 * 1024
#: Seconds that one commit may take before viewers are told that output waits.
NOTICE_AFTER: Final = 3.0
#: Seconds between attempts while the database refuses.
RETRY_PAUSE: Final = 0.5
#: What no waiting makes storable: it says something about one HostRun's data, not about the database.
_UNSTORABLE: Final = (DataError, IntegrityError, OverflowError, ValueError)
UNSTORABLE_REASON: Final = "The console could not store what came from this server: see its log, and check on the host."


class Fenced(Exception):
    """Another process has taken the HostRun over: this one must stop acting for it."""


class LogWriter:
    """Stores output and status changes of all HostRuns of this process, in the order they were handed in."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._waiting = 0
        self._busy = False
        self._stopping = False
        self._trouble = ""
        self._busy_since = 0.0
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str:
        """Why nothing can be stored at the moment, in a sentence; "" when all is well."""
        if not self._trouble and self._busy_since and time.monotonic() - self._busy_since > NOTICE_AFTER:
            return "Output waits to be stored: the database is busy. Runs go on, and nothing is lost."
        return self._trouble

    def append(self, ticket: Ticket, stream_number: int, data: bytes) -> None:
        """Hand in output. Waits while too much is waiting to be stored; raises :class:`Fenced`."""
        with self._changed:
            while self._is_full(ticket) and not ticket.fenced:
                self._changed.wait()
            if ticket.fenced:
                raise Fenced
            self._add(Append(ticket, stream_number, timezone.now(), data))
            ticket.waiting += len(data)
            self._waiting += len(data)

    def move(self, ticket: Ticket, to: Status, **fields: Any) -> Future[bool]:
        """Change the HostRun's status after everything handed in before; the future says whether it was allowed."""
        job = Move(ticket, to, fields)
        with self._changed:
            self._add(job)
        return job.done

    def note(self, ticket: Ticket, **fields: Any) -> Future[bool]:
        """Change other fields of a HostRun that is not over, in the same order and under the same fence."""
        job = Move(ticket, None, fields)
        with self._changed:
            self._add(job)
        return job.done

    def drop(self, ticket: Ticket) -> None:
        """Another process has taken the HostRun over: nothing more is written for it, and who waits is told."""
        with self._changed:
            ticket.fenced = True
            self._changed.notify_all()
        reading.recent.forget(ticket.host_run.pk)

    def flush(self, timeout: float) -> bool:
        """Wait until everything handed in is stored; False when ``timeout`` seconds did not suffice."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs and not self._busy, timeout)

    def stop(self, timeout: float) -> None:
        """Store what is waiting and end the thread."""
        self.flush(timeout)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(timeout)

    def _is_full(self, ticket: Ticket) -> bool:
        return ticket.waiting >= MAX_WAITING_ONE or self._waiting >= MAX_WAITING_ALL

    def _add(self, job: Job) -> None:
        self._jobs.append(job)
        self._changed.notify_all()

    # The writer's thread

    def _run(self) -> None:
        last = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._stopping)
                if self._stopping and not self._jobs:
                    break
            pause = last + COMMIT_INTERVAL - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            last = time.monotonic()
            self._store(self._take())
            with self._changed:
                self._busy = False
                self._busy_since = 0.0
                self._changed.notify_all()
        connection.close()

    def _take(self) -> list[Job]:
        with self._changed:
            jobs, self._jobs = list(self._jobs), deque()
            self._busy = True
            self._busy_since = time.monotonic()
            return jobs

    def _store(self, jobs: list[Job]) -> None:
        """Commit ``jobs``, again and again while the database refuses: their output waits, on the hosts if need be."""
        batch = Batch(jobs)
        while True:
            try:
                batch.commit()
                break
            except _UNSTORABLE as error:
                return self._store_apart(jobs, error)
            except DatabaseError as error:
                self._note_trouble(error)
                renew_connections()
                with self._changed:
                    if self._changed.wait_for(lambda: self._stopping, RETRY_PAUSE):
                        break
        self._trouble = ""
        self._release(jobs)
        batch.announce()

    def _store_apart(self, jobs: list[Job], error: Exception) -> None:
        """Store what can be stored: one HostRun's data that no database takes must not hold up the others."""
        by_ticket: dict[Ticket, list[Job]] = {}
        for job in jobs:
            by_ticket.setdefault(job.ticket, []).append(job)
        if len(by_ticket) > 1:
            for part in by_ticket.values():
                self._store(part)
            return
        [ticket] = by_ticket
        log.error("%s is given up, as what came from it cannot be stored.", ticket.host_run, exc_info=error)
        with contextlib.suppress(DatabaseError):
            ticket.host_run.move(Status.LOST, fence=ticket.fence, reason=UNSTORABLE_REASON)
        ticket.fenced = True
        self._release(jobs)
        Batch(jobs).announce()

    def _note_trouble(self, error: DatabaseError) -> None:
        if not self._trouble:
            log.error("Output cannot be stored: %s. It waits and is stored as soon as that works again.", error)
        self._trouble = f"Output cannot be stored ({error}): runs wait. Free disk space or unlock the database."

    def _release(self, jobs: list[Job]) -> None:
        with self._changed:
            for job in jobs:
                if isinstance(job, Append):
                    job.ticket.waiting -= len(job.data)
                    self._waiting -= len(job.data)
            self._changed.notify_all()
