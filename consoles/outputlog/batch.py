"""What the log writer commits together: pieces of output and status changes of many HostRuns, under their fences."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.db import connection, transaction

from consoles import doorbell
from consoles.outputlog import reading
from consoles.outputlog.reading import MAX_CHUNK
from consoles.recent_output import Piece
from consoles.statuses import FINAL
from consoles.terminal_text import last_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from consoles.models import HostRun
    from consoles.statuses import Status

#: Bytes at the end of each stream that its last line is looked for in.
TAIL: Final = 512


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
class Append:
    ticket: Ticket
    stream: int
    time: datetime
    data: bytes


@dataclass(slots=True)
class Move:
    """A status change, or with ``to`` None only other fields while the HostRun is not over."""

    ticket: Ticket
    to: Status | None
    fields: dict[str, Any]
    done: Future[bool] = field(default_factory=Future)


Job = Append | Move


@dataclass(frozen=True, slots=True)
class _Written:
    """What a batch wrote: whose HostRuns were another's by then, and which status changes were allowed."""

    fenced: set[Ticket]
    moved: list[bool]


class Batch:
    """Jobs that are committed together. ``commit`` may be repeated after a failure: it stores everything once."""

    def __init__(self, jobs: list[Job]) -> None:
        self._moves = [job for job in jobs if isinstance(job, Move)]
        self._appends: dict[Ticket, list[Append]] = {}
        for job in jobs:
            if isinstance(job, Append):
                self._appends.setdefault(job.ticket, []).append(job)
        self._chunks: dict[Ticket, list[Piece]] = {
            ticket: _pieces(ticket.end, appends) for ticket, appends in self._appends.items()
        }
        # Counted once: they are needed with each piece, for each log, and again after a refused commit.
        self._lines: dict[Ticket, list[int]] = {
            ticket: [piece.data.count(b"\n") for piece in pieces] for ticket, pieces in self._chunks.items()
        }
        self._tickets = {*self._chunks, *(move.ticket for move in self._moves)}
        self._written: _Written | None = None
        self._moved: list[bool] = []

    def commit(self) -> None:
        with transaction.atomic():
            rows = self._lock_rows()
            # A COMMIT whose answer was lost on the way may have happened: then nothing is left to write.
            if self._written is None or not self._is_stored(self._written, rows):
                self._written = self._write(rows)
        self._moved = self._written.moved
        self._remember(self._written.fenced)

    def _lock_rows(self) -> dict[int, _Row]:
        """The HostRuns as they are, locked in everybody's order; whoever takes one over waits, or has done so."""
        keys = [ticket.host_run.pk for ticket in self._tickets]
        statement = _LOCK_ROWS.format(", ".join(["%s"] * len(keys)))
        if connection.features.has_select_for_update:
            statement += " FOR NO KEY UPDATE"
        with connection.cursor() as cursor:
            cursor.execute(statement, keys)
            return {pk: (fence, size, status) for pk, fence, size, status in cursor.fetchall()}

    def _is_stored(self, written: _Written, rows: dict[int, _Row]) -> bool:
        """Whether the rows show what ``written`` wrote. One of them tells, as a transaction is stored whole."""
        mine = {ticket: rows[ticket.host_run.pk] for ticket in self._tickets - written.fenced if _holds(ticket, rows)}
        for ticket, pieces in self._chunks.items():
            if ticket in mine:
                return mine[ticket][1] == pieces[-1].end
        for move, moved in reversed(list(zip(self._moves, written.moved, strict=True))):
            # Other fields than the status say nothing, and writing them once more changes nothing.
            if moved and move.to and move.ticket in mine:
                return mine[move.ticket][2] == move.to
        return False

    def _write(self, rows: dict[int, _Row]) -> _Written:
        fenced = {ticket for ticket in self._tickets if not self._may_write(ticket, rows)}
        self._write_sizes(fenced)
        self._write_chunks(fenced)
        moved = [move.ticket not in fenced and _carry_out(move) for move in self._moves]
        return _Written(fenced, moved)

    def _may_write(self, ticket: Ticket, rows: dict[int, _Row]) -> bool:
        if ticket.fenced or not _holds(ticket, rows):
            return False
        if ticket in self._chunks and (size := rows[ticket.host_run.pk][1]) != ticket.end:
            # As after a backup was played back under a running console: there is no place for what comes now.
            raise ValueError(
                f"The log of {ticket.host_run} is {size} bytes long, and this process left it at {ticket.end}."
            )
        return True

    def _write_sizes(self, fenced: set[Ticket]) -> None:
        """Write each log's new size under its fence.

        One statement for all rows: through the ORM, this alone would cost more than storing the output.
        """
        adapt = connection.ops.adapt_datetimefield_value
        rows = [
            (
                pieces[-1].end,
                ticket.lines + sum(self._lines[ticket]),
                adapt(pieces[-1].time),
                self._last_line(ticket),
                ticket.host_run.pk,
                ticket.fence,
            )
            for ticket, pieces in self._chunks.items()
            if ticket not in fenced
        ]
        if rows:
            with connection.cursor() as cursor:
                cursor.executemany(_UPDATE_SIZE, rows)

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
        for ticket in fenced:
            ticket.fenced = True
            reading.recent.forget(ticket.host_run.pk)
        for ticket, pieces in self._chunks.items():
            if ticket not in fenced:
                ticket.tails[pieces[-1].stream], ticket.end = self._tail(ticket), pieces[-1].end
                ticket.lines += sum(self._lines[ticket])
                reading.recent.add(ticket.host_run.pk, pieces)

    def announce(self) -> None:
        """Tell who waits: first the runner's futures, then the viewers. What was given up on did not happen."""
        for move, moved in zip(self._moves, self._moved or [False] * len(self._moves), strict=True):
            move.done.set_result(moved)
        changed: dict[int, set[int]] = {}
        for ticket in self._tickets:
            changed.setdefault(ticket.host_run.run_id, set()).add(ticket.host_run.index)
        over = {move.ticket.host_run.run_id for move in self._moves if move.to in FINAL}
        for run_id, hosts in changed.items():
            grown = [ticket.host_run.index for ticket in self._chunks if ticket.host_run.run_id == run_id]
            doorbell.ring(run_id, sorted(hosts), grown=grown, over=run_id in over)


