"""A small TCP proxy before each host and each server, so that one network can be harmed and no other."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

_LINGER_OFF = struct.pack("ii", 1, 0)
_BLOCK = 64 * 1024


class Proxy:
    """Forwards connections made to ``address`` to ``target``. All methods are for the event loop's thread."""

    def __init__(self, address: str, target: tuple[str, int]) -> None:
        self.address = address
        self.port = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._pairs: set[_Pair] = set()
        self._carries = asyncio.Event()
        self._carries.set()
        self._pause = 0.0

    async def start(self) -> None:
        """Take connections, on the same port each time."""
        self._server = await asyncio.start_server(self._serve, self.address, self.port, limit=_BLOCK, backlog=100)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Refuse new connections until :meth:`start`."""
        if self._server is not None:
            self._server.close()
            self._server = None

    @property
    def refuses(self) -> bool:
        return self._server is None

    def close(self) -> None:
        """End everything."""
        self.refuse()
        self.carry()
        self.reset()

    def reset(self) -> int:
        """Break the open connections with a reset, on both sides; gives back how many there were."""
        return self._end(reset=True)

    def cut(self) -> int:
        """Close the open connections in the middle of whatever they carry; gives back how many there were."""
        return self._end(reset=False)

    def swallow(self) -> int:
        """Carry nothing until :meth:`carry`: connections stay open and stay silent, and new ones get no answer."""
        self._carries.clear()
        return len(self._pairs)

    def carry(self) -> None:
        """Go on with what :meth:`swallow` held up."""
        self._carries.set()

    def slow_down(self, pause: float) -> int:
        """Rest ``pause`` seconds after each block of at most 64 KiB; 0 is full speed."""
        self._pause = pause
        return len(self._pairs)

    def _end(self, reset: bool) -> int:
        pairs = list(self._pairs)
        for pair in pairs:
            pair.end(reset)
        return len(pairs)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = _Pair(writer)
        self._pairs.add(pair)
        try:
            await self._carries.wait()
            # Nobody there: whoever asked sees its connection closed at once.
            far_reader, far_writer = await asyncio.open_connection(*self._target, limit=_BLOCK)
            pair.add(far_writer)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        except OSError:
            pair.end(reset=True)
        finally:
            self._pairs.discard(pair)
            pair.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_BLOCK):
            if self._pause:
                await asyncio.sleep(self._pause)
            await self._carries.wait()
            writer.write(data)
            await writer.drain()
        await self._carries.wait()
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()


class _Pair:
    """The two connections between which bytes are carried."""

    def __init__(self, near: asyncio.StreamWriter) -> None:
        self._writers = [near]
        self._ended = False

    def add(self, far: asyncio.StreamWriter) -> None:
        self._writers.append(far)
        if self._ended:
            far.transport.abort()

    def end(self, reset: bool) -> None:
        self._ended = True
        for writer in self._writers:
            if reset and (end := writer.get_extra_info("socket")) is not None:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
            # What is in the buffer is lost, as in a network that breaks.
            writer.transport.abort()

    def close(self) -> None:
        """Close both once what is on its way has been taken."""
        self._ended = True
        for writer in self._writers:
            writer.close()
