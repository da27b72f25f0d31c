"""What a program's output comes to once everything is left out that differs on every host anyway. No Django here.

Two hosts printed the same when their normalised lines are the same, stdout and stderr each for itself: which of the two
streams comes first is chance. From a line are taken, in this order:

1. its final state: what a carriage return or a backspace drew over, escape sequences (colours, titles), control and
   bidirectional characters, and blanks at its end. Cursor movements between lines are not followed.
2. the host's own name, its short form and its address: ``<host>``. Names of one or two characters stay, unless they are
   letters with a number, as they would hit ordinary words.
3. dates and times of day (``<time>``), durations up to hours (``<duration>``), transfer rates (``<rate>``) and process
   numbers that are called so (``<pid>``), and the file that we put the program into (``<program>``).

Everything else counts: versions, sizes, counts, days, paths, other hosts' names.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from consoles.terminal_text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Raised whenever a rule changes: what was worked out by other rules is worked out anew.
VERSION: Final = "2"
#: Bytes of a line from which on it is compared in parts.
LINE_MOST: Final = 64 * 1024

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},?\s{1,3})?"
_ZONE = r"(?:\s?(?:Z|[+-]\d\d:?\d\d|UTC|GMT|[CEMPW]E?[SD]?T|[A-Z]{3,4}(?=\s\d{4}))(?![\w]))?"
_CLOCK = r"\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?(?:\s?[AP]M)?"
_ANY_CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:\s?[AP]M)?"
_TIMES = "|".join(
    (
        rf"\d{{4}}[-/]\d\d[-/]\d\d(?:[T_ ]{{1,2}}{_ANY_CLOCK}{_ZONE})?",
        r"\d{8}T\d{6}Z?",
        rf"{_WEEKDAY}{_MONTH}\s{{1,2}}\d{{1,2}},?\s{{1,2}}(?:\d{{4}},?\s{{1,2}})?{_CLOCK}{_ZONE}(?:\s\d{{4}})?",
        rf"{_WEEKDAY}{_MONTH}\s{{1,2}}\d{{1,2}},?\s\d{{4}}",
        rf"{_WEEKDAY}\d{{1,2}}[-/ ]{_MONTH}[-/ ]\d{{4}}(?:[: ]\s?{_ANY_CLOCK}{_ZONE})?",
        rf"\d\d([./])\d\d\2\d{{4}}(?:,?\s{_ANY_CLOCK}{_ZONE})?",
        rf"{_CLOCK}{_ZONE}",
    )
)
_DURATIONS = "|".join(
    (
        r"\d+h ?\d+m(?: ?\d+(?:\.\d+)?s)?",
        r"\d+m ?\d+(?:[.,]\d+)?s",
        r"\d+(?:[.,]\d+)?\s?(?:[nuµm]?s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|milliseconds?)(?![/-])",
    )
)
_RATES = r"\d+(?:[.,]\d+)?\s?[kKMGT]?i?(?:[Bb]|bits?|bytes?)/s(?:ec)?"
_CHANGING = re.compile(
    rf"(?<![\w.,:-])(?:(?P<time>{_TIMES})|(?P<rate>{_RATES})|(?P<duration>{_DURATIONS}))(?![\w:])"
    r"|(?P<boot>^\[\s{0,12}\d{1,12}\.\d{3,9}\])"
    r"|(?P<up>\bup\s+(?:\d+ days?,\s+)?(?:\d{1,2}:\d\d|\d+ min)(?![\w:]))"
    r"|(?P<program>(?<![^\s\"'(=])/\S{0,200}?(?:\.opsconsole/[0-9a-f-]{36}-\d{1,5}\.script|/opsc\.\w{6})(?!\w))"
    r"|(?P<pid>(?<=[\w)])\[\d+\](?=:)|\b(?:pid|PID|Pid)[ :=#]{1,2}\d+(?!\w))"
)
_DIGIT = re.compile(r"\d")
_DIGITS = re.compile(r"\d+")
_UNCLEAN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_TO_LINE_START = re.compile(r"\x1b\[[01]?G")
_ERASES_REST = re.compile(r"\x1b\[[02]?[KJ]")
#: Longer lines are seldom the same on two hosts, and would fill the memory of what was worked out before.
_REMEMBERED = 300


def own_names(name: str, address: str) -> tuple[str, ...]:
    """What a host may call itself: its name in the inventory, its host or address without the port, and short forms."""
    host = address.rpartition(":")[0].strip("[]") or address
    forms = [name, host]
    forms += [form.partition(".")[0] for form in forms if not _is_address(form)]
    kept = {form.lower() for form in forms if _is_telling(form)}
    return tuple(sorted(kept, key=lambda form: (-len(form), form)))


def mask(text: str, names: Sequence[str]) -> str:
    """``text``, of one line or more, without ``names`` (see :func:`own_names`), times, durations, rates and PIDs."""
    return "\n".join(_without_times(line) for line in _without_names(text, names).split("\n"))


def shown(line: str, under: str = "") -> str:
    """The final state of a line as plain text; ``under`` is what stood there before its first character."""
    result = ""
    parts = _TO_LINE_START.sub("\r", line).split("\r") if "\x1b" in line else line.split("\r")
    # From the last part to the first: only what reaches beyond a later one is still to be seen.
    for part in reversed(parts):
        text = plain(_without_backspaces(part) if "\b" in part else part)
        if len(text) > len(result):
            result += text[len(result) :]
        if "\x1b" in part and _ERASES_REST.search(part):
            return result
    return result + under[len(result) :]


class Normaliser:
    """Normalises one stream of output piece by piece. The lines do not depend on where the pieces were cut.

    Holds at most ``LINE_MOST`` bytes of an unfinished line.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._names = names
        self._open = bytearray()
        self._under = ""

    def feed(self, data: bytes) -> list[str]:
        """The lines that ended in ``data``."""
        lines: list[str] = []
        head, newline, tail = data.rpartition(b"\n")
        if newline:
            first, another, others = head.partition(b"\n")
            self._add(first, lines)
            self._end_line(lines)
            if another:
                self._add_whole(others, lines)
        self._add(tail, lines)
        return lines

    def end(self) -> list[str]:
        """The last line, where the output did not end with a line end."""
        lines: list[str] = []
        if self._open or self._under:
            self._end_line(lines)
        return lines

    def _add_whole(self, block: bytes, lines: list[str]) -> None:
        raw = block.split(b"\n")
        if max(map(len, raw)) < LINE_MOST:
            lines += self._normalised(block.decode(errors="replace"))
            return
        for line in raw:
            self._add(line, lines)
            self._end_line(lines)

    def _add(self, data: bytes, lines: list[str]) -> None:
        """More of the unfinished line. A long one is taken in parts, cut at the same places however it arrives."""
        while len(self._open) + len(data) >= LINE_MOST:
            room = LINE_MOST - len(self._open)
            self._open += data[:room]
            data = data[room:]
            drawn, over, rest = bytes(self._open).rpartition(b"\r")
            if over:
                # A progress bar may go on for ever: what its earlier states left is all that has to be kept.
                self._under = shown(drawn.decode(errors="replace"), self._under)
                self._open = bytearray(rest)
            else:
                self._end_line(lines)
        self._open += data

    def _end_line(self, lines: list[str]) -> None:
        text = bytes(self._open).decode(errors="replace")
        if self._under:
            text = shown(text, self._under)
        self._open, self._under = bytearray(), ""
        lines += self._normalised(text)

    def _normalised(self, text: str) -> list[str]:
        if _UNCLEAN.search(text):
            text = "\n".join(_shown_line(line) for line in text.replace("\r\n", "\n").split("\n"))
        return [_without_times(line) for line in _without_names(text, self._names).split("\n")]


