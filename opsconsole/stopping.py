"""Ending the process when its server has stopped, whatever threads still wait.

A socket's thread that was sending when the event loop stopped waits for that loop for ever, and Python joins such
threads before it runs exit handlers. And Daphne stops its loop only after every request has ended, though one may wait
for a database that somebody holds locked. So a thread of ours learns that the server was asked to end, gives the loop
a moment, ends what runs properly and then the process. What takes too long is left undone: the next process finds that
this one is gone, and goes on from what is stored, as after a crash.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

Application = Callable[[Any, Any, Any], Awaitable[None]]

#: Seconds between looks at the loop, and for the process to end by itself after everything of ours has ended.
_LOOK_EVERY = 0.1
_GRACE = 0.5
#: Seconds from the signal for everything of ours to end: who stops a service expects ten in all.
_PATIENCE = 8.0
#: Seconds of these that the loop may keep for requests that have not ended.
_LOOP_PATIENCE = 2.0


class EndsWithItsLoop:
    """An ASGI application that calls ``stop`` and ends its process once the server is asked to, or the loop ends.

    It watches from the first request on; a server that nobody ever asked for anything ends by itself.
    """

    def __init__(self, application: Application, stop: Callable[[], None]) -> None:
        self._application = application
        self._stop = stop
        self._watched: asyncio.AbstractEventLoop | None = None
        self._asked, self._due, self._stopped = threading.Event(), threading.Event(), threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._watched is None:
            self._watched = asyncio.get_running_loop()
            _tell_of_end(self._asked)
            # Both are started now: once Python is about to exit, some of its versions start no thread any more.
            threading.Thread(target=self._watch, args=(self._watched,), name="loop-watch", daemon=True).start()
            threading.Thread(target=self._stop_when_due, name="stopping", daemon=True).start()
        await self._application(scope, receive, send)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        while loop.is_running() and not self._asked.wait(_LOOK_EVERY):
            pass
        began = time.monotonic()
        while loop.is_running() and time.monotonic() < began + _LOOP_PATIENCE:
            time.sleep(_LOOK_EVERY)
        self._due.set()
        self._stopped.wait(began + _PATIENCE - time.monotonic())
        time.sleep(_GRACE)
        os._exit(0)

    def _stop_when_due(self) -> None:
        self._due.wait()
        try:
            self._stop()
        finally:
            self._stopped.set()


def _tell_of_end(asked: threading.Event) -> None:
    """Have ``asked`` set when Daphne's reactor begins to shut down; where there is none, the loop's end has to do."""
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is not None:
        reactor.addSystemEventTrigger("before", "shutdown", asked.set)
