"""A socket client in a process of its own: starts a run, takes every host's output, checks every byte.

Reads one JSON object from standard input, prints one. Uses nothing of the console's code, only docs/protocol.md.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

_HEADER = struct.Struct("!BBHIQ")
_STDOUT = 1
#: Seconds after the last host's first line until latency counts: 200 logins have just taken all there is.
SETTLE = 1.0


class Wrong(Exception):
    """The console delivered something else than was printed."""


@dataclass
class Clocks:
    """Lines that each hold the time they were printed: (printed, seconds until they were here)."""

    seen: list[tuple[float, float]] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    last: dict[int, float] = field(default_factory=dict)
    _rest: dict[int, bytes] = field(default_factory=dict)

    def add(self, host: int, data: bytes) -> None:
        """Take in a host's next bytes, which may end within a line."""
        now = time.time()
        *lines, self._rest[host] = (self._rest.get(host, b"") + data).split(b"\n")
        for line in lines:
            printed = float(line)
            if host not in self.last:
                self.first.append(printed)
            self.last[host] = printed
            self.seen.append((printed, now - printed))

    def steady(self) -> list[float]:
        """Seconds of the lines printed while every host was printing and none was connecting any more, sorted."""
        begin, end = max(self.first) + SETTLE, min(self.last.values())
        return sorted(delay for printed, delay in self.seen if begin <= printed <= end)


@dataclass
class Log:
    """What has arrived of one host."""

    offset: int = 0
    unacknowledged: bool = False
    ended: bool = False


class Follower:
    """Takes the frames of one run. ``expected`` None: the hosts print clocks."""

    def __init__(self, socket: ClientConnection, expected: bytes | None) -> None:
        self._socket = socket
        self._expected = memoryview(expected) if expected is not None else None
        self._logs: dict[int, Log] = {}
        self._ack_every = 0
        self._behind = 0
        self.left = -1
        self.frames = self.bytes = 0
        self.clocks = Clocks()

    def take(self, frame: str | bytes) -> None:
        """Deal with one frame. Raises :class:`Wrong`."""
        self.frames += 1
        if isinstance(frame, bytes):
            return self._take_output(frame)
        message = json.loads(frame)
        if message["type"] == "hello":
            self._subscribe(message)
        elif message["type"] == "end":
            self._take_end(message)
        elif message["type"] in ("error", "gap") or message.get("storage"):
            raise Wrong(f"The console sent {frame}")

    def _subscribe(self, hello: dict[str, Any]) -> None:
        self._logs = {host["i"]: Log() for host in hello["hosts"]}
        self._ack_every = hello["window"] // 4
        self.left = len(self._logs)
        for host in self._logs:
            self._say("subscribe", host=host, **{"from": 0})

    def _take_output(self, frame: bytes) -> None:
        kind, stream, zero, host, offset = _HEADER.unpack_from(frame)
        data = memoryview(frame)[_HEADER.size :]
        log = self._logs[host]
        if (kind, stream, zero) != (1, _STDOUT, 0) or offset != log.offset or log.ended:
            raise Wrong(f"host {host}: stream {stream} at {offset}, expected stream {_STDOUT} at {log.offset}")
        end = offset + len(data)
        if self._expected is None:
            self.clocks.add(host, bytes(data))
        elif self._expected[offset:end] != data:
            raise Wrong(f"host {host}: other bytes than printed between {offset} and {end}")
        log.offset, log.unacknowledged = end, True
        self.bytes += len(data)
        self._behind += len(data)
        if self._behind >= self._ack_every:
            self._acknowledge()

    def _acknowledge(self) -> None:
        for host, log in self._logs.items():
            if log.unacknowledged:
                log.unacknowledged = False
                self._say("ack", host=host, offset=log.offset)
        self._behind = 0

    def _take_end(self, end: dict[str, Any]) -> None:
        log = self._logs[end["host"]]
        size = log.offset if self._expected is None else len(self._expected)
        if (log.ended, log.offset, end["size"], end["exit_status"]) != (False, size, size, 0):
            raise Wrong(f"{end}, with {log.offset} bytes here and {size} expected")
        log.ended = True
        self.left -= 1

    def _say(self, kind: str, **fields: Any) -> None:
        self._socket.send(json.dumps({"type": kind, **fields}))


def follow(order: dict[str, Any]) -> dict[str, Any]:
    """Start the run that ``order`` describes and take all of it; gives back how long that took."""
    expected = None
    if not order["clocks"]:
        expected = subprocess.run(["/bin/sh", "-c", order["command"]], stdout=subprocess.PIPE, check=True).stdout
    start = {"type": "start", "key": str(uuid.uuid4()), "servers": order["servers"]}
    start |= {"command": order["command"], "mode": order["mode"]}
    with connect(
        order["url"],
        origin=Origin(order["origin"]),
        subprotocols=[Subprotocol("console.v1")],
        additional_headers={"Cookie": f"sessionid={order['session']}"},
        compression=None,
        max_size=None,
        max_queue=None,
        ping_interval=None,
    ) as socket:
        follower = Follower(socket, expected)
        began = time.perf_counter()
        socket.send(json.dumps({**start, "fanout": order["fanout"]}))
        while follower.left:
            follower.take(socket.recv(timeout=order["patience"]))
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "bytes": follower.bytes, "frames": follower.frames} | _latency(follower.clocks)


def _latency(clocks: Clocks) -> dict[str, Any]:
    if not clocks.seen:
        return {}
    steady, everything = clocks.steady(), sorted(delay for _, delay in clocks.seen)
    return {
        "lines": len(clocks.seen),
        "steady_lines": len(steady),
        "median_ms": percentile(steady, 50) * 1000,
        "p99_ms": percentile(steady, 99) * 1000,
        "worst_ms": steady[-1] * 1000,
        "p99_with_logins_ms": percentile(everything, 99) * 1000,
    }


def percentile(ordered: list[float], percent: float) -> float:
    """The smallest of the ``ordered`` values that at least ``percent`` of them do not exceed."""
    index = max(-(-len(ordered) * percent // 100) - 1, 0)
    return ordered[int(index)]


def main() -> None:
    try:
        answer = follow(json.load(sys.stdin))
    except (Wrong, OSError, TimeoutError) as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
