"""Where lines begin: line ends before each 64th chunk of a log, so that a line is found by looking at few rows.

Built from the covering index of ``OutputChunk.lines`` without reading any output, and extended as the log grows.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from typing import Final

from consoles.models import OutputChunk

#: Chunks between two marks.
STEP: Final = 64
#: Logs whose marks are kept in memory.
MAX_LOGS: Final = 256


class LineIndex:
    """The marks of one log. It covers what was stored when it was last extended; logs only ever grow."""

    def __init__(self, host_run_id: int) -> None:
        self._id = host_run_id
        self._lock = threading.Lock()
        self._offsets = array("Q")
        self._before = array("Q")
        self._chunks = 0
        self._lines = 0
        self._end = 0

    def extend(self, size: int) -> None:
        """Take in the chunks up to ``size``, where the log ended when the caller looked."""
        with self._lock:
            if size <= self._end:
                return
            rows = OutputChunk.objects.filter(host_run_id=self._id, offset__gte=self._end, offset__lt=size)
            for offset, lines in rows.order_by("offset").values_list("offset", "lines").iterator(10_000):
                if self._chunks % STEP == 0:
                    self._offsets.append(offset)
                    self._before.append(self._lines)
                self._chunks += 1
                self._lines += lines
            self._end = size

    def chunk_of_line(self, number: int) -> tuple[int, int]:
        """Offset of the chunk that holds the line end before line ``number``, and how many line ends precede it.

        The first line has none before it: (0, 0).
        """
        if number <= 1:
            return 0, 0
        mark = max(bisect_left(self._before, number - 1) - 1, 0)
        found = before = 0
        for offset, lines in self._rows(mark):
            found = offset
            if before + self._before[mark] + lines >= number - 1:
                break
            before += lines
        return found, before + self._before[mark]

    def chunk_of_offset(self, offset: int) -> tuple[int, int]:
        """Offset of the chunk that holds the byte at ``offset``, and how many line ends precede it."""
        mark = max(bisect_right(self._offsets, offset) - 1, 0)
        rows = [row for row in self._rows(mark) if row[0] <= offset]
        if not rows:
            return 0, 0
        return rows[-1][0], self._before[mark] + sum(lines for _, lines in rows[:-1])

    def _rows(self, mark: int) -> list[tuple[int, int]]:
        if mark >= len(self._offsets):
            return []
        rows = OutputChunk.objects.filter(host_run_id=self._id, offset__gte=self._offsets[mark])
        return list(rows.order_by("offset").values_list("offset", "lines")[:STEP])


_lock = threading.Lock()
_indexes: OrderedDict[int, LineIndex] = OrderedDict()


def index_of(host_run_id: int, size: int) -> LineIndex:
    """The index of a log that was ``size`` bytes long when the caller looked."""
    with _lock:
        index = _indexes.pop(host_run_id, None) or LineIndex(host_run_id)
        _indexes[host_run_id] = index
        while len(_indexes) > MAX_LOGS:
            _indexes.popitem(last=False)
    index.extend(size)
    return index


def forget() -> None:
    """Start again with nothing in memory, as after a restart."""
    with _lock:
        _indexes.clear()
