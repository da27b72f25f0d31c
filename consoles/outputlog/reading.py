"""Reading what programs printed, by byte offset: live view, reconnect, history and download are all this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consoles.models import HostRun, OutputChunk
from consoles.recent_output import Piece, Recent

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Most bytes in one chunk. A reader relies on it to find the chunk that holds an offset.
MAX_CHUNK: Final = 64 * 1024
#: Bytes of recent output kept in memory for live viewers.
MAX_RECENT: Final = 32 * 1024 * 1024

#: What this process stored a moment ago.
recent = Recent(MAX_RECENT)


def size(host_run_id: int) -> int:
    """Bytes stored so far."""
    if (end := recent.end(host_run_id)) is not None:
        return end
    return HostRun.objects.values_list("size", flat=True).get(pk=host_run_id)


def read(host_run_id: int, start: int, most: int, stored: int = 0) -> list[Piece]:
    """What is stored from offset ``start`` on: at most ``most`` bytes; [] when nothing is stored there yet.

    The pieces are contiguous, and the first begins exactly at ``start``. ``stored`` is how much the caller knows to be
    stored: the database says so a moment before memory does.
    """
    held = recent.read(host_run_id, start, most)
    if held or (held is not None and start >= stored):
        return held
    pieces: list[Piece] = []
    limit = most // MAX_CHUNK + 2
    while most > 0 and (rows := _rows_from(host_run_id, start, limit)):
        for piece in rows:
            pieces.append(piece.up_to(most))
            most -= len(pieces[-1].data)
            if most <= 0:
                break
        start, fewer = pieces[-1].end, len(rows) < limit
        if fewer:
            break
        # Many small chunks: guess from what they were how many more are needed.
        limit = min(2 + most * len(rows) // sum(len(piece.data) for piece in rows), 2000)
    return pieces


def stream(host_run_id: int, only: int | None = None) -> Iterator[bytes]:
    """The whole log piece by piece, or the bytes of one stream: all that is stored when the first one is asked for."""
    cursor, stored = 0, HostRun.objects.values_list("size", flat=True).get(pk=host_run_id)
    while pieces := read(host_run_id, cursor, 1024 * 1024, stored):
        cursor = pieces[-1].end
        if found := b"".join(piece.data for piece in pieces if only in (None, piece.stream)):
            yield found


def _rows_from(host_run_id: int, start: int, limit: int) -> list[Piece]:
    chunks = OutputChunk.objects.filter(host_run_id=host_run_id)
    columns = ("offset", "stream", "time", "data")
    rows = list(chunks.filter(offset__gte=start).order_by("offset").values_list(*columns)[:limit])
    if start and (not rows or rows[0][0] != start):
        # The cursor stands inside a chunk.
        rows[:0] = chunks.filter(offset__lt=start).order_by("-offset").values_list(*columns)[:1]
    found = [Piece(offset, number, moment, bytes(data)) for offset, number, moment, data in rows]
    return [piece.since(start) for piece in found if piece.end > start]
