"""Reading a log by line number, by offset and by time, however large it is.

Line n begins after the (n-1)th line feed of the log, the first is 1; what follows the last line feed is a line too.
"""

from __future__ import annotations

import codecs
import re
import threading
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from consoles.folding import FoldScanner
from consoles.models import OutputChunk
from consoles.outputlog import reading
from consoles.outputlog.line_index import index_of
from consoles.outputlog.reading import MAX_CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from consoles.folding import Fold
    from consoles.recent_output import Piece

#: Most bytes of one line that are given, unless more are asked for.
MAX_LINE: Final = 8 * 1024
#: Most bytes of one line that can be asked for.
MAX_WHOLE_LINE: Final = 256 * 1024
#: Bytes of lines after which an answer ends early.
MAX_ANSWER: Final = 1024 * 1024
#: Bytes read at a time, and bytes before the first line in which colours are looked for.
_BLOCK: Final = 2 * MAX_CHUNK
_LOOK_BACK: Final = 16 * 1024
_MAX_STYLE: Final = 500
#: Bytes in which one request looks for folds, and logs whose folds are kept in memory.
SCAN: Final = 64 * 1024 * 1024
_MAX_SCANS: Final = 32

_COLOURS: Final = re.compile(rb"\x1b\[([0-9;:]*)m")


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its line feed. ``cut`` bytes of it are left out: before ``text`` where ``is_tail``."""

    number: int
    time: datetime
    stream: int
    text: str
    cut: int = 0
    is_tail: bool = False


@dataclass(frozen=True, slots=True)
class Log:
    """A log as it was when the caller looked: its HostRun's ``size`` and ``lines`` at one moment."""

    host_run_id: int
    size: int
    line_ends: int

    @property
    def total(self) -> int:
        """How many lines there are; one that has not ended counts."""
        if self.size == 0:
            return 0
        return self.line_ends + (self._bytes(self.size - 1, 1) != b"\n")

    def read(self, first: int, count: int, most: int = MAX_LINE) -> list[Line]:
        """At most ``count`` lines from number ``first`` on, each with at most ``most`` bytes.

        There are fewer at the end of the log, and where the lines are so long that the answer would be too large.
        """
        if not 1 <= first <= self.line_ends + 1:
            return []
        found: list[Line] = []
        room = max(MAX_ANSWER, most)
        for start, end, block in self._spans(self._start_of(first)):
            if len(found) >= count or room <= 0:
                break
            found.append(self._line(first + len(found), start, end, block, most))
            # Where little of long lines is wanted, finding their ends is the work.
            room -= min(end - start, max(most, MAX_LINE))
        return found

    def style_at(self, first: int) -> str:
        """The colour sequences that hold where line ``first`` begins, as far as they were printed shortly before it."""
        start = self._start_of(first) if 1 < first <= self.line_ends + 1 else 0
        held: list[bytes] = []
        for match in _COLOURS.finditer(self._bytes(max(0, start - _LOOK_BACK), min(start, _LOOK_BACK))):
            if match[1].strip(b"0;:") == b"" or match[1].startswith(b"0;"):
                held.clear()
            held.append(match[0])
        return b"".join(held[-50:])[-_MAX_STYLE:].decode() if held != [b"\x1b[0m"] else ""

    def line_at(self, offset: int) -> int:
        """Number of the line that holds the byte at ``offset``; the last one where the log is shorter."""
        offset = min(max(offset, 0), max(self.size - 1, 0))
        chunk, before = index_of(self.host_run_id, self.size).chunk_of_offset(offset)
        return before + self._bytes(chunk, offset - chunk).count(b"\n") + 1

    def line_since(self, moment: datetime) -> int:
        """Number of the first line that began at or after ``moment``; one more than there are where none did."""
        offset = self._chunk_since(moment)
        if offset >= self.size:
            return self.total + 1
        _, before = index_of(self.host_run_id, self.size).chunk_of_offset(offset)
        begins = offset == 0 or self._bytes(offset - 1, 1) == b"\n"
        return min(before + (1 if begins else 2), self.total + 1)

    # Finding

    def _start_of(self, number: int) -> int:
        """Offset of the first byte of a line that there is."""
        chunk, before = index_of(self.host_run_id, self.size).chunk_of_line(number)
        if number == 1:
            return 0
        data, at = self._bytes(chunk, MAX_CHUNK), -1
        for _ in range(number - 1 - before):
            at = data.index(b"\n", at + 1)
        return chunk + at + 1

    def _chunk_since(self, moment: datetime) -> int:
        chunks = OutputChunk.objects.filter(host_run_id=self.host_run_id)
        low, high = 0, self.size
        while low < high:
            middle = (low + high) // 2
            offset, time = chunks.filter(offset__lte=middle).order_by("-offset").values_list("offset", "time")[0]
            if time >= moment:
                high = min(offset, middle)
            else:
                after = chunks.filter(offset__gt=offset, offset__lt=self.size).order_by("offset")
                low = next(iter(after.values_list("offset", flat=True)[:1]), self.size)
        return low

    def _end_after(self, offset: int) -> int:
        """Where the line ends that goes on at ``offset``: at the next line feed, or with the log."""
        chunks = OutputChunk.objects.filter(host_run_id=self.host_run_id, offset__lt=self.size)
        if (found := self._bytes(offset, MAX_CHUNK).find(b"\n")) != -1:
            return offset + found
        later = chunks.filter(offset__gt=offset, lines__gt=0).order_by("offset").values_list("offset", flat=True)[:1]
        return next((start + self._bytes(start, MAX_CHUNK).index(b"\n") for start in later), self.size)

    # Reading

    def _bytes(self, start: int, most: int) -> bytes:
        most = min(most, self.size - start)
        return b"".join(piece.data for piece in reading.read(self.host_run_id, start, most)) if most > 0 else b""

    def _spans(self, start: int) -> Iterator[tuple[int, int, _Block]]:
        """Beginning and end of each line from ``start`` on, and a block of bytes that holds its beginning."""
        block = self._block(start)
        while start < self.size:
            end = block.line_end(start)
            if end is None and block.end < self.size:
                if start > block.start:
                    block = self._block(start)
                    continue
                end = self._end_after(block.end)
            end = self.size if end is None else end
            yield start, end, block
            start = end + 1
            if start >= block.end:
                block = self._block(start)

    def _block(self, start: int) -> _Block:
        return _Block(start, reading.read(self.host_run_id, start, min(_BLOCK, max(self.size - start, 0))))

    def _line(self, number: int, start: int, end: int, block: _Block, most: int) -> Line:
        time, stream = block.origin(start)
        length = end - start
        if length <= most:
            data = block.between(start, end) if end <= block.end else self._bytes(start, length)
            return Line(number, time, stream, data.decode(errors="replace"))
        # A line that was drawn over again and again ends as its last drawing; any other is read from its beginning.
        tail = block.between(end - most, end) if end <= block.end else self._bytes(end - most, most)
        drawn, _, last = tail.rstrip(b"\r").partition(b"\r")
        if last:
            text = tail[len(drawn) + 1 :]
            return Line(number, time, stream, text.decode(errors="replace"), length - len(text), is_tail=True)
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        head = block.between(start, start + most) if start + most <= block.end else self._bytes(start, most)
        return Line(number, time, stream, decoder.decode(head), length - most)


