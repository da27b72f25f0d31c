"""Pieces of output, and the newest of them in memory. No Django here."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Piece:
    """Output bytes as stored: ``offset`` is the place of the first one in the HostRun's log."""

    offset: int
    stream: int
    time: datetime
    data: bytes

    @property
    def end(self) -> int:
        return self.offset + len(self.data)

    def since(self, start: int) -> Piece:
        """The part from offset ``start`` on; all of it where that lies before it."""
        if self.offset >= start:
            return self
        return Piece(start, self.stream, self.time, self.data[start - self.offset :])

    def up_to(self, most: int) -> Piece:
        """The first ``most`` bytes."""
        return self if len(self.data) <= most else Piece(self.offset, self.stream, self.time, self.data[:most])


class Recent:
    """What this process stored a moment ago, by HostRun, so that live viewers need not ask the database for it.

    Filled after each commit, so nothing is in here that is not stored. A HostRun is in here only while this process is
    the one that writes it. The oldest pieces of all are dropped first, which keeps each HostRun's pieces contiguous.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._pieces: dict[int, deque[Piece]] = {}
        self._order: deque[int] = deque()
        self._size = 0

    def add(self, host_run_id: int, pieces: list[Piece]) -> None:
        """Hold what was just committed: it begins where the HostRun's last piece ended."""
        with self._lock:
            self._pieces.setdefault(host_run_id, deque()).extend(pieces)
            for piece in pieces:
                self._order.append(host_run_id)
                self._size += _weight(piece)
            while self._size > self._most:
                self._drop_oldest()

    def end(self, host_run_id: int) -> int | None:
        """Where the HostRun's log ends; None where this process does not know."""
        with self._lock:
            held = self._pieces.get(host_run_id)
            return held[-1].end if held else None

    def read(self, host_run_id: int, start: int, most: int) -> list[Piece] | None:
        """At most ``most`` bytes from ``start`` on; None where what is in here does not reach back that far."""
        with self._lock:
            held = self._pieces.get(host_run_id)
            if not held or start < held[0].offset:
                return None
            newest_first: list[Piece] = []
            for piece in reversed(held):
                if piece.end <= start:
                    break
                newest_first.append(piece)
        found: list[Piece] = []
        while newest_first and most > 0:
            found.append(newest_first.pop().since(start).up_to(most))
            most -= len(found[-1].data)
        return found

    def forget(self, host_run_id: int) -> None:
        """Drop a HostRun that another process may write now."""
        with self._lock:
            for piece in self._pieces.pop(host_run_id, ()):
                self._size -= _weight(piece)

    def _drop_oldest(self) -> None:
        host_run_id = self._order.popleft()
        if held := self._pieces.get(host_run_id):
            self._size -= _weight(held.popleft())
            if not held:
                del self._pieces[host_run_id]


def _weight(piece: Piece) -> int:
    """What a piece takes in memory: a host that prints single bytes must not fill it with the pieces' own weight."""
    return len(piece.data) + 256
