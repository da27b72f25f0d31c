"""A download goes at the pace of whoever downloads, and costs the server no memory."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from daphne.http_protocol import WebRequest

from opsconsole.pacing import KeepsPace

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Connection(WebRequest):
    """A request of Daphne's as far as pacing sees it."""

    def __init__(self) -> None:
        self.pace: Any = None
        self.channel: Any = "open"
        self.sent: list[dict[str, Any]] = []
        self.full_after = 2

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802 - Twisted's name
        assert streaming and self.pace is None
        self.pace = producer

    def unregisterProducer(self) -> None:  # noqa: N802
        self.pace = None


async def reply(connection: Connection, message: dict[str, Any]) -> None:
    connection.sent.append(message)
    if len(connection.sent) == connection.full_after:
        connection.pace.pauseProducing()


async def download(scope: Any, receive: Any, send: Any) -> None:
    for piece in (b"a", b"b", b"c", b""):
        await send({"type": "http.response.body", "body": piece, "more_body": bool(piece)})


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: where browser tests ran before, this one has a running loop."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, coroutine).result(10)


async def settle() -> None:
    """Let every task go on as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def start(connection: Connection) -> asyncio.Task[None]:
    return asyncio.ensure_future(KeepsPace(download)({"type": "http"}, None, partial(reply, connection)))


def test_waits_while_the_client_does_not_read_and_goes_on_when_it_does() -> None:
    async def scenario() -> None:
        connection = Connection()
        task = start(connection)
        await settle()
        assert len(connection.sent) == 2 and not task.done()
        connection.pace.resumeProducing()
        await task
        assert len(connection.sent) == 4
        assert connection.pace is None

    run(scenario())


def test_a_client_that_goes_away_holds_nothing_up() -> None:
    async def scenario() -> None:
        connection = Connection()
        task = start(connection)
        await settle()
        connection.channel = None
        connection.pace.stopProducing()
        await task

        gone = Connection()
        gone.channel = None
        gone.full_after = 0
        await start(gone)

    run(scenario())


def test_a_canceled_download_lets_go_of_the_connection() -> None:
    async def scenario() -> None:
        connection = Connection()
        task = start(connection)
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert connection.pace is None

    run(scenario())


def test_pages_in_one_piece_and_other_servers_are_left_alone() -> None:
    async def scenario() -> None:
        connection = Connection()

        async def page(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.body", "body": b"page"})

        await KeepsPace(page)({"type": "http"}, None, partial(reply, connection))
        assert connection.sent and connection.pace is None

        sent: list[Any] = []

        async def other_server(message: Any) -> None:
            sent.append(message)

        await KeepsPace(download)({"type": "http"}, None, other_server)
        assert len(sent) == 4

    run(scenario())
