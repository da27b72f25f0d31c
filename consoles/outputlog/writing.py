"""Storing what programs print.

A process has one :class:`LogWriter`, whose thread commits what all its HostRuns printed in one transaction every few
milliseconds. Status changes travel in the same queue, so a HostRun is never final before its last byte is stored.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.db import Error as DatabaseError
from django.db import close_old_connections, connection, transaction
from django.utils import timezone

from consoles import doorbell
from consoles.models import HostRun
from consoles.outputlog import reading
from consoles.outputlog.reading import MAX_CHUNK
from consoles.recent_output import Piece
from consoles.statuses import FINAL
from consoles.terminal_text import last_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from consoles.statuses import Status


log = logging.getLogger(__name__)

#: Seconds between commits while there is always something to store; the first after a pause is at once.
COMMIT_INTERVAL: Final = 0.02
#: Bytes waiting to be stored, of one HostRun and of all, at which its reader is held up, and in turn its host.
MAX_WAITING_ONE: Final = 16 * 1024 * 1024
MAX_WAITING_ALL: Final = 64 * 1024 * 1024
#: Bytes at the end of each stream that its last line is looked for in.
TAIL: Final = 512
#: Seconds that one commit may take before viewers are told that output waits.
NOTICE_AFTER: Final = 3.0
#: Seconds between attempts while the database refuses.
RETRY_PAUSE: Final = 0.5


class Fenced(Exception):
    """Another process has taken the HostRun over: this one must stop acting for it."""


@dataclass(eq=False, slots=True)
class Ticket:
    """The right to write one HostRun's log, with how far it has got. Holders share it with the writer's thread.

    ``end`` counts bytes and ``lines`` line ends that are stored, ``waiting`` bytes that are not yet.
    """

    host_run: HostRun
    fence: int
    end: int = 0
    lines: int = 0
    waiting: int = 0
    fenced: bool = False
    tails: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def going_on(cls, host_run: HostRun) -> Ticket:
        """The ticket of a HostRun as this process has just taken it over, or as nobody has written it yet."""
        # Another process may have written it since this one did.
        reading.recent.forget(host_run.pk)
        ticket = cls(host_run, host_run.fence, host_run.size, host_run.lines)
        begin = max(host_run.size - TAIL, 0)
        for piece in reading.read(host_run.pk, begin, TAIL) if host_run.size else []:
            ticket.tails[piece.stream] = ticket.tails.get(piece.stream, b"") + piece.data
        return ticket


@dataclass(slots=True)
class _Append:
    ticket: Ticket
    stream: int
    time: datetime
    data: bytes


@dataclass(slots=True)
class _Move:
    """A status change, or with ``to`` None only other fields while the HostRun is not over."""

    ticket: Ticket
    to: Status | None
    fields: dict[str, Any]
    done: Future[bool] = field(default_factory=Future)


_Job = _Append | _Move


class LogWriter:
    """Stores output and status changes of all HostRuns of this process, in the order they were handed in."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: deque[_Job] = deque()
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
            self._add(_Append(ticket, stream_number, timezone.now(), data))
            ticket.waiting += len(data)
            self._waiting += len(data)

    def move(self, ticket: Ticket, to: Status, **fields: Any) -> Future[bool]:
        """Change the HostRun's status after everything handed in before; the future says whether it was allowed."""
        job = _Move(ticket, to, fields)
        with self._changed:
            self._add(job)
        return job.done

    def note(self, ticket: Ticket, **fields: Any) -> Future[bool]:
        """Change other fields of a HostRun that is not over, in the same order and under the same fence."""
        job = _Move(ticket, None, fields)
        with self._changed:
            self._add(job)
        return job.done

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

    def _add(self, job: _Job) -> None:
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
        connection.close()

    def _take(self) -> list[_Job]:
        with self._changed:
            jobs, self._jobs = list(self._jobs), deque()
            self._busy = True
            self._busy_since = time.monotonic()
            return jobs

    def _store(self, jobs: list[_Job]) -> None:
        """Commit ``jobs``, again and again while the database refuses: their output waits, on the hosts if need be."""
        batch = _Batch(jobs)
        while True:
            try:
                batch.commit()
                break
            except DatabaseError as error:
                self._note_trouble(error)
                close_old_connections()
                with self._changed:
                    if self._changed.wait_for(lambda: self._stopping, RETRY_PAUSE):
                        break
        self._trouble = ""
        self._release(jobs)
        batch.announce()

    def _note_trouble(self, error: DatabaseError) -> None:
        if not self._trouble:
            log.error("Output cannot be stored: %s. It waits and is stored as soon as that works again.", error)
        self._trouble = f"Output cannot be stored ({error}): runs wait. Free disk space or unlock the database."

    def _release(self, jobs: list[_Job]) -> None:
        with self._changed:
            for job in jobs:
                if isinstance(job, _Append):
                    job.ticket.waiting -= len(job.data)
                    self._waiting -= len(job.data)
            self._busy = False
            self._busy_since = 0.0
            self._changed.notify_all()


