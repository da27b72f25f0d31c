"""Looking for text or a regular expression in what a program printed, line by line. Pure; no Django here.

A line is looked at as a reader sees it (:func:`line_text`): without colours and other escapes, and where a program
drew over it with ``\\r``, as it was left. Most blocks of output hold no match at all, so a whole block is prepared and
searched at once, and single lines are looked at only where something was found.

The expressions are RE2's: their time grows with the text and never explodes, whatever somebody types.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import re2

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Characters of a search.
MAX_QUERY: Final = 500
#: Bytes of a line that are looked at; what follows them in the same line is not.
MAX_LINE: Final = 64 * 1024
#: Bytes to feed a scan with between two looks at the clock: the worst expressions take half a second for these.
STEP: Final = 256 * 1024
#: Characters of a line that a hit shows.
MAX_EXCERPT: Final = 300
#: Memory of one compiled expression: with more, the worst ones would take longer before they give up on it.
_MAX_MEMORY: Final = 2 * 1024 * 1024
#: Steps of a compiled expression.
_MAX_PROGRAM: Final = 10_000
#: Characters an excerpt shows before its first match, and matches it marks.
_BEFORE: Final = 80
_MAX_SPANS: Final = 40


class BadQuery(ValueError):
    """What was asked for cannot be looked for. Its text is one sentence for the person who asked."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that fits. ``line`` counts from 1, ``offset`` is where it begins in the log; ``spans`` lie in ``text``."""

    line: int
    offset: int
    text: str
    spans: tuple[tuple[int, int], ...]

    @property
    def parts(self) -> list[str]:
        """The text cut at its matches: every second part is one. For pages, which count characters differently."""
        parts, at = [], 0
        for start, end in self.spans:
            parts += [self.text[at:start], self.text[start:end]]
            at = end
        return [*parts, self.text[at:]]


