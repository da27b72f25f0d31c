"""Frames to sockets whose client has just said goodbye.

Between the client's farewell and Daphne's word of it, Daphne's ``send`` raises. That would end the consumer before it
has read what the client said last, such as a cancel.
"""

from __future__ import annotations

import contextlib
from typing import Any

from autobahn.exception import Disconnected


class DropsLateFrames:
    """ASGI middleware: what is sent on a socket that is closing is dropped, and its application hears of the end."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        async def send_to_whom_is_there(message: dict[str, Any]) -> None:
            # OSError is what other servers raise, as ASGI wants it.
            with contextlib.suppress(Disconnected, OSError):
                await send(message)

        await self._application(scope, receive, send_to_whom_is_there if scope["type"] == "websocket" else send)