class _Block:
    """Contiguous bytes of a log, with where each came from."""

    def __init__(self, start: int, pieces: list[Piece]) -> None:
        self.start = start
        self._pieces = pieces
        self._offsets = [piece.offset for piece in pieces]
        self._data = b"".join(piece.data for piece in pieces)
        self.end = start + len(self._data)

    def line_end(self, start: int) -> int | None:
        """Offset of the first line feed from ``start`` on."""
        found = self._data.find(b"\n", start - self.start)
        return None if found == -1 else self.start + found

    def between(self, start: int, end: int) -> bytes:
        return self._data[start - self.start : end - self.start]

    def origin(self, offset: int) -> tuple[datetime, int]:
        """When the byte at ``offset`` arrived, and on which stream."""
        piece = self._pieces[max(bisect_right(self._offsets, offset) - 1, 0)]
        return piece.time, piece.stream


# Folds


class _Scan:
    """How far a log has been looked through for folds."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.scanner = FoldScanner()
        self.end = 0


_lock = threading.Lock()
_scans: OrderedDict[int, _Scan] = OrderedDict()


def folds(log: Log, most: int = SCAN) -> tuple[list[Fold], bool]:
    """The folds of a log, and whether all of it has been looked through; if not, asking again goes on from there."""
    with _lock:
        scan = _scans.pop(log.host_run_id, None) or _Scan()
        _scans[log.host_run_id] = scan
        while len(_scans) > _MAX_SCANS:
            _scans.popitem(last=False)
    with scan.lock:
        limit = min(log.size, scan.end + most)
        while scan.end < limit and not scan.scanner.is_full:
            pieces = reading.read(log.host_run_id, scan.end, min(1024 * 1024, limit - scan.end))
            scan.scanner.feed(b"".join(piece.data for piece in pieces))
            scan.end = pieces[-1].end
        return list(scan.scanner.folds), scan.end >= log.size or scan.scanner.is_full


def forget() -> None:
    """Start again with nothing in memory, as after a restart."""
    with _lock:
        _scans.clear()
