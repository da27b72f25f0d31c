"""One viewer's place in a run: what it has asked for, what it was sent, what it has acknowledged.

Knows no socket: a consumer hands it client messages and sends what it gives back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from consoles import outputlog, protocol
from consoles.models import HostRun, Run
from consoles.presenting import host_rows
from consoles.statuses import Status, status_of_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from consoles.recent_output import Piece

#: Bytes read from the log at a time: what is read is in memory until it is sent.
READ_SIZE: Final = 256 * 1024
#: Bytes on the way to one viewer, over all it ever subscribed to.
MOST_IN_FLIGHT: Final = 8 * protocol.WINDOW


@dataclass(slots=True)
class Cursor:
    """How far a viewer has got in one output log: sent up to ``sent``, acknowledged up to ``acked``."""

    host_run_id: int
    sent: int
    acked: int
    max_behind: int
    ended: bool = False


class Viewer:
    """A viewer of one run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._ids: dict[int, int] = {}
        self._rows: dict[int, dict[str, Any]] = {}
        self._cursors: dict[int, Cursor] = {}
        self._behind: set[int] = set()
        self._rung: set[int] = set()
        self._served = -1
        self._in_flight = _InFlight()

    def load_hosts(self) -> list[dict[str, Any]]:
        """Every host of the run, as ``hello`` lists them."""
        hosts = self.run.host_runs.order_by("index")
        self._ids = dict(hosts.values_list("index", "pk"))
        self._rows = {row["i"]: row for row in host_rows(hosts)}
        return list(self._rows.values())

    def subscribe(self, message: protocol.Subscribe) -> None:
        """Start sending a host's output from an offset. Raises :class:`protocol.ProtocolError`."""
        host_run_id = self._host_run_id(message.host)
        if message.start and message.start > (size := outputlog.size(host_run_id)):
            raise protocol.ProtocolError(
                "beyond_end", f"Host {message.host} has {size} bytes so far: subscribe from there or before."
            )
        self._cursors[message.host] = Cursor(host_run_id, message.start, message.start, message.max_behind)
        row = self._rows[message.host]
        if message.start < row["size"] or row["finished"] or message.host in self._rung:
            self._behind.add(message.host)

    def unsubscribe(self, host: int) -> None:
        """Send nothing more of a host."""
        self._cursors.pop(host, None)
        self._behind.discard(host)

    def acknowledge(self, message: protocol.Ack) -> None:
        """Take back room in the window. Raises :class:`protocol.ProtocolError` for bytes that were not sent."""
        arrived = self._in_flight.arrived(message.host, message.offset)
        cursor = self._cursors.get(message.host)
        if cursor is None or (arrived and message.offset > cursor.sent):
            return  # It crossed an unsubscribe, or another subscribe, on the way.
        if message.offset > cursor.sent:
            raise protocol.ProtocolError("beyond_sent", f"Host {message.host} was sent only up to {cursor.sent}.")
        cursor.acked = max(cursor.acked, message.offset)

    def host_run(self, host: int) -> HostRun:
        """The HostRun of a host index. Raises :class:`protocol.ProtocolError`."""
        return HostRun.objects.get(pk=self._host_run_id(host))

    def note_growth(self, hosts: Iterable[int]) -> None:
        """A doorbell named these hosts: their subscribers may have something to read, now or when they subscribe."""
        self._rung.update(hosts)
        self._behind.update(host for host in hosts if host in self._cursors)

    def changed_rows(self, hosts: set[int] | None) -> list[dict[str, Any]]:
        """The rows, of ``hosts`` or of all, that differ from what was sent before; they count as sent."""
        found = self.run.host_runs.all()
        if hosts is not None:
            found = found.filter(index__in=hosts)
        changed = [row for row in host_rows(found.order_by("index")) if self._rows.get(row["i"]) != row]
        for row in changed:
            self._rows[row["i"]] = row
            cursor = self._cursors.get(row["i"])
            if cursor and (row["finished"] or row["size"] > cursor.sent):
                self._behind.add(row["i"])
        return changed

    def output(self) -> Iterator[str | bytes]:
        """What may be sent now: output within the window, ``gap`` where it skips, ``end`` where it is over."""
        # The host that was sent something last comes last: one that never stops printing would silence the others.
        for host in sorted(self._behind, key=lambda host: (host <= self._served, host)):
            cursor = self._cursors[host]
            yield from self._skip(host, cursor)
            yield from self._pieces(host, cursor)
            yield from self._end(host, cursor)

    @property
    def run_status(self) -> Status:
        """The run's status, of the hosts as they were told: the two never contradict each other."""
        return status_of_run(row["status"] for row in self._rows.values())

    @property
    def has_more(self) -> bool:
        """Whether something is left that only the window holds back."""
        return bool(self._behind)

    def _room(self) -> int:
        window = protocol.WINDOW - sum(cursor.sent - cursor.acked for cursor in self._cursors.values())
        return min(window, MOST_IN_FLIGHT - self._in_flight.size)

    def _skip(self, host: int, cursor: Cursor) -> Iterator[str]:
        if not cursor.max_behind:
            return
        size = outputlog.size(cursor.host_run_id)
        if size - cursor.sent > cursor.max_behind:
            # Half of it: jumping to the very limit would jump again at once.
            start, cursor.sent = cursor.sent, size - cursor.max_behind // 2
            # What was skipped will not be acknowledged.
            cursor.acked = max(cursor.acked, cursor.sent - (start - cursor.acked))
            yield protocol.encode("gap", host=host, **{"from": start, "to": cursor.sent})

    def _pieces(self, host: int, cursor: Cursor) -> Iterator[bytes]:
        row = self._rows[host]
        if row["finished"] and cursor.sent >= row["size"]:
            self._behind.discard(host)
            return
        while (room := self._room()) > 0:
            pieces = outputlog.read(cursor.host_run_id, cursor.sent, min(room, READ_SIZE), stored=row["size"])
            if not pieces:
                self._behind.discard(host)
                return
            for offset, stream, data in _joined(pieces):
                yield from _frames(host, offset, stream, data)
            self._in_flight.sent(host, cursor.sent, pieces[-1].end)
            cursor.sent, self._served = pieces[-1].end, host

    def _end(self, host: int, cursor: Cursor) -> Iterator[str]:
        row = self._rows[host]
        if cursor.ended or row["finished"] is None or cursor.sent < row["size"]:
            return
        cursor.ended = True
        yield protocol.encode("end", host=host, size=row["size"], exit_status=row["exit_status"], status=row["status"])

    def _host_run_id(self, host: int) -> int:
        if host not in self._ids:
            raise protocol.ProtocolError("unknown_host", f"This run has no host {host}.")
        return self._ids[host]