class Matcher:
    """What to look for, compiled. Raises :class:`BadQuery`."""

    def __init__(self, text: str, *, regex: bool = False, case: bool = False) -> None:
        _check(text)
        pattern = text if regex else re2.escape(text)
        self._expression = _compile(pattern, case)
        #: Whether the expression speaks of the beginning or end of everything: then lines are searched one by one.
        self._line_by_line = regex and _TEXT_ANCHORS.search(text) is not None

    def lines(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Start and end of every line of ``text`` that fits. The text is prepared, and ends without a line end."""
        if self._line_by_line:
            yield from self._lines_one_by_one(text)
            return
        position = 0
        while position <= len(text) and (found := self._expression.search(text, position)):
            start = text.rfind(b"\n", 0, found.start()) + 1
            end = text.find(b"\n", found.start())
            end = len(text) if end == -1 else end
            yield start, end
            position = end + 1

    def _lines_one_by_one(self, text: bytes) -> Iterator[tuple[int, int]]:
        start = 0
        for line in text.split(b"\n"):
            if self._expression.search(line):
                yield start, start + len(line)
            start += len(line) + 1

    def excerpt(self, text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
        """The part of a line around its first match, at most ``MAX_EXCERPT`` characters, and the matches in it."""
        found = self._expression.search(text)
        first = found.start() if found else 0
        begin, end = _window(len(text), first)
        head, tail = "…" * (begin > 0), "…" * (end < len(text))
        spans = tuple(
            (start - begin + len(head), stop - begin + len(head)) for start, stop in self._spans(text, begin, end)
        )
        return f"{head}{text[begin:end]}{tail}", spans

    def _spans(self, text: str, begin: int, end: int) -> list[tuple[int, int]]:
        spans: list[tuple[int, int]] = []
        for found in self._expression.finditer(text):
            start, stop = found.span()
            if start >= end or len(spans) == _MAX_SPANS:
                break
            if stop > max(start, begin):
                spans.append((max(start, begin), min(stop, end)))
        return spans


class Scan:
    """A search of one log on its way: fed with bytes in any pieces, it gives back hits, and may be stopped anywhere.

    ``offset`` and ``line`` say where it stands: before the first line that has not been looked at. ``within`` says
    that this place lies in a line too long to be looked at in full, whose rest is skipped. ``count`` lines did fit;
    the first ``listed`` are given back, and at ``most`` the scan is full.
    """

    def __init__(
        self,
        matcher: Matcher,
        *,
        listed: int,
        most: int,
        offset: int = 0,
        line: int = 1,
        count: int = 0,
        within: bool = False,
    ) -> None:
        self._matcher, self._listed, self._most = matcher, listed, most
        self.offset, self.line, self.count, self.within = offset, line, count, within
        self._rest = b""

    @property
    def is_full(self) -> bool:
        """Whether there is no point in going on."""
        return self.count >= self._most

    def feed(self, data: bytes) -> list[Hit]:
        """The hits in the lines that end in ``data``, the next bytes of the log."""
        if self.within:
            data = self._skip(data)
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        hits = self._search(data[:end]) if end else []
        if len(self._rest) >= MAX_LINE:
            line, self._rest = self._rest, b""
            place = self.offset + len(line), self.line
            hits += self._search(line)
            (self.offset, self.line), self.within = place, True
        return hits

    def close(self) -> list[Hit]:
        """The hit, if it is one, in what follows the last line end."""
        rest, self._rest = self._rest, b""
        return self._search(rest) if rest else []

    def _skip(self, data: bytes) -> bytes:
        end = data.find(b"\n") + 1
        if end:
            self.within = False
            self.line += 1
        self.offset += end or len(data)
        return data[end:] if end else b""

    def _search(self, data: bytes) -> list[Hit]:
        """The hits in whole lines. Afterwards the scan stands behind them, or, if it is full, somewhere in them."""
        hits: list[Hit] = []
        text = prepared(data)
        rows = _Rows(data, text)
        for start, end in self._matcher.lines(text):
            self.count += 1
            if self.count <= self._listed:
                number, offset = rows.place(start)
                excerpt, spans = self._matcher.excerpt(text[start:end].decode(errors="replace"))
                hits.append(Hit(self.line + number, self.offset + offset, excerpt, spans))
            if self.is_full:
                break
        self.offset += len(data)
        self.line += data.count(b"\n")
        return hits


class _Rows:
    """Finds the lines of a prepared block in the block as it was printed. Asked for lines in their order."""

    def __init__(self, data: bytes, text: bytes) -> None:
        self._data, self._text = data, text
        self._is_unchanged: bool | None = None
        self._number = self._start = self._offset = 0

    def place(self, start: int) -> tuple[int, int]:
        """Which line, from 0, begins at ``start`` of the prepared text, and where it begins in the block."""
        passed = self._text.count(b"\n", self._start, start)
        if self._is_unchanged is None:
            self._is_unchanged = self._data.startswith(self._text)
        if self._is_unchanged:
            self._offset = start
        else:
            for _ in range(passed):
                self._offset = self._data.find(b"\n", self._offset) + 1
        self._number += passed
        self._start = start
        return self._number, self._offset


def line_text(line: bytes) -> str:
    """One line as it is searched and shown."""
    return prepared(line).decode(errors="replace")


def prepared(data: bytes) -> bytes:
    """Lines as a reader sees them, as valid UTF-8, without the last line end; the number of lines stays the same."""
    if data.endswith(b"\n"):
        data = data[:-1]
    if _may_have_long_line(data):
        data = b"\n".join(line[:MAX_LINE] for line in data.split(b"\n"))
    if b"\x1b" in data:
        data = _ESCAPES.sub(b"", data)
    data = data.translate(None, _CONTROLS)
    if b"\r" in data:
        data = _without_returns(data)
    if not data.isascii():
        data = _INVISIBLE.sub("", data.decode(errors="replace")).encode()
    return data


# Escape sequences of ECMA-48: CSI; strings (OSC, DCS, SOS, PM, APC) with or without their end; others. None of them
# reaches over a line end here, and none is looked at twice, so that hostile ones cost no more than others.
_ESCAPES = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]?|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?", re.DOTALL
)
_CONTROLS = bytes({*range(0x20), 0x7F} - {0x09, 0x0A, 0x0D})
# C1 controls, and characters that hide or reorder text: as in terminal_text.
_INVISIBLE = re.compile(r"[\x80-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_TEXT_ANCHORS = re.compile(r"\\[Az]|\(\?[a-zA-Z]*-")
_ANY_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")
_QUERY_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def _without_returns(data: bytes) -> bytes:
    if data.count(b"\r") != data.count(b"\r\n") + data.endswith(b"\r"):
        data = b"\n".join(map(_last_drawn, data.split(b"\n")))
    return data.translate(None, b"\r")


def _last_drawn(line: bytes) -> bytes:
    """What is left of a line that was drawn over: what stands after the last ``\\r`` that something follows."""
    return line.rstrip(b"\r").rpartition(b"\r")[2] if b"\r" in line else line


def _may_have_long_line(data: bytes) -> bool:
    """Whether a line could be longer than ``MAX_LINE``: each such one fills one of these windows without a line end."""
    window = MAX_LINE // 2
    return any(data.find(b"\n", at, at + window) == -1 for at in range(0, len(data) - window, window))


def _window(length: int, first: int) -> tuple[int, int]:
    if length <= MAX_EXCERPT:
        return 0, length
    # Two characters are kept for the marks that something was left out.
    room = MAX_EXCERPT - 2
    begin = max(0, min(first - _BEFORE, length - room))
    return begin, begin + room


def _check(text: str) -> None:
    if not text:
        raise BadQuery("Type what to look for.")
    if len(text) > MAX_QUERY:
        raise BadQuery(f"A search may have at most {MAX_QUERY} characters: shorten it.")
    if "\n" in text or "\r" in text:
        raise BadQuery("Output is searched line by line: leave the line break out.")
    if _QUERY_CONTROLS.search(text):
        raise BadQuery("Output is searched without its control characters: leave them out here too.")


def _compile(pattern: str, case: bool) -> Any:
    if _ANY_BYTE.search(pattern):
        raise BadQuery("The expression may not use \\C: write . for any character.")
    options = re2.Options()
    options.case_sensitive = case
    options.never_nl = True  # nothing matches a line end, so that a match lies in one line
    options.never_capture = True
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        expression = re2.compile(f"{_EACH_LINE}{pattern}", options)
    except re2.error as error:
        raise BadQuery(_why(error)) from None
    finally:
        re2.purge()  # the module would keep 128 of them
    if expression.programsize > _MAX_PROGRAM:
        raise BadQuery(_TOO_LARGE)
    return expression


#: ``^`` and ``$`` mean a line.
_EACH_LINE: Final = "(?m)"
_TOO_LARGE = "This expression is too large: use fewer or smaller repetitions."
_LOOKAROUND = re.compile(r"\(\?<?[=!]")


def _why(error: re2.error) -> str:
    given = error.args[0] if error.args else ""
    reason = given.decode(errors="replace") if isinstance(given, bytes) else str(given)
    if "too large" in reason or "repetition size" in reason:
        return _TOO_LARGE
    if _LOOKAROUND.search(reason):
        return "Expressions here cannot look ahead or behind: search for the rest of it."
    problem, _, place = reason.partition(": ")
    place = place.removeprefix(_EACH_LINE)
    told = f"{problem} in “{place}”" if place else problem
    return f"The expression cannot be read ({told}): correct it, or search for it as text."
