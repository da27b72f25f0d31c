"""Which lines of a log a script put into folds. Pure; no Django here.

A line ``::group::Title`` opens a fold and a line ``::endgroup::`` closes the innermost open one. Folds may hold folds.
A fold that nothing closes ends where the log does; an end without a beginning means nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from consoles.terminal_text import plain

#: A log that opens more folds is folded up to here; the rest stays as it is.
MAX_FOLDS: Final = 10_000
MAX_TITLE: Final = 200
#: How much of a line that has not ended is kept: enough for the marker and any title in UTF-8.
_MAX_REST: Final = 4 * MAX_TITLE + 32

_MARKER: Final = re.compile(rb"^::(?:group::([^\n]*)|endgroup::[ \t\r]*$)", re.MULTILINE)


@dataclass(slots=True)
class Fold:
    """Lines ``first`` (the marker with the title) to ``last``; None while nothing has closed it."""

    first: int
    last: int | None
    title: str


class FoldScanner:
    """Finds folds in a log that is handed in piece by piece, from its first byte on."""

    def __init__(self) -> None:
        #: In the order in which they were opened.
        self.folds: list[Fold] = []
        self._line = 1
        self._rest = b""
        self._open: list[Fold] = []

    @property
    def is_full(self) -> bool:
        """Whether there are as many folds as there may be, so that the rest need not be looked at."""
        return len(self.folds) >= MAX_FOLDS

    def feed(self, data: bytes) -> None:
        """Look at the next bytes of the log. A marker counts once its line has ended."""
        data = self._rest + data
        whole = data.rfind(b"\n") + 1
        self._rest = data[whole : whole + _MAX_REST]
        at, line = 0, self._line
        if data.find(b"group::", 0, whole) != -1:
            for match in _MARKER.finditer(data, 0, whole):
                line += data.count(b"\n", at, match.start())
                at = match.start()
                self._mark(line, match[1])
        self._line = line + data.count(b"\n", at, whole)

    def _mark(self, line: int, title: bytes | None) -> None:
        if title is not None and not self.is_full:
            self._open.append(Fold(line, None, _title(title)))
            self.folds.append(self._open[-1])
        elif title is None and self._open:
            self._open.pop().last = line


def _title(data: bytes) -> str:
    return plain(data[:_MAX_REST].decode(errors="replace")).replace("\t", " ").strip()[:MAX_TITLE] or "group"