class _Batch:
    """Jobs that are committed together. ``commit`` may be repeated after a failure: it changes nothing outside."""

    def __init__(self, jobs: list[_Job]) -> None:
        self._moves = [job for job in jobs if isinstance(job, _Move)]
        self._appends: dict[Ticket, list[_Append]] = {}
        for job in jobs:
            if isinstance(job, _Append):
                self._appends.setdefault(job.ticket, []).append(job)
        self._chunks: dict[Ticket, list[Piece]] = {
            ticket: _pieces(ticket.end, appends) for ticket, appends in self._appends.items()
        }
        # Counted once: they are needed with each piece, for each log, and again after a refused commit.
        self._lines: dict[Ticket, list[int]] = {
            ticket: [piece.data.count(b"\n") for piece in pieces] for ticket, pieces in self._chunks.items()
        }
        self._moved: list[bool] = []

    def commit(self) -> None:
        with transaction.atomic():
            fenced = self._write_sizes()
            self._write_chunks(fenced)
            self._moved = [move.ticket not in fenced and _carry_out(move) for move in self._moves]
        self._remember(fenced)

    def _write_sizes(self) -> set[Ticket]:
        """Write each log's new size under its fence; gives back the tickets whose HostRun has another owner now.

        One statement for all rows: through the ORM, this alone would cost more than storing the output.
        """
        adapt = connection.ops.adapt_datetimefield_value
        tickets = [ticket for ticket in self._chunks if not ticket.fenced]
        rows = [
            (
                pieces[-1].end,
                ticket.lines + sum(self._lines[ticket]),
                adapt(pieces[-1].time),
                self._last_line(ticket),
                ticket.host_run.pk,
                ticket.fence,
            )
            for ticket in tickets
            for pieces in [self._chunks[ticket]]
        ]
        fenced = {ticket for ticket in self._chunks if ticket.fenced}
        if not rows:
            return fenced
        with connection.cursor() as cursor:
            cursor.executemany(_UPDATE_SIZE, rows)
            if cursor.rowcount == len(rows):
                return fenced
        held = dict(
            HostRun.objects.filter(pk__in=[ticket.host_run.pk for ticket in tickets]).values_list("pk", "fence")
        )
        return fenced | {ticket for ticket in tickets if held.get(ticket.host_run.pk) != ticket.fence}

    def _write_chunks(self, fenced: set[Ticket]) -> None:
        """The same for what was printed: building a model for each chunk costs seven times what storing it does."""
        adapt = connection.ops.adapt_datetimefield_value
        rows = [
            (ticket.host_run.pk, piece.offset, piece.stream, adapt(piece.time), lines, piece.data)
            for ticket, pieces in self._chunks.items()
            if ticket not in fenced
            for piece, lines in zip(pieces, self._lines[ticket], strict=True)
        ]
        if rows:
            with connection.cursor() as cursor:
                cursor.executemany(_INSERT_CHUNK, rows)

    def _last_line(self, ticket: Ticket) -> str:
        tail = self._tail(ticket)
        cut = len(tail) == TAIL and b"\n" not in tail and b"\r" not in tail
        return ("…" if cut else "") + last_line(tail, most=199)

    def _tail(self, ticket: Ticket) -> bytes:
        newest = self._chunks[ticket][-1]
        return (ticket.tails.get(newest.stream, b"") + newest.data[-TAIL:])[-TAIL:]

    def _remember(self, fenced: set[Ticket]) -> None:
        for ticket, pieces in self._chunks.items():
            if ticket in fenced:
                ticket.fenced = True
                reading.recent.forget(ticket.host_run.pk)
            else:
                ticket.tails[pieces[-1].stream], ticket.end = self._tail(ticket), pieces[-1].end
                ticket.lines += sum(self._lines[ticket])
                reading.recent.add(ticket.host_run.pk, pieces)

    def announce(self) -> None:
        """Tell who waits: first the runner's futures, then the viewers. What was given up on did not happen."""
        for move, moved in zip(self._moves, self._moved or [False] * len(self._moves), strict=True):
            move.done.set_result(moved)
        changed: dict[int, set[int]] = {}
        for ticket in [*self._chunks, *(move.ticket for move in self._moves)]:
            changed.setdefault(ticket.host_run.run_id, set()).add(ticket.host_run.index)
        over = {move.ticket.host_run.run_id for move in self._moves if move.to in FINAL}
        for run_id, hosts in changed.items():
            grown = [ticket.host_run.index for ticket in self._chunks if ticket.host_run.run_id == run_id]
            doorbell.ring(run_id, sorted(hosts), grown=grown, over=run_id in over)


def _carry_out(move: _Move) -> bool:
    host_run, fence = move.ticket.host_run, move.ticket.fence
    if move.to is None:
        return host_run.note(fence=fence, **move.fields)
    return host_run.move(move.to, fence=fence, **move.fields)


_INSERT_CHUNK: Final = (
    'INSERT INTO consoles_outputchunk (host_run_id, "offset", stream, time, lines, data)'
    " VALUES (%s, %s, %s, %s, %s, %s)"
)
_UPDATE_SIZE: Final = (
    "UPDATE consoles_hostrun SET size = %s, lines = %s, printed = %s, last_line = %s WHERE id = %s AND fence = %s"
)


def _pieces(end: int, appends: list[_Append]) -> list[Piece]:
    """Join what one HostRun printed into chunks of at most ``MAX_CHUNK`` bytes, each of one stream."""
    pieces: list[Piece] = []
    for stream_number, moment, data in _joined(appends):
        for start in range(0, len(data), MAX_CHUNK):
            pieces.append(Piece(end, stream_number, moment, data[start : start + MAX_CHUNK]))
            end = pieces[-1].end
    return pieces


def _joined(appends: list[_Append]) -> Iterator[tuple[int, datetime, bytes]]:
    same: list[_Append] = []
    for job in appends:
        if same and same[0].stream != job.stream:
            yield same[0].stream, same[0].time, b"".join(piece.data for piece in same)
            same = []
        same.append(job)
    if same:
        yield same[0].stream, same[0].time, b"".join(piece.data for piece in same)
