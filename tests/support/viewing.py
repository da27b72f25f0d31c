"""A viewer that is not ours: the wire protocol over the ``websockets`` library, checking every frame it gets."""

from __future__ import annotations

import json
import time
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from consoles import protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.support.server import ServerProcess


class SocketViewer:
    """One socket. Output is gathered by host in ``received``, other frames in ``messages``."""

    def __init__(self, server: ServerProcess, who: dict[str, str] | None, path: str, **options: Any) -> None:
        self.messages: list[dict[str, Any]] = []
        self.received: defaultdict[int, bytearray] = defaultdict(bytearray)
        self.streams: defaultdict[tuple[int, int], bytearray] = defaultdict(bytearray)
        self.starts: dict[int, int] = {}
        self.rows: dict[int, dict[str, Any]] = {}
        self.acknowledges = True
        headers = {"Cookie": f"sessionid={who['session']}"} if who else {}
        options = {"origin": server.origin, "subprotocols": [protocol.SUBPROTOCOL], "max_size": None} | options
        opening = connect(f"{server.socket_url}{path}", additional_headers=headers, **options)
        self.socket: ClientConnection = opening.__enter__()

    def __enter__(self) -> SocketViewer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.socket.close()

    def say(self, kind: str, **fields: Any) -> None:
        """Send a client message."""
        self.socket.send(json.dumps({"type": kind, **fields}))

    def start(self, servers: Iterable[str], command: str, key: str = "", **fields: Any) -> int:
        """Ask for a run and wait for it; gives back its id."""
        self.say("start", key=key or str(uuid.uuid4()), servers=list(servers), command=command, **fields)
        return int(self.wait_for("started")["run"])

    def subscribe(self, host: int, start: int = 0, max_behind: int = 0) -> None:
        """Ask for a host's output from ``start`` on, keeping what was received of it before that."""
        self.starts.setdefault(host, start)
        self.say("subscribe", host=host, **{"from": start}, max_behind=max_behind)

    def subscribe_all(self) -> None:
        """Ask for everything of every host."""
        for host in self.rows:
            self.subscribe(host, len(self.received[host]))

    def wait_for(self, kind: str, timeout: float = 20, **fields: Any) -> dict[str, Any]:
        """The first message of a kind with these fields, among those already here or still to come."""
        return self.wait_until(
            lambda: next((m for m in self.messages if m["type"] == kind and fields.items() <= m.items()), None),
            timeout,
            f"{kind} {fields}",
        )

    def wait_until(self, found: Callable[[], Any], timeout: float = 20, what: str = "that") -> Any:
        """Read frames until ``found`` gives something true."""
        deadline = time.monotonic() + timeout
        while not (result := found()):
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{what} did not come within {timeout} s; the last were {self.messages[-5:]}")
            self.read_one(left)
        return result

    def is_over(self) -> bool:
        """Whether every host has ended, as far as this viewer was told."""
        return bool(self.rows) and all(row["finished"] for row in self.rows.values())

    def is_over_or_away(self) -> bool:
        """Whether every host has ended or is out of reach, as far as this viewer was told."""
        return bool(self.rows) and all(row["finished"] or row["contact_lost"] for row in self.rows.values())

    def wait_for_ends(self, timeout: float = 60) -> None:
        """Read until every host's output is complete."""
        self.wait_until(lambda: len([m for m in self.messages if m["type"] == "end"]) >= len(self.rows), timeout, "end")

    def close_code(self, timeout: float = 20) -> int:
        """Read until the server closes the socket; the code it closes with."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                self.read_one(deadline - time.monotonic())
            except ConnectionClosed as closed:
                assert closed.rcvd is not None
                return closed.rcvd.code
        raise AssertionError("The server did not close the socket.")

    def read_one(self, timeout: float) -> None:
        """Read one frame, if one comes in time."""
        try:
            frame = self.socket.recv(timeout)
        except TimeoutError:
            return
        if isinstance(frame, bytes):
            self._take_output(protocol.decode_output(frame))
        else:
            self._take_message(json.loads(frame))

    def _take_output(self, output: protocol.Output) -> None:
        expected = self.starts.setdefault(output.host, 0) + len(self.received[output.host])
        assert output.offset == expected, f"host {output.host}: offset {output.offset} instead of {expected}"
        assert 0 < len(output.data) <= protocol.MAX_PAYLOAD
        self.received[output.host] += output.data
        self.streams[output.host, output.stream] += output.data
        if self.acknowledges:
            self.say("ack", host=output.host, offset=output.end)

    def _take_message(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        for row in message.get("hosts", []):
            self.rows[row["i"]] = row
        if message["type"] == "end":
            size = self.starts.get(message["host"], 0) + len(self.received[message["host"]])
            assert message["size"] == size, f"host {message['host']} ended at {message['size']}, received to {size}"
