"""Downloads at the pace of whoever downloads.

Daphne takes every piece of a response at once and keeps in memory what the client has not taken yet: a slow download of
1 GB would cost 1 GB. Twisted below it does say when its buffer is full, only nobody listens.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from daphne.http_protocol import WebRequest

Message = dict[str, Any]


class Pace:
    """A push producer, as Twisted calls what it can ask to pause; it asks while the connection's buffer is full."""

    def __init__(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def wait(self) -> None:
        """Return when the connection takes more, or is gone."""
        await self._flowing.wait()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        self._flowing.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._flowing.set()

    def stopProducing(self) -> None:  # noqa: N802
        self._flowing.set()


class KeepsPace:
    """ASGI middleware that holds up an application which sends faster than the client reads.

    Servers other than Daphne hold it up themselves and are left alone.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        request = _daphne_request(send) if scope["type"] == "http" else None
        if request is None:
            return await self._application(scope, receive, send)
        paced = _PacedSend(request, send)
        try:
            await self._application(scope, receive, paced)
        finally:
            paced.stop()
        return None


class _PacedSend:
    """``send`` that returns when the client has room again. Only a response in several pieces is paced."""

    def __init__(self, request: Any, send: Any) -> None:
        self._request, self._send = request, send
        self._pace: Pace | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] != "http.response.body" or not message.get("more_body"):
            # Before the last piece: a request that ends with a producer is an error to Twisted.
            self.stop()
            return await self._send(message)
        self._start()
        await self._send(message)
        if self._pace is not None:
            await self._pace.wait()
        return None

    def _start(self) -> None:
        if self._pace is None and self._request.channel is not None:
            self._pace = Pace()
            self._request.registerProducer(self._pace, True)

    def stop(self) -> None:
        """Let go of the connection, which has no channel any more once the client has gone."""
        if self._pace is not None and self._request.channel is not None:
            self._request.unregisterProducer()
        self._pace = None


def _daphne_request(send: Any) -> Any:
    """The connection behind Daphne's ``send``; None when this is another server or Daphne has changed."""
    arguments = send.args if isinstance(send, partial) else ()
    return arguments[0] if arguments and isinstance(arguments[0], WebRequest) else None
