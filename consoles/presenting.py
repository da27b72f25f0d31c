"""How runs and their hosts are told to people and programs: the dictionaries of the wire, folded names, durations."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import starmap
from typing import TYPE_CHECKING, Any

from consoles.selection import natural
from consoles.statuses import ACTIVE
from consoles.terminal_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import QuerySet

    from consoles.models import HostRun, Run

_LAST_NUMBER = re.compile(r"(.*?)(\d+)(\D*)\Z", re.DOTALL)
#: Longer digit strings are serial numbers or dates; folding them would not make them easier to read.
_MOST_DIGITS = 9
_UNITS = (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1))


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds, as docs/protocol.md has it; None stays None."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


#: What a row is made of, in the order in which :func:`_row` takes it.
_COLUMNS = (
    "index", "server_name", "address", "status", "reason", "exit_status", "exit_signal", "started", "finished", "size",
    "lines", "printed", "dropped", "last_line", "cancel_requested", "mode", "contact_lost",
)  # fmt: skip


def host_row(host_run: HostRun) -> dict[str, Any]:
    """One host as every frame and the run page have it: HOST in docs/protocol.md."""
    return _row(*(getattr(host_run, column) for column in _COLUMNS))


def host_rows(host_runs: QuerySet[HostRun]) -> Iterator[dict[str, Any]]:
    """The same for many, without making a model of each: a busy run asks for them several times a second."""
    return starmap(_row, host_runs.values_list(*_COLUMNS))


def _row(
    index: int, name: str, address: str, status: str, reason: str, exit_status: int | None, exit_signal: str,
    started: datetime | None, finished: datetime | None, size: int, lines: int, printed: datetime | None, dropped: int,
    last_line: str, cancel_requested: datetime | None, mode: str, contact_lost: datetime | None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "i": index,
        "name": name,
        "address": address,
        "status": str(status),
        "reason": reason,
        "exit_status": exit_status,
        "exit_signal": exit_signal,
        "started": iso(started),
        "finished": iso(finished),
        "size": size,
        "lines": lines,
        "printed": iso(printed),
        "dropped": dropped,
        "last_line": last_line,
        "canceling": cancel_requested is not None and status in ACTIVE,
        "mode": mode,
        "contact_lost": iso(contact_lost) if status in ACTIVE else None,
    }


def run_row(run: Run) -> dict[str, Any]:
    """The run itself as the socket's ``hello`` and the run page have it."""
    return {
        "id": run.pk,
        "title": one_line(run.title),
        "status": str(run.status),
        "created": iso(run.created),
        "requester": run.requester_name,
        "program": run.program,
        "cancel_requested": iso(run.cancel_requested),
    }


def fold_names(names: Iterable[str]) -> list[str]:
    """Names that differ only in their last number as one: ``web[001-003,007]``. Exact, and in natural order."""
    plain: set[str] = set()
    families: dict[tuple[str, str], set[str]] = {}
    for name in names:
        match = _LAST_NUMBER.match(name)
        if match and len(match[2]) <= _MOST_DIGITS:
            families.setdefault((match[1], match[3]), set()).add(match[2])
        else:
            plain.add(name)
    folded = [text for (prefix, suffix), digits in families.items() for text in _fold(prefix, digits, suffix)]
    return sorted([*plain, *folded], key=natural)


def _fold(prefix: str, digits: set[str], suffix: str) -> list[str]:
    """One text per width: web7 and web007 are different names and may stand side by side."""
    padded = sorted(len(number) for number in digits if number.startswith("0") and len(number) > 1)
    widths: dict[int, set[int]] = {}
    for number in digits:
        # web1000 follows web999 whether that is padded to three digits or not.
        width = max((width for width in padded if width <= len(number)), default=1)
        widths.setdefault(width, set()).add(int(number))
    return [_fold_width(prefix, sorted(numbers), width, suffix) for width, numbers in widths.items()]


def _fold_width(prefix: str, numbers: list[int], width: int, suffix: str) -> str:
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    if len(numbers) == 1:
        return f"{prefix}{numbers[0]:0{width}d}{suffix}"
    inner = ",".join(f"{a:0{width}d}" if a == b else f"{a:0{width}d}-{b:0{width}d}" for a, b in ranges)
    return f"{prefix}[{inner}]{suffix}"


def duration_words(seconds: float) -> str:
    """A duration in the two units that matter: ``0.4 s``, ``41 s``, ``2 min 14 s``, ``15 min``, ``3 h 5 min``."""
    if seconds < 10 and seconds != round(seconds):
        return f"{max(seconds, 0):.1f} s"
    whole = max(round(seconds), 0)
    for unit, size, smaller, part in _UNITS:
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def clock_duration(seconds: float) -> str:
    """A duration as the run page counts it: ``0.4 s``, ``41.2 s``, ``2:14``, ``1:02:14``, ``3 d 04:10``."""
    if seconds < 59.95:
        return f"{max(seconds, 0):.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours == 0:
        return f"{minutes}:{rest:02d}"
    if hours < 24:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{hours // 24} d {hours % 24:02d}:{minutes:02d}"
