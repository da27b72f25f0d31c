"""Open connections that no program uses at the moment, for the next one on the same host.

Reaching a host and logging in costs many times what a short program does. What ControlPersist of OpenSSH does for one
person at a terminal, this does for the console's process.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consoles.ssh.connection import Connection
    from consoles.ssh.target import Target

Identity = tuple[object, ...]


class KeptConnections:
    """Keeps up to ``most`` connections for ``seconds`` each; with 0 seconds, none. Any thread may call."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._changed = threading.Condition()
        # Oldest first, so that the first one is always the next to expire.
        self._kept: deque[tuple[float, Connection]] = deque()
        self._thread: threading.Thread | None = None

    def take(self, target: Target) -> Connection | None:
        """An open connection to exactly this target: same address, login and trusted keys. None where there is none."""
        while (connection := self._newest(target.identity)) is not None:
            if connection.is_active:
                connection.reuse_for(target)
                return connection
            connection.close()
        return None

    def give(self, connection: Connection) -> None:
        """Keep a connection whose program has ended; closed instead where it cannot be kept."""
        with self._changed:
            if self._seconds > 0 and connection.is_active:
                self._kept.append((time.monotonic() + self._seconds, connection))
                surplus = [self._kept.popleft()[1]] if len(self._kept) > self._most else []
                self._ensure_thread()
            else:
                surplus = [connection]
        _close(surplus)

    def close(self) -> None:
        """Close all of them, and keep none from now on."""
        with self._changed:
            self._seconds = 0
            left = [connection for _, connection in self._kept]
            self._kept.clear()
            self._changed.notify_all()
        _close(left)

    def _newest(self, wanted: Identity) -> Connection | None:
        with self._changed:
            found = next((entry for entry in reversed(self._kept) if entry[1].target.identity == wanted), None)
            if found is not None:
                self._kept.remove(found)
        return found[1] if found else None

    def __len__(self) -> int:
        return len(self._kept)

    def _ensure_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._expire, name="ssh-kept", daemon=True)
            self._thread.start()

    def _expire(self) -> None:
        """Close what has waited long enough; the thread ends with the last of them."""
        while True:
            with self._changed:
                if not self._kept:
                    self._thread = None
                    return
                self._changed.wait(max(self._kept[0][0] - time.monotonic(), 0))
                now = time.monotonic()
                late = []
                while self._kept and self._kept[0][0] <= now:
                    late.append(self._kept.popleft()[1])
            _close(late)


def _close(connections: list[Connection]) -> None:
    for connection in connections:
        connection.close()
