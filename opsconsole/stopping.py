"""Ending the process when its server has stopped, whatever threads still wait.

A socket's thread that was sending when the event loop stopped waits for that loop for ever, and Python joins such
threads before it runs exit handlers. So a thread of ours watches the loop and, once it has stopped, ends what runs
properly and then the process. What takes too long (a database that somebody holds locked) is left undone:
the next process finds that this one is gone, and goes on from what is stored, as after a crash.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

Application = Callable[[Any, Any, Any], Awaitable[None]]

#: Seconds between looks at the loop, and for the process to end by itself after everything of ours has ended.
_LOOK_EVERY = 0.1
_GRACE = 0.5
#: Seconds for everything of ours to end: who stops a service expects ten in all.
_PATIENCE = 8.5


class EndsWithItsLoop:
    """An ASGI application that calls ``stop`` and ends the process after the event loop it runs in has stopped."""

    def __init__(self, application: Application, stop: Callable[[], None]) -> None:
        self._application = application
        self._stop = stop
        self._watched: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._watched is None:
            self._watched = asyncio.get_running_loop()
            threading.Thread(target=self._watch, args=(self._watched,), name="loop-watch", daemon=True).start()
        await self._application(scope, receive, send)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        while loop.is_running():
            time.sleep(_LOOK_EVERY)
        stopping = threading.Thread(target=self._stop, name="stopping", daemon=True)
        stopping.start()
        stopping.join(_PATIENCE)
        time.sleep(_GRACE)
        os._exit(0)
