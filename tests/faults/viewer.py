"""A client of docs/protocol.md that follows one run over as many connections as it takes, and checks every byte."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from consoles import protocol
from consoles.statuses import FINAL
from tests.faults import printer
from tests.faults.plan import RunPlan
from tests.faults.world import World, program_text

#: Seconds without any frame after which a connection is given up; the server says its time every 5 seconds.
SILENCE = 15.0
_REFUSALS = (protocol.CLOSE_LOGIN, protocol.CLOSE_FORBIDDEN, protocol.CLOSE_NOT_FOUND, protocol.CLOSE_TOO_MANY_ERRORS)


class Expected:
    """Compares what comes with what must come: all in one order, or each stream in its own."""

    def __init__(self, seed: int, run: int, host: str) -> None:
        self._merged: bytes | None = printer.printed(seed, run, host)
        self._apart = {stream: printer.printed(seed, run, host, stream) for stream in (1, 2)}
        self._cursors = {0: 0, 1: 0, 2: 0}

    def take(self, stream: int, data: bytes) -> bool:
        """Whether ``data`` may come next."""
        if self._merged is not None and not self._next_in(0, self._merged, data):
            self._merged = None
        apart = stream in self._apart and self._next_in(stream, self._apart[stream], data)
        return apart or self._merged is not None

    def _next_in(self, way: int, whole: bytes, data: bytes) -> bool:
        start = self._cursors[way]
        self._cursors[way] += len(data)
        return whole[start : start + len(data)] == data


@dataclass
class Following:
    """How far a viewer has got on one host."""

    index: int
    cursor: int = 0
    expected: Expected | None = None
    ended: bool = False


@dataclass
class Request:
    """A run that is asked for, and its number at the console once somebody knows it."""

    plan: RunPlan
    number: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Viewer:
    """One viewer. The first one of a run asks for it, too."""

    def __init__(self, world: World, seed: int, request: Request, name: str) -> None:
        self._world = world
        self._history = world.history
        self._seed = seed
        self._request = request
        self._plan = request.plan
        self.name = f"{name} of run {request.plan.number}"
        self._hosts: dict[int, Following] = {}
        self._names: dict[int, str] = {}
        self._rows: dict[int, dict[str, Any]] = {}
        self._cancels: list[int | None] = []
        self._socket: ClientConnection | None = None

    @property
    def done(self) -> bool:
        """Whether every host's output has come to its end."""
        return bool(self._hosts) and all(host.ended for host in self._hosts.values())

    async def watch(self) -> None:
        """Come back until everything is there."""
        pause = 0.2
        while not self.done:
            try:
                await self._watch_once()
                pause = 0.2
            except (OSError, EOFError, TimeoutError, WebSocketException) as error:
                self._judge(error)
            finally:
                self._socket = None
            await asyncio.sleep(random.uniform(0, pause))
            pause = min(pause * 2, 2)

    async def cancel(self, index: int | None) -> None:
        """Cancel the run, or one host of it: now if there is a connection, or else when there is."""
        self._cancels.append(index)
        if self._socket is not None and self._rows:
            await self._say_cancels(self._socket)

    # One connection

    async def _watch_once(self) -> None:
        serving = self._world.consoles.serving()
        if not serving:
            await asyncio.sleep(0.2)
            return
        console = random.choice(serving)
        known = self._request.number.done()
        path = f"/ws/runs/{self._request.number.result() if known else 'new'}/"
        async with connect(
            f"ws://127.0.0.1:{console.door.port}{path}",
            origin=console.server.origin,  # type: ignore[arg-type]  # a name for str
            subprotocols=[protocol.SUBPROTOCOL],  # type: ignore[list-item]  # the same
            additional_headers={"Cookie": f"sessionid={self._world.session}"},
            compression=None,
            max_size=None,
            open_timeout=SILENCE,
            close_timeout=1,
            ping_interval=None,
            proxy=None,
        ) as socket:
            self._history.counts["connections of viewers"] += 1
            if not known:
                await self._ask(socket)
            while not self.done:
                async with asyncio.timeout(SILENCE):
                    frame = await socket.recv()
                await self._take(socket, frame)

    async def _ask(self, socket: ClientConnection) -> None:
        plan = self._plan
        text = program_text(plan.shape, self._seed, plan.number, plan.seconds)
        await self._say(
            socket, "start", key=plan.key, servers=list(plan.hosts), command=text, fanout=plan.fanout,
            title=f"run {plan.number}", idle_timeout=0, total_timeout=0,
        )  # fmt: skip

    async def _say(self, socket: ClientConnection, kind: str, **fields: Any) -> None:
        await socket.send(json.dumps({"type": kind, **fields}))

    async def _take(self, socket: ClientConnection, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            await self._take_output(socket, protocol.decode_output(frame))
            return
        message = json.loads(frame)
        for row in message.get("hosts", []):
            self._take_row(row)
        if message["type"] == "hello":
            self._socket = socket
            await self._subscribe(socket)
            await self._say_cancels(socket)
        elif message["type"] == "started" and not self._request.number.done():
            self._request.number.set_result(message["run"])
        elif message["type"] == "end":
            self._take_end(message)
        elif message["type"] == "gap":
            self._complain(f"output was skipped: {message}")
        elif message["type"] == "error":
            await self._take_error(message)

    def _take_row(self, row: dict[str, Any]) -> None:
        self._names[row["i"]] = row["name"]
        self._rows[row["i"]] = row
        self._hosts.setdefault(row["i"], Following(row["i"]))
        self._history.saw((self._plan.number, row["name"]), self.name, row)

    async def _subscribe(self, socket: ClientConnection) -> None:
        for host in self._hosts.values():
            if not host.ended:
                await self._say(socket, "subscribe", host=host.index, **{"from": host.cursor})

    async def _take_output(self, socket: ClientConnection, output: protocol.Output) -> None:
        host, name = self._hosts[output.host], self._names[output.host]
        if output.offset != host.cursor:
            self._complain(f"{name}: a frame begins at {output.offset} instead of {host.cursor}")
        host.cursor = output.end
        if host.expected is None:
            host.expected = Expected(self._seed, self._plan.number, name)
        if not host.expected.take(output.stream, output.data):
            self._complain(f"{name}: the {len(output.data)} bytes at {output.offset} are not what was printed")
        await self._say(socket, "ack", host=output.host, offset=output.end)

    def _take_end(self, message: dict[str, Any]) -> None:
        host, name = self._hosts[message["host"]], self._names[message["host"]]
        if message["size"] != host.cursor:
            self._complain(f"{name}: it ended at {message['size']}, and {host.cursor} bytes came")
        if message["status"] not in FINAL:
            self._complain(f"{name}: it ended as {message['status']}")
        host.ended, host.expected = True, None
        self._history.watched[self._plan.number, name].append(host.cursor)

    async def _take_error(self, message: dict[str, Any]) -> None:
        self._history.note(f"{self.name}: error {message}")
        if message["code"] == "unavailable":
            raise TimeoutError
        self._complain(f"the console said {message['code']}: {message['message']}")

    # Cancels

    async def _say_cancels(self, socket: ClientConnection) -> None:
        for index in self._cancels:
            concerned = [index] if index is not None else list(self._rows)
            waiting = [i for i in concerned if not self._is_settled(self._rows[i])]
            for i in waiting:
                self._history.canceled.add((self._plan.number, self._names[i]))
            if waiting:
                self._history.note(f"{self.name}: cancel {index}")
                await self._say(socket, "cancel", **({"host": index} if index is not None else {}))

    @staticmethod
    def _is_settled(row: dict[str, Any]) -> bool:
        return bool(row["canceling"]) or row["status"] in FINAL

    # Trouble

    def _judge(self, error: Exception) -> None:
        """Broken connections are what this is about; a refusal is not."""
        if isinstance(error, ConnectionClosed) and error.rcvd and error.rcvd.code in _REFUSALS:
            self._complain(f"the socket was closed with {error.rcvd.code}")
        elif isinstance(error, InvalidStatus) and error.response.status_code < 500:
            self._complain(f"the socket was refused with {error.response.status_code}")
        self._history.note(f"{self.name}: {type(error).__name__} {error}")

    def _complain(self, text: str) -> None:
        self._history.complain(f"{self.name}: {text}")
