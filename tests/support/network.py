"""The network between this process and a host: the fault suite's proxy, run by a thread, for tests that harm it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest

from servers.models import Server
from tests.faults.proxy import Proxy


class Network:
    """One host's network. Every act has happened when its method returns."""

    def __init__(self, loop: asyncio.AbstractEventLoop, server: Server) -> None:
        self._loop = loop
        self._proxy = Proxy("127.0.0.1", (server.host, server.port))
        self.come_back()
        Server.objects.filter(pk=server.pk).update(host="127.0.0.1", port=self._proxy.port)

    def go_away(self) -> None:
        """Break what is open with a reset, and refuse everything from now on."""
        self._do(self._proxy.refuse)
        self._do(self._proxy.reset)

    def come_back(self) -> None:
        """Take connections again, on the same port."""
        asyncio.run_coroutine_threadsafe(self._proxy.start(), self._loop).result(10)

    def swallow(self) -> None:
        """Carry nothing, and say nothing about it."""
        self._do(self._proxy.swallow)

    def carry(self) -> None:
        """Go on with what was held up."""
        self._do(self._proxy.carry)

    def reset(self) -> None:
        """Break what is open with a reset."""
        self._do(self._proxy.reset)

    def close(self) -> None:
        self._do(self._proxy.close)

    def _do(self, act: Callable[[], object]) -> None:
        async def run() -> None:
            act()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)


@pytest.fixture
def network_of(db: None) -> Iterator[Callable[[Server], Network]]:
    """Put a network that can be harmed before a server: ``network_of(server)``."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="network", daemon=True)
    thread.start()
    made: list[Network] = []

    def make(server: Server) -> Network:
        made.append(Network(loop, server))
        return made[-1]

    yield make
    for network in made:
        network.close()
    asyncio.run_coroutine_threadsafe(_settle(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


async def _settle() -> None:
    """Let what was closed come to its end."""
    others: list[Awaitable[object]] = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 10)
