"""What several servers printed, in the order in which it arrived: the merged view.

Chunks get growing ids as they are stored, so their ids are that order. A reader is known by how far it has got in each
log, not by an id: two processes may commit ids out of order, and no byte may be left out for that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db import connection

from consoles.models import HostRun, OutputChunk
from consoles.recent_output import Piece

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Servers whose output can be merged at a time.
MOST_HOSTS: Final = 100
#: Bytes in one answer, and in the first one, which has to be there at once.
MOST_BYTES: Final = 512 * 1024
FIRST_BYTES: Final = 256 * 1024
#: Pieces in one answer: a program that prints single characters stores many.
MOST_PIECES: Final = 2000
#: A reader that is further behind than this many answers goes on with the newest output.
MOST_ANSWERS_BEHIND: Final = 4
#: Chunks looked at per log before it is known that more of them are needed, and how many times more next.
_FIRST_DEPTH: Final = 16
_DEEPER: Final = 8


@dataclass(frozen=True, slots=True)
class HostPiece:
    """A piece of the log of the run's server ``host``; ``id`` tells its place among the pieces of all servers."""

    id: int
    host: int
    piece: Piece


@dataclass(frozen=True, slots=True)
class Merged:
    """One answer: ``cursor`` is server index to bytes that were told or skipped, to be handed in next time.

    ``skipped`` counts bytes that were left out since the last answer, or before the first. With ``more`` the next
    answer has something already. ``lines`` are the line ends stored by these servers up to what ``cursor`` says,
    once there is no more.
    """

    pieces: list[HostPiece]
    cursor: dict[int, int]
    skipped: int
    more: bool
    lines: int


@dataclass(slots=True)
class _Log:
    """The unread part of a log, from ``at`` to ``size``, and the chunks of it that are known: (id, start, end)."""

    host: int
    key: int
    size: int
    lines: int
    at: int
    chunks: list[tuple[int, int, int]] = field(default_factory=list)
    has_more: bool = True


_Entry = tuple[_Log, tuple[int, int, int]]


def read_merged(run_id: int, hosts: Iterable[int], cursor: Mapping[int, int] | None, most: int = MOST_BYTES) -> Merged:
    """What these servers of a run printed after ``cursor`` in the order of arrival, at most ``most`` bytes.

    Without a cursor, and for a reader that is far behind, these are the newest bytes. A server that is not in the
    cursor is told from its beginning.
    """
    logs = _logs(run_id, hosts, cursor or {})
    behind = sum(log.size - log.at for log in logs)
    from_end = cursor is None or behind > MOST_ANSWERS_BEHIND * most
    chosen, are_all = _choose([log for log in logs if log.size > log.at], from_end, most)
    reaches_end = from_end or are_all
    told = {log.host: log.size if reaches_end else log.at for log in logs}
    if not reaches_end:
        told |= {log.host: end for log, (_, _, end) in chosen}
    return Merged(
        pieces=_pieces(chosen),
        cursor=told,
        skipped=behind - sum(end - start for _, (_, start, end) in chosen) if reaches_end else 0,
        more=not reaches_end,
        lines=sum(log.lines for log in logs),
    )


def _logs(run_id: int, hosts: Iterable[int], cursor: Mapping[int, int]) -> list[_Log]:
    """Sizes first, chunks later: what is stored in between has to wait for the next answer."""
    rows = HostRun.objects.filter(run_id=run_id, index__in=list(hosts)).order_by("index")
    return [
        _Log(host, key, size, lines, min(max(cursor.get(host, 0), 0), size))
        for host, key, size, lines in rows.values_list("index", "pk", "size", "lines")
    ]


def _choose(logs: list[_Log], from_end: bool, most: int) -> tuple[list[_Entry], bool]:
    """The oldest unread chunks of all, or the newest, that fit into one answer; and whether these are all there are.

    Looks at few chunks of each log first, and deeper only where the answer reaches beyond them.
    """
    pending, depth = logs, _FIRST_DEPTH
    known: list[_Entry] = []
    count = 0
    while pending:
        _look(pending, depth, from_end)
        known = [(log, chunk) for log in logs for chunk in log.chunks]
        known.sort(key=lambda entry: entry[1][0], reverse=from_end)
        count = _how_many(known, most)
        reached = known[count - 1][1][0] if 0 < count < len(known) else None
        pending = [log for log in logs if log.has_more and _ends_before(log, reached, from_end)]
        depth *= _DEEPER
    return known[:count], count == len(known)


def _how_many(known: list[_Entry], most: int) -> int:
    """How many of these chunks fit into one answer: at least one, so that every answer gets further."""
    total = 0
    for count, (_, (_, start, end)) in enumerate(known[:MOST_PIECES]):
        total += end - start
        if total > most and count:
            return count
    return min(len(known), MOST_PIECES)


def _ends_before(log: _Log, reached: int | None, from_end: bool) -> bool:
    """Whether unknown chunks of ``log`` may belong among those up to the id ``reached``."""
    if reached is None or not log.chunks:
        return True
    last = log.chunks[-1][0]
    return last > reached if from_end else last < reached


def _look(logs: list[_Log], depth: int, from_end: bool) -> None:
    """Fill in the first or last ``depth`` unread chunks of each log.

    One statement for all logs, answered from an index alone: their bytes are not touched.
    """
    # One more than wanted tells where the last one ends, or that there is another.
    parameters = [value for log in logs for value in (log.key, log.at, log.size, depth + 1)]
    statement = " UNION ALL ".join([_CHUNKS.format(order="DESC" if from_end else "ASC")] * len(logs))
    found: dict[int, list[tuple[int, int]]] = {log.key: [] for log in logs}
    with connection.cursor() as rows:
        rows.execute(statement, parameters)
        for key, number, offset in rows.fetchall():
            found[key].append((number, offset))
    for log in logs:
        # A made-up cursor may point past the last chunk's beginning: then there is none.
        chunks = sorted(found[log.key], key=lambda chunk: chunk[1])
        ends = [*(offset for _, offset in chunks[1:]), log.size]
        whole = [(number, offset, end) for (number, offset), end in zip(chunks, ends, strict=False)]
        log.has_more = len(whole) > depth
        log.chunks = (whole[::-1] if from_end else whole)[:depth]


def _pieces(chosen: list[_Entry]) -> list[HostPiece]:
    """The chosen chunks with their bytes, in the order of arrival."""
    hosts = {number: log.host for log, (number, _, _) in chosen}
    columns = ("id", "offset", "stream", "time", "data")
    rows = OutputChunk.objects.filter(pk__in=hosts).order_by("pk").values_list(*columns)
    return [
        HostPiece(number, hosts[number], Piece(offset, stream, moment, bytes(data)))
        for number, offset, stream, moment, data in rows
    ]


_CHUNKS: Final = (
    'SELECT * FROM (SELECT host_run_id, id, "offset" FROM consoles_outputchunk'
    ' WHERE host_run_id = %s AND "offset" >= %s AND "offset" < %s ORDER BY "offset" {order} LIMIT %s) AS chunks'
)
