"""Which hosts of a run printed the same, and what two outputs differ in.

What an output comes to is worked out when somebody looks: once per HostRun that has ended, a second's worth at a
time, and kept in ``HostRun.digest``. A log of more than ``WHOLE`` bytes is compared by its beginning, its end and its
number of lines: going through 100 MB for each of 1,000 hosts would take minutes, and who looks is told.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from django.db import connection, transaction

from consoles import access, outputlog
from consoles.differing import Difference, difference
from consoles.grouping import VERSION, Fingerprint, Normaliser, key_of, mask, own_names
from consoles.models import HostRun
from consoles.protocol import STDERR
from consoles.statuses import FINAL, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from django.contrib.auth.models import User

    from consoles.models import Run
    from consoles.recent_output import Piece

#: Bytes up to which a log is compared as a whole.
WHOLE: Final = 4 * 1024 * 1024
#: Bytes that are read, and of these lines compared, at each end of a longer log.
AT_AN_END: Final = 1024 * 1024
MOST_AT_AN_END: Final = 8192
#: Seconds of work in one request.
BUDGET: Final = 1.0
#: Bytes of a group's output that are shown.
MOST_SHOWN: Final = 1024 * 1024
#: Lines of each text that are looked at for a diff.
MOST_COMPARED: Final = 200_000
#: Groups whose first difference from the largest one is told, and characters of it.
MOST_EXPLAINED: Final = 30
_MOST_OF_LINE: Final = 300
#: Bytes and logs that are read by one query.
_AT_ONCE: Final = 1024 * 1024
_MOST_AT_ONCE: Final = 200
_STDERR_MARK: Final = "── stderr ──"

#: Comparing is work for one processor, and pages and sockets want it, too: more at a time only take it from them.
_turns: Final = threading.BoundedSemaphore(1)
#: Seconds to wait for the turn before a diff is refused; groups are told as far as they are known instead.
TURN_WAIT: Final = 10.0


class Busy(Exception):
    """Too much is being compared at the moment. The message is a sentence for who asked."""


@dataclass(frozen=True, slots=True)
class Row:
    """What grouping needs of a HostRun."""

    pk: int
    index: int
    server_name: str
    address: str
    status: str
    exit_status: int | None
    exit_signal: str
    reason: str
    size: int
    lines: int
    digest: str

    @property
    def needs_digest(self) -> bool:
        return self.size > 0 and not self.digest.startswith(f"{VERSION}:")

    @property
    def names(self) -> tuple[str, ...]:
        return own_names(self.server_name, self.address)


_COLUMNS: Final = tuple(column.name for column in fields(Row))


@dataclass
class Group:
    """Hosts that ended alike: same status, same exit status and the same output, or the same reason without any."""

    key: str
    sample: Row
    reason: str
    members: list[Row] = field(default_factory=list)
    largest: bool = False
    #: The first line that differs from the largest group's output: ("+", what stands there) or ("-", what is missing).
    differs: tuple[str, str] | None = None

    @property
    def in_part(self) -> bool:
        """Whether only the ends of the outputs were compared."""
        return self.sample.size > WHOLE


@dataclass
class Grouping:
    """The groups, how many ended hosts are still to be looked at, and how many have not ended."""

    groups: list[Group]
    pending: int
    unfinished: int


def group(run: Run, budget: float = BUDGET, clock: Callable[[], float] = time.monotonic) -> Grouping:
    """The groups of ``run`` as far as its hosts have ended, after at most about ``budget`` seconds of work."""
    with _turn(budget) as is_ours:
        rows = [Row(*values) for values in run.host_runs.order_by("index").values_list(*_COLUMNS)]
        ended = [row for row in rows if row.status in FINAL]
        deadline = clock() + budget
        wanted = [row for row in ended if row.needs_digest] if is_ours else []
        digests = _digests(wanted, deadline, clock)
        known = [replace(row, digest=digests[row.pk]) if row.pk in digests else row for row in ended]
        ready = [row for row in known if not row.needs_digest]
        groups = _ordered(_fold(ready))
        is_whole = is_ours and len(ready) == len(ended) and _explain(groups, deadline, clock)
    # Without the turn, or the time, not all differences are told: whoever asks again hears them.
    pending = len(ended) - len(ready) or int(not is_whole and len(groups) > 1)
    return Grouping(groups, pending=pending, unfinished=len(rows) - len(ended))


def compare(left: HostRun, right: HostRun) -> Difference:
    """What ``right`` printed differently from ``left``, after both were normalised. Raises :class:`Busy`."""
    with _turn(TURN_WAIT) as is_ours:
        if not is_ours:
            raise Busy("The console is busy comparing other outputs: try again in a moment.")
        one, other = _text(left), _text(right)
        found = difference(one[:MOST_COMPARED], other[:MOST_COMPARED])
    found.truncated |= max(len(one), len(other)) > MOST_COMPARED or max(left.size, right.size) > WHOLE
    return found


def last_good(user: User, host_run: HostRun) -> HostRun | None:
    """The newest earlier success of the same program on the same server, among the runs ``user`` may see."""
    run = host_run.run
    runs = access.runs_for(user).filter(pk__lt=run.pk)
    if run.script_version is not None:
        runs = runs.filter(script_version__script=run.script_version.script_id)
    else:
        runs = runs.filter(script_version=None, program_sha256=run.program_sha256)
    same = HostRun.objects.filter(run__in=runs, status=Status.SUCCEEDED)
    # A server that was deleted is known by the name it had.
    by_server = {"server": host_run.server_id} if host_run.server_id else {"server_name": host_run.server_name}
    return same.filter(**by_server).select_related("run").order_by("-run_id").first()


def end_of(host_run: HostRun, most: int = MOST_SHOWN) -> tuple[str, int]:
    """The end of the output, from the start of a line on, and how many bytes before it are left out.

    As it was printed, escape sequences and all: hostile, for whoever shows it to deal with.
    """
    start = max(host_run.size - most, 0)
    data = b"".join(piece.data for piece in outputlog.read(host_run.pk, start, most))
    if start:
        partial, newline, rest = data.partition(b"\n")
        if newline and rest:
            start, data = start + len(partial) + 1, rest
    return data.decode(errors="replace"), start


@contextmanager
def _turn(wait: float) -> Iterator[bool]:
    is_ours = _turns.acquire(timeout=max(wait, 0))
    try:
        yield is_ours
    finally:
        if is_ours:
            _turns.release()


def _digests(rows: list[Row], deadline: float, clock: Callable[[], float]) -> dict[int, str]:
    """Digests of ``rows`` by HostRun, as many as the deadline allows, but one at least; stored as well."""
    digests: dict[int, str] = {}
    for row, pieces in _logs(rows):
        digests[row.pk] = digest_of(row, pieces)
        if clock() > deadline:
            break
    if digests:
        _store(digests)
    return digests


def _logs(rows: list[Row]) -> Iterator[tuple[Row, list[Piece] | None]]:
    """Each row with its log; None instead of a large one."""
    small: list[Row] = []
    for row in rows:
        small.append(row)
        if sum(one.size for one in small) >= _AT_ONCE or len(small) >= _MOST_AT_ONCE:
            yield from _read(small)
            small = []
    yield from _read(small)


def _read(rows: list[Row]) -> Iterator[tuple[Row, list[Piece] | None]]:
    logs = outputlog.read_whole(row.pk for row in rows if row.size <= WHOLE)
    for row in rows:
        yield row, logs.get(row.pk)


def digest_of(row: Row | HostRun, pieces: list[Piece] | None = None) -> str:
    """What the output of an ended HostRun comes to; ``pieces`` are its log, if somebody has read it already."""
    fingerprint = Fingerprint()
    for stream, lines in _normalised(row, pieces).items():
        fingerprint.take(stream, lines)
    return fingerprint.value()


def _store(digests: dict[int, str]) -> None:
    """Keep the digests, unless another process did or, against all rules, a HostRun is at work again."""
    statuses = sorted(FINAL)
    # Not through the ORM: its one large statement takes as long as all the reading. Nothing here comes from outside.
    update = (
        f"UPDATE {HostRun._meta.db_table} SET digest = %s WHERE id = %s AND digest NOT LIKE %s"  # noqa: S608
        f" AND status IN ({', '.join(['%s'] * len(statuses))})"
    )
    rows: list[list[Any]] = [[digest, pk, f"{VERSION}:%", *statuses] for pk, digest in digests.items()]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(update, rows)


def _explain(groups: list[Group], deadline: float, clock: Callable[[], float]) -> bool:
    """Say of the first groups where they begin to differ from the largest one; whether the deadline allowed it of all.

    What is known from an earlier time is told in any case, and one more: so whoever asks again gets to the end.
    """
    known = _first_difference.cache_info().misses
    for one in groups[1 : MOST_EXPLAINED + 1]:
        if one.sample.size and groups[0].sample.size:
            if _first_difference.cache_info().misses > known and clock() > deadline:
                return False
            one.differs = _first_difference(groups[0].sample, one.sample)
    return True


@lru_cache(maxsize=2_000)
def _first_difference(left: Row, right: Row) -> tuple[str, str] | None:
    """Rows of ended HostRuns never change, so this is worked out once."""
    for one, other in zip_longest(_text(left), _text(right)):
        if one != other:
            sign, text = ("-", one) if other is None else ("+", other)
            return (sign, text[:_MOST_OF_LINE])
    return None


def _text(row: Row | HostRun) -> list[str]:
    """All normalised lines, stdout first."""
    streams = _normalised(row)
    text: list[str] = []
    for stream, lines in sorted(streams.items()):
        text += [_STDERR_MARK, *lines] if stream == STDERR else lines
    return text


def _normalised(row: Row | HostRun, pieces: list[Piece] | None = None) -> dict[int, list[str]]:
    """Normalised lines by stream."""
    names = own_names(row.server_name, row.address)
    if row.size <= WHOLE:
        return _lines(outputlog.read(row.pk, 0, row.size) if pieces is None else pieces, names)
    head = _lines(outputlog.read(row.pk, 0, AT_AN_END), names, is_whole=False)
    tail = _lines(outputlog.read(row.pk, row.size - AT_AN_END, AT_AN_END), names)
    mark = f"… only the beginning and the end of {row.lines:,} lines are compared …"
    streams = sorted(head.keys() | tail.keys())
    return {s: [*_steady(head.get(s, [])), mark, *_steady(tail.get(s, [])[1:], from_end=True)] for s in streams}


def _lines(pieces: Iterable[Piece], names: tuple[str, ...], is_whole: bool = True) -> dict[int, list[str]]:
    """Normalised lines by stream; without an unfinished one at the end unless the pieces are the whole log."""
    normalisers: dict[int, Normaliser] = {}
    lines: dict[int, list[str]] = {}
    for piece in pieces:
        normaliser = normalisers.setdefault(piece.stream, Normaliser(names))
        lines.setdefault(piece.stream, []).extend(normaliser.feed(piece.data))
    if is_whole:
        for stream, normaliser in normalisers.items():
            lines[stream] += normaliser.end()
    return lines


def _steady(lines: list[str], from_end: bool = False) -> list[str]:
    """A number of lines that does not hang on where the bytes were cut: names of other lengths shift that a little.

    ``MOST_AT_AN_END`` as a rule; where lines are so long that there are fewer, a power of two.
    """
    count = min(1 << (len(lines).bit_length() - 1), MOST_AT_AN_END) if lines else 0
    return lines[len(lines) - count :] if from_end else lines[:count]


def _fold(rows: list[Row]) -> list[Group]:
    groups: dict[tuple[object, ...], Group] = {}
    for row in rows:
        reason = mask(row.reason, row.names) if row.reason else ""
        output = row.digest if row.size else f"nothing: {reason}"
        same = (row.status, row.exit_status, row.exit_signal, output)
        if same not in groups:
            groups[same] = Group(key_of(*same), row, reason)
        groups[same].members.append(row)
    return list(groups.values())


def _ordered(groups: list[Group]) -> list[Group]:
    """The largest group that printed something, then what went wrong, then the rest; larger ones before smaller."""
    if not groups:
        return []
    largest = max(groups, key=lambda one: (one.sample.size > 0, len(one.members), one.sample.status == "succeeded"))
    largest.largest = True
    rest = [one for one in groups if one is not largest]
    rest.sort(key=lambda one: (one.sample.status == Status.SUCCEEDED, -len(one.members), one.sample.index))
    return [largest, *rest]
