"""Does the harm that a plan asks for, one fault per call, and undoes what would last."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import time
from collections.abc import Awaitable, Callable

import psycopg
from django.db import connection

from tests.faults.consoles import Console
from tests.faults.history import Injected
from tests.faults.plan import Fault, Kind
from tests.faults.world import World
from tests.support.locks import DatabaseLock

#: Seconds that a server is left in peace after its start, and two beside each other after one of them was paused.
TOGETHER = 4.0


class Injectors:
    """Injects faults into a world. Those on the same host, and those on the servers, wait for one another."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._hosts = {name: asyncio.Lock() for name in world.names}
        self._redis = asyncio.Lock()
        self._database = asyncio.Lock()
        self._ways: dict[Kind, Callable[[Fault], Awaitable[int]]] = {
            Kind.SOCKET_CUT: self._cut_sockets,
            Kind.SERVER_KILL: self._kill_server,
            Kind.SERVER_TERM: self._terminate_server,
            Kind.SERVER_PAUSE: self._pause_server,
            Kind.CONNECTION_RESET: self._reset_connections,
            Kind.CONNECTION_CLOSED: self._close_connections,
            Kind.SESSION_KILL: self._kill_sessions,
            Kind.SSHD_RESTART: self._restart_sshd,
            Kind.UNREACHABLE: self._make_unreachable,
            Kind.SLOW: self._slow_down,
            Kind.DATABASE_LOCK: self._lock_database,
            Kind.DATABASE_RESTART: self._restart_database,
            Kind.REDIS_RESTART: self._restart_redis,
            Kind.REDIS_FLUSH: self._flush_redis,
        }

    async def inject(self, fault: Fault) -> None:
        """Do it, and write down when and what it hit."""
        if self._is_too_much(fault):
            self._world.history.counts["faults left out, as a server was just being started"] += 1
            return
        async with self._turn_of(fault):
            self._world.history.note(f"fault: {fault.kind} {fault.host} {fault.seconds:.1f} s")
            begin = time.time()
            hit = await self._ways[fault.kind](fault)
            self._world.history.happened(Injected(fault.kind, fault.host, begin, time.time(), hit))

    def _is_too_much(self, fault: Fault) -> bool:
        """Whether a server is being started: killed again and again before it serves, it would only fall behind."""
        on_servers = fault.kind in (Kind.SERVER_KILL, Kind.SERVER_TERM)
        return on_servers and self._world.consoles.busy.locked() and self._world.history.counts[fault.kind] > 0

    def _turn_of(self, fault: Fault) -> asyncio.Lock:
        if fault.host:
            return self._hosts[fault.host]
        if fault.kind in (Kind.REDIS_RESTART, Kind.REDIS_FLUSH):
            return self._redis
        if fault.kind in (Kind.DATABASE_LOCK, Kind.DATABASE_RESTART):
            return self._database
        # The servers have a lock of their own, and sockets may be cut at any time.
        return asyncio.Lock()

    # Viewers

    async def _cut_sockets(self, fault: Fault) -> int:
        doors = [console.door for console in self._world.consoles.serving()]
        return sum(door.reset() if fault.variant % 2 else door.cut() for door in doors)

    # Servers

    async def _kill_server(self, fault: Fault) -> int:
        async with self._world.consoles.busy:
            console = self._victim(fault)
            await self._world.consoles.kill(console)
            await self._bring_back(console, fault)
        return 1

    async def _terminate_server(self, fault: Fault) -> int:
        async with self._world.consoles.busy:
            console = self._victim(fault)
            await self._world.consoles.terminate(console)
            await self._bring_back(console, fault)
        return 1

    def _victim(self, fault: Fault) -> Console:
        serving = self._world.consoles.serving()
        return serving[fault.variant % len(serving)]

    async def _bring_back(self, console: Console, fault: Fault) -> None:
        await asyncio.sleep(fault.seconds)
        await self._world.consoles.start(console)
        # It holds its turn a moment longer: what it took over is to be under way before it is harmed again.
        await asyncio.sleep(TOGETHER)

    async def _pause_server(self, fault: Fault) -> int:
        """Stop a server, let a second one take over, wake the first, and end one of the two."""
        consoles = self._world.consoles
        async with consoles.busy:
            paused = self._victim(fault)
            other = consoles.second if paused is consoles.first else consoles.first
            consoles.pause(paused)
            end = time.monotonic() + fault.seconds
            await consoles.start(other)
        # Not in our turn: meanwhile the second server is killed and restarted like any other.
        await asyncio.sleep(end - time.monotonic())
        async with consoles.busy:
            consoles.resume(paused)
            await asyncio.sleep(TOGETHER)
            leaving = paused if fault.variant % 2 else other
            await (consoles.kill(leaving) if fault.variant < 2 else consoles.terminate(leaving))
        return 1

    # Hosts

    async def _reset_connections(self, fault: Fault) -> int:
        return self._world.ways[fault.host].reset()

    async def _close_connections(self, fault: Fault) -> int:
        return self._world.ways[fault.host].cut()

    async def _kill_sessions(self, fault: Fault) -> int:
        fleet = self._world.fleet
        sessions = len(await asyncio.to_thread(fleet.server_processes, fault.host)) - 1
        await asyncio.to_thread(fleet.cut, fault.host)
        return sessions

    async def _restart_sshd(self, fault: Fault) -> int:
        """With its connections, as in a crash, or without, as in an upgrade."""
        fleet = self._world.fleet
        processes = len(await asyncio.to_thread(fleet.server_processes, fault.host))
        await asyncio.to_thread(fleet.kill_listener if fault.variant % 2 else fleet.kill, fault.host)
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(fleet.revive, fault.host, 60)
        return 1 if fault.variant % 2 else processes

    async def _make_unreachable(self, fault: Fault) -> int:
        """Nothing gets through; new connections are refused or get no answer; afterwards the old ones may be gone."""
        way = self._world.ways[fault.host]
        hit = way.swallow()
        if fault.variant % 2:
            way.refuse()
        await asyncio.sleep(fault.seconds)
        if fault.variant >= 2:
            way.reset()
        way.carry()
        if way.refuses:
            await way.start()
        return hit

    async def _slow_down(self, fault: Fault) -> int:
        way = self._world.ways[fault.host]
        hit = way.slow_down(0.05 * (1 + fault.variant))
        await asyncio.sleep(fault.seconds)
        way.slow_down(0)
        return hit

    # What the console relies on

    async def _lock_database(self, fault: Fault) -> int:
        return await asyncio.to_thread(_hold_lock, fault.seconds)

    async def _restart_database(self, fault: Fault) -> int:
        """As in a power cut, or as in an upgrade."""
        assert self._world.postgres is not None
        await asyncio.to_thread(self._world.postgres.stop, "immediate" if fault.variant % 2 else "fast")
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(self._world.postgres.start)
        return 1

    async def _restart_redis(self, fault: Fault) -> int:
        await asyncio.to_thread(self._world.redis.stop)
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(self._world.redis.start)
        return 1

    async def _flush_redis(self, fault: Fault) -> int:
        return int(await asyncio.to_thread(_flush, self._world.redis.port))


def _hold_lock(seconds: float) -> int:
    """Keep everybody from writing for a while; 0 where the lock was not to be had."""
    try:
        lock = DatabaseLock(connection.settings_dict)
    except (sqlite3.OperationalError, psycopg.OperationalError):
        return 0
    time.sleep(seconds)
    lock.release()
    return 1


def _flush(port: int) -> bool:
    """Empty Redis; False where it was away."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"FLUSHALL\r\n")
            return connection.recv(16).startswith(b"+OK")
    except OSError:
        return False