class Fingerprint:
    """The digest of normalised lines, stream by stream, in the order each of them was printed."""

    def __init__(self) -> None:
        self._streams: dict[int, hashlib._Hash] = {}

    def take(self, stream: int, lines: Iterable[str]) -> None:
        """More lines of a stream."""
        if text := "".join(f"{line}\n" for line in lines):
            known = self._streams.setdefault(stream, hashlib.sha256())
            known.update(text.encode(errors="replace"))

    def value(self) -> str:
        """``<version>:<64 hex digits>``."""
        parts = [f"{stream}:{digest.hexdigest()}" for stream, digest in sorted(self._streams.items())]
        return f"{VERSION}:{hashlib.sha256(' '.join(parts).encode()).hexdigest()}"


def key_of(*parts: object) -> str:
    """A short name for what ``parts`` have in common; the same for the same parts."""
    return hashlib.sha256("\0".join(map(str, parts)).encode(errors="replace")).hexdigest()[:16]


def _is_address(text: str) -> bool:
    return ":" in text or text.replace(".", "").isdigit()


def _is_telling(name: str) -> bool:
    if name.isdigit():
        return False
    return len(name) > 2 or (len(name) == 2 and name[0].isalpha() and name[1].isdigit())


def _without_names(text: str, names: Sequence[str]) -> str:
    lowered = text.lower()
    # Looking first is cheap, and few hosts print their name; making an expression for each is not.
    found = [re.escape(name) for name in names if name in lowered]
    if not found:
        return text
    return re.sub(rf"(?<![\w.-])(?:{'|'.join(found)})(?![\w-])", "<host>", text, flags=re.IGNORECASE)


def _without_times(line: str) -> str:
    line = line.rstrip()
    if not _DIGIT.search(line):
        return line
    return _remembered(line) if len(line) <= _REMEMBERED else _CHANGING.sub(_label, line)


@lru_cache(maxsize=20_000)
def _remembered(line: str) -> str:
    """Hosts that do the same print the same lines: most of them have been worked out for another host already."""
    return _CHANGING.sub(_label, line)


def _shown_line(line: str) -> str:
    return _remembered_shown(line) if len(line) <= _REMEMBERED else shown(line)


@lru_cache(maxsize=20_000)
def _remembered_shown(line: str) -> str:
    return shown(line)


def _label(found: re.Match[str]) -> str:
    kind, text = found.lastgroup, found.group()
    if kind == "pid":
        return _DIGITS.sub("<pid>", text)
    if kind == "up":
        return "up <duration>"
    return "[<time>]" if kind == "boot" else f"<{kind}>"


def _without_backspaces(text: str) -> str:
    kept: list[str] = []
    for character in text:
        if character != "\b":
            kept.append(character)
        elif kept and kept[-1] != "\x1b":
            kept.pop()
    return "".join(kept)
