"""One thread that ends waits which paramiko gives no deadline.

Some of paramiko's waits (the reply to an exec request, a global request) last as long as the connection is open. A
guard closes the connection when its time is up, which ends the wait.
"""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PERIOD = 0.25

_lock = threading.Lock()
_guards: dict[int, tuple[float, Callable[[], object]]] = {}
_numbers = itertools.count()
_thread: threading.Thread | None = None


@contextmanager
def guard(seconds: float, expire: Callable[[], object]) -> Iterator[None]:
    """Call ``expire`` from the watchdog's thread if the block takes longer than ``seconds``."""
    number = next(_numbers)
    with _lock:
        _guards[number] = (time.monotonic() + seconds, expire)
        _ensure_thread()
    try:
        yield
    finally:
        with _lock:
            _guards.pop(number, None)


def _ensure_thread() -> None:
    global _thread
    if _thread is None or not _thread.is_alive():
        _thread = threading.Thread(target=_watch, name="ssh-watchdog", daemon=True)
        _thread.start()


def _watch() -> None:
    pause = threading.Event()
    while True:
        pause.wait(_PERIOD)
        for expire in _take_expired():
            # Closing may block on a lock that the stuck thread holds; one stuck connection must not stop the others.
            threading.Thread(target=expire, name="ssh-expire", daemon=True).start()


def _take_expired() -> list[Callable[[], object]]:
    now = time.monotonic()
    with _lock:
        late = [number for number, (deadline, _) in _guards.items() if deadline <= now]
        return [_guards.pop(number)[1] for number in late]