def _carry_out(move: Move) -> bool:
    host_run, fence = move.ticket.host_run, move.ticket.fence
    if move.to is None:
        return host_run.note(fence=fence, **move.fields)
    return host_run.move(move.to, fence=fence, **move.fields)


_LOCK_ROWS: Final = "SELECT id, fence, size, status FROM consoles_hostrun WHERE id IN ({}) ORDER BY id"
#: Fence, size and status of a HostRun.
_Row = tuple[int, int, str]


def _holds(ticket: Ticket, rows: dict[int, _Row]) -> bool:
    row = rows.get(ticket.host_run.pk)
    return row is not None and row[0] == ticket.fence


_INSERT_CHUNK: Final = (
    'INSERT INTO consoles_outputchunk (host_run_id, "offset", stream, time, lines, data)'
    " VALUES (%s, %s, %s, %s, %s, %s)"
)
_UPDATE_SIZE: Final = (
    "UPDATE consoles_hostrun SET size = %s, lines = %s, printed = %s, last_line = %s WHERE id = %s AND fence = %s"
)


def _pieces(end: int, appends: list[Append]) -> list[Piece]:
    """Join what one HostRun printed into chunks of at most ``MAX_CHUNK`` bytes, each of one stream."""
    pieces: list[Piece] = []
    for stream_number, moment, data in _joined(appends):
        for start in range(0, len(data), MAX_CHUNK):
            pieces.append(Piece(end, stream_number, moment, data[start : start + MAX_CHUNK]))
            end = pieces[-1].end
    return pieces


def _joined(appends: list[Append]) -> Iterator[tuple[int, datetime, bytes]]:
    same: list[Append] = []
    for job in appends:
        if same and same[0].stream != job.stream:
            yield same[0].stream, same[0].time, b"".join(piece.data for piece in same)
            same = []
        same.append(job)
    if same:
        yield same[0].stream, same[0].time, b"".join(piece.data for piece in same)