class _InFlight:
    """Bytes sent on the socket that are not known to have arrived, whatever was unsubscribed since.

    A cursor that is moved or dropped forgets what it had sent; without this, a client that subscribes again and again
    and never reads would fill the server's memory. Frames arrive in order: with one, all before it have arrived.
    """

    def __init__(self) -> None:
        self.size = 0
        self._sent: deque[tuple[int, int, int]] = deque()

    def sent(self, host: int, start: int, end: int) -> None:
        if self._sent and self._sent[-1][0] == host and self._sent[-1][2] == start:
            self.size -= start - self._sent[-1][1]
            start = self._sent.pop()[1]
        self._sent.append((host, start, end))
        self.size += end - start

    def arrived(self, host: int, offset: int) -> bool:
        """Note an acknowledgement; False when nothing in flight is meant by it."""
        newest = next(
            (entry for entry in reversed(self._sent) if entry[0] == host and entry[1] < offset <= entry[2]), None
        )
        if newest is None:
            return False
        while (oldest := self._sent.popleft()) is not newest:
            self.size -= oldest[2] - oldest[1]
        self.size -= offset - newest[1]
        if offset < newest[2]:
            self._sent.appendleft((host, offset, newest[2]))
        return True


def _joined(pieces: list[Piece]) -> Iterator[tuple[int, int, bytes]]:
    """Contiguous pieces as (offset, stream, bytes): a log of many short lines is not sent line by line."""
    for stream, group in groupby(pieces, key=lambda piece: piece.stream):
        same = list(group)
        yield same[0].offset, stream, same[0].data if len(same) == 1 else b"".join(piece.data for piece in same)


def _frames(host: int, offset: int, stream: int, data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        end = protocol.line_end_before(data, start, start + protocol.MAX_PAYLOAD)
        yield protocol.encode_output(protocol.Output(host, offset + start, stream, data[start:end]))
        start = end
