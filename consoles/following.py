"""Following a run from its output log in this process, line by line: what the command line shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consoles import doorbell, outputlog
from consoles.statuses import ACTIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consoles.models import HostRun, Run

#: Seconds after which the log is looked at even without a doorbell.
LOOK_EVERY = 2.0


@dataclass(frozen=True, slots=True)
class Line:
    """One whole line of a host, without its line end; also the unfinished last one of a stream."""

    host: str
    stream: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Progress:
    """How many HostRuns have which status."""

    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Contact:
    """Contact to a host's running program was lost, for this reason; or it is back, with no reason."""

    host: str
    reason: str


@dataclass(slots=True)
class _Cursor:
    offset: int = 0
    rest: dict[int, bytes] = field(default_factory=dict)
    lost: bool = False


Found = Line | Contact | Progress


def follow(run: Run) -> Iterator[Found]:
    """Yield lines as they are stored, what becomes of the hosts' connections, and the progress after each look.

    Ends when every HostRun is over.
    """
    cursors: dict[int, _Cursor] = {}
    with doorbell.watch(run.pk) as rung:
        while True:
            rung.clear()
            host_runs = list(run.host_runs.order_by("index"))
            for host_run in host_runs:
                cursor = cursors.setdefault(host_run.pk, _Cursor())
                yield from _new_lines(host_run, cursor)
                yield from _change_of_contact(host_run, cursor)
            counts: dict[str, int] = {}
            for host_run in host_runs:
                counts[host_run.status] = counts.get(host_run.status, 0) + 1
            yield Progress(counts)
            if not counts.keys() & {status.value for status in ACTIVE}:
                return
            rung.wait(LOOK_EVERY)


def _change_of_contact(host_run: HostRun, cursor: _Cursor) -> Iterator[Contact]:
    lost = host_run.contact_lost is not None and not host_run.is_final
    if lost != cursor.lost:
        cursor.lost = lost
        yield Contact(host_run.server_name, host_run.reason if lost else "")


def _new_lines(host_run: HostRun, cursor: _Cursor) -> Iterator[Line]:
    while cursor.offset < host_run.size:
        for piece in outputlog.read(host_run.pk, cursor.offset, 1024 * 1024):
            *lines, rest = (cursor.rest.get(piece.stream, b"") + piece.data).split(b"\n")
            cursor.rest[piece.stream] = rest
            cursor.offset = piece.end
            yield from (Line(host_run.server_name, piece.stream, line) for line in lines)
    if host_run.is_final:
        unfinished, cursor.rest = cursor.rest, {}
        yield from (Line(host_run.server_name, stream, rest) for stream, rest in unfinished.items() if rest)
