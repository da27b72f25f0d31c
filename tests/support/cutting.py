"""A TCP proxy in front of a console that cuts connections at random, but the same moments for the same seed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Bytes towards the browser after which a connection is cut: sockets within a few frames, requests within some answers.
_SOCKET_LIVES = (100, 6_000)
_REQUEST_LIVES = (2_000, 60_000)
#: Closing sends a reset at once, as a machine on the way would.
_RESET = struct.pack("ii", 1, 0)


class CuttingProxy:
    """Passes everything on to ``127.0.0.1:port``; while :attr:`cutting` is set, no connection lives long."""

    def __init__(self, seed: int) -> None:
        self.port = 0
        self.cutting = False
        self._cuts = 0
        self._news = threading.Condition()
        self._random = random.Random(seed)
        self._sockets: set[asyncio.StreamWriter] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """What a browser is told instead of the console's address."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def cuts(self) -> int:
        """How many connections have been cut so far."""
        return self._cuts

    def wait_for_cuts(self, count: int, timeout: float) -> bool:
        """Wait until ``count`` connections have been cut since the beginning."""
        with self._news:
            return self._news.wait_for(lambda: self._cuts >= count, timeout)

    def cut_sockets(self) -> None:
        """Cut every socket there is now: those left alone are silent, and would live for long."""
        self._loop.call_soon_threadsafe(self._cut_sockets)

    def close(self) -> None:
        """End it, with every connection."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._listener.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._listener))
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return writer.transport.abort()
        try:
            head = await reader.read(65536)
            up_writer.write(head)
            is_socket = b"upgrade: websocket" in head.lower()
            if is_socket:
                self._sockets.add(writer)
            lives = _SOCKET_LIVES if is_socket else _REQUEST_LIVES
            sending = asyncio.ensure_future(_pass_on(reader, up_writer))
            await self._answer(up_reader, writer, self._random.randint(*lives))
            sending.cancel()
        except (OSError, asyncio.CancelledError):
            pass  # a side has gone, or all of this ends
        finally:
            self._sockets.discard(writer)
            _reset(writer)
            _reset(up_writer)
        return None

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, life: int) -> None:
        """Pass on what the console says until it ends, or this connection's life does: in the middle of a frame."""
        while data := await reader.read(65536):
            if self.cutting:
                if len(data) >= life:
                    writer.write(data[:life])
                    return self._note_cut()
                life -= len(data)
            writer.write(data)
            await writer.drain()
        return None

    def _cut_sockets(self) -> None:
        for writer in list(self._sockets):
            self._sockets.discard(writer)
            _reset(writer)
            self._note_cut()

    def _note_cut(self) -> None:
        with self._news:
            self._cuts += 1
            self._news.notify_all()


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


@contextmanager
def cutting_proxy(seed: int) -> Iterator[CuttingProxy]:
    """A proxy that is closed afterwards."""
    proxy = CuttingProxy(seed)
    try:
        yield proxy
    finally:
        proxy.close()
