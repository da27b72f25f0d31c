"""Try servers over SSH from the inventory: does the login work, and which host keys do they show?

The work is done by a few threads, and its results are recorded on the servers as they come. Whoever asked waits
:data:`PATIENCE` seconds at most; what takes longer goes on and shows up in the list.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import close_old_connections, connection

from consoles import ssh, targets
from servers.models import HostKey, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

#: Threads of one request, and of all requests together.
THREADS = 16
_slots = threading.BoundedSemaphore(48)
#: Seconds a request waits; well under the 60 s after which proxies give up.
PATIENCE = 20.0
#: Seconds to reach a server and get its key.
REACH = 10.0


@dataclass(frozen=True, slots=True)
class Checked:
    """How it went with one server, in one sentence. ``to_review`` is the number of keys to decide about."""

    server: Server
    ok: bool
    sentence: str
    to_review: int = 0
    changed: bool = False


@dataclass(slots=True)
class Summary:
    """What is known when the waiting ends; ``unfinished`` servers are still being tried."""

    checked: list[Checked] = field(default_factory=list)
    unfinished: int = 0

    @property
    def failed(self) -> list[Checked]:
        """The servers that did not do what was asked, by name."""
        return sorted((one for one in self.checked if not one.ok), key=lambda one: one.server.name)

    @property
    def passed(self) -> int:
        """How many did."""
        return sum(one.ok for one in self.checked)


def test_connections(servers: Sequence[Server]) -> Summary:
    """Log in to each server and record the result on it."""
    return _with_threads(_test_connection, servers)


def fetch_host_keys(servers: Sequence[Server]) -> Summary:
    """Ask each server for its host keys and record them, trusting none."""
    return _with_threads(_fetch_host_keys, servers)


def _test_connection(server: Server) -> Checked:
    try:
        sentence, ok, changed = targets.check_server(server), True, False
    except ssh.ConnectError as error:
        sentence, ok, changed = str(error), False, isinstance(error, ssh.HostKeyMismatch)
    server.record_test(ok, sentence)
    return Checked(server, ok, sentence, changed=changed)


def _fetch_host_keys(server: Server) -> Checked:
    try:
        offered = ssh.offered_keys(server.host, server.port, REACH)
    except ssh.ConnectError as error:
        return Checked(server, False, str(error))
    keys = [server.record_offered_key(key.key_type, key.key_base64, key.fingerprint) for key in offered]
    pending = [key for key in keys if key.state == HostKey.State.PENDING]
    sentence = f"Showed {len(keys)} host keys, {len(pending)} of them to review."
    return Checked(server, True, sentence, len(pending), any(key.conflict for key in pending))


def _with_threads(check: Callable[[Server], Checked], servers: Sequence[Server]) -> Summary:
    waiting: queue.SimpleQueue[Server] = queue.SimpleQueue()
    results: queue.SimpleQueue[Checked] = queue.SimpleQueue()
    for server in servers:
        waiting.put(server)
    for _ in range(min(THREADS, len(servers))):
        # Daemons: a server that stays silent must not keep the console from stopping.
        threading.Thread(target=_work, args=(check, waiting, results), name="inventory-check", daemon=True).start()
    return _collect(results, len(servers))


def _collect(results: queue.SimpleQueue[Checked], expected: int) -> Summary:
    summary = Summary(unfinished=expected)
    deadline = time.monotonic() + PATIENCE
    while summary.unfinished:
        try:
            summary.checked.append(results.get(timeout=max(deadline - time.monotonic(), 0.001)))
        except queue.Empty:
            break
        summary.unfinished -= 1
    return summary


def _work(
    check: Callable[[Server], Checked], waiting: queue.SimpleQueue[Server], results: queue.SimpleQueue[Checked]
) -> None:
    with _slots:
        close_old_connections()
        try:
            while True:
                server = waiting.get_nowait()
                results.put(_never_raising(check, server))
        except queue.Empty:
            return
        finally:
            connection.close()


def _never_raising(check: Callable[[Server], Checked], server: Server) -> Checked:
    try:
        return check(server)
    except Exception:
        log.exception("Checking a server failed")
        return Checked(server, False, "The console failed to check it: see the console's log.")
