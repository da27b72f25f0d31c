"""The fault suite's proxy carries bytes as they are, until it is told to do harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.faults.proxy import Proxy
from tests.support.loops import run_apart

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def proxied() -> AsyncIterator[Proxy]:
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        proxy = Proxy("127.0.0.1", server.sockets[0].getsockname())
        await proxy.start()
        yield proxy
        proxy.close()


def run(test: Callable[[Proxy], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20), proxied() as proxy:
            await test(proxy)

    run_apart(main())


async def dial(proxy: Proxy) -> Streams:
    """A connection through the proxy that has been answered once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    return reader, writer


def test_carries_everything_and_the_end() -> None:
    async def test(proxy: Proxy) -> None:
        reader, writer = await dial(proxy)
        data = bytes(range(256)) * 20_000
        writer.write(data)
        writer.write_eof()
        assert await reader.read(-1) == data

    run(test)


def test_resets_connections_and_takes_new_ones() -> None:
    async def test(proxy: Proxy) -> None:
        reader, _ = await dial(proxy)
        assert proxy.reset() == 1
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        await dial(proxy)

    run(test)


def test_cuts_connections_without_a_reset() -> None:
    async def test(proxy: Proxy) -> None:
        reader, _ = await dial(proxy)
        assert proxy.cut() == 1
        assert await reader.read(1) == b""

    run(test)


def test_swallows_everything_and_carries_it_later() -> None:
    async def test(proxy: Proxy) -> None:
        reader, writer = await dial(proxy)
        assert proxy.swallow() == 1
        writer.write(b"later")
        new = asyncio.create_task(dial(proxy))
        answer = asyncio.create_task(reader.readexactly(5))
        done, _ = await asyncio.wait([new, answer], timeout=0.2)
        assert not done
        proxy.carry()
        assert await answer == b"later"
        await new

    run(test)


def test_refuses_connections_until_it_is_started_again_on_its_port() -> None:
    async def test(proxy: Proxy) -> None:
        port = proxy.port
        proxy.refuse()
        assert proxy.refuses
        with pytest.raises(ConnectionRefusedError):
            await dial(proxy)
        await proxy.start()
        assert proxy.port == port
        await dial(proxy)

    run(test)


def test_closes_the_connection_where_nobody_listens_behind_it() -> None:
    async def test(_: Proxy) -> None:
        proxy = Proxy("127.0.0.1", ("127.0.0.1", 1))
        await proxy.start()
        reader, _writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        proxy.close()

    run(test)
