"""Telling watchers that there is more to read. A ring carries no output, and losing one is harmless.

Two kinds of watcher: threads of this process (:func:`watch`), and sockets anywhere, through the channel layer. The
only module that asks for a channel layer.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from channels.layers import InMemoryChannelLayer, get_channel_layer
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

log = logging.getLogger(__name__)

#: What asyncio's streams say when two read from one: channels_redis's receiver and a socket that subscribes may, both
#: on a connection that is just made anew.
_READ_BY_TWO = "called while another coroutine is already waiting"

_lock = threading.Lock()
_watchers: defaultdict[int, set[threading.Event]] = defaultdict(set)
_loop: asyncio.AbstractEventLoop | None = None


def group_of(run_id: int) -> str:
    """The channel layer's group for a run's watchers."""
    return f"run.{run_id}"


def is_away(error: Exception) -> bool:
    """Whether the channel layer has failed towards a socket because Redis is away, or has only just come back."""
    return isinstance(error, RedisError) or (isinstance(error, RuntimeError) and _READ_BY_TWO in str(error))


def attach(loop: asyncio.AbstractEventLoop) -> None:
    """Send from now on through ``loop``, the server's. A socket calls this when it opens.

    The in-memory layer is not thread-safe: a ring from another loop does not wake its readers.
    """
    global _loop
    _loop = loop


def ring(run_id: int, hosts: Iterable[int] = (), **facts: Any) -> None:
    """Say that something changed in a run, from any thread; ``hosts`` are the host indexes it concerns.

    Never raises and never waits: the log is the truth, and a viewer also looks by itself.
    """
    with _lock:
        for event in _watchers.get(run_id, ()):
            event.set()
    layer = get_channel_layer()
    loop = _sending_loop(layer)
    if layer is None or loop is None:
        return
    message = {"type": "run.changed", "run": run_id, "hosts": list(hosts), **facts}
    try:
        sent = asyncio.run_coroutine_threadsafe(layer.group_send(group_of(run_id), message), loop)
    except RuntimeError:
        return  # The server is stopping; its loop takes nothing any more.
    sent.add_done_callback(_note_failure)


@contextmanager
def watch(run_id: int) -> Iterator[threading.Event]:
    """An event that is set on every ring of the run in this process. Clear it before looking."""
    event = threading.Event()
    with _lock:
        _watchers[run_id].add(event)
    try:
        yield event
    finally:
        with _lock:
            _watchers[run_id].discard(event)
            if not _watchers[run_id]:
                del _watchers[run_id]


def _note_failure(sent: Future[None]) -> None:
    if not sent.cancelled() and (error := sent.exception()):
        # Redis is away: viewers notice by themselves within two seconds.
        log.info("A doorbell could not be sent: %s", error)


def _sending_loop(layer: Any) -> asyncio.AbstractEventLoop | None:
    """The loop to send from. Without a server in this process, only a layer that reaches others is worth one."""
    global _loop
    if _loop is not None and not _loop.is_closed():
        return _loop
    if layer is None or isinstance(layer, InMemoryChannelLayer):
        return None
    with _lock:
        if _loop is None or _loop.is_closed():
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_serve, args=(_loop,), name="doorbell", daemon=True).start()
        return _loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    # In this thread: the Redis layer says good-bye on closing, which needs a loop that runs nowhere else.
    loop.close()
