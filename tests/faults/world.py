"""Where it all happens: hosts, the proxies before them, Redis, the console's servers and their database."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.fleet import Fleet
from demo.keeper import descendants
from tests.faults import printer
from tests.faults.consoles import Consoles
from tests.faults.history import History
from tests.faults.proxy import Proxy
from tests.support.postgres_server import PostgresServer
from tests.support.redis import RedisServer

#: Where the console keeps what runs detached, below a host's home.
SPOOL = ".opsconsole"


@dataclass
class World:
    """The running pieces, and the cookie of somebody who may start runs."""

    directory: Path
    history: History
    fleet: Fleet
    ways: dict[str, Proxy]
    redis: RedisServer
    postgres: PostgresServer | None
    consoles: Consoles
    session: str

    @property
    def names(self) -> list[str]:
        """The hosts' names."""
        return list(self.ways)

    def witness(self, host: str, seed: int, run: int, kind: str) -> Path:
        """A file that a program wrote about itself on ``host``."""
        return self.fleet.home_of(host) / "witness" / f"{seed}-{run}.{kind}"

    def spools(self) -> list[Path]:
        """Outputs of detached programs that hosts still keep."""
        return [output for name in self.names for output in (self.fleet.home_of(name) / SPOOL).glob("*.out")]

    def programs(self) -> list[str]:
        """The command lines of what runs on the hosts, other than SSH servers."""
        found = []
        for pid in descendants(self.fleet.keeper_pid):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            text = b" ".join(words).decode(errors="replace").strip()
            if text and not text.startswith(("sshd", "/usr/sbin/sshd")) and "/sshd" not in text.split()[0]:
                found.append(f"{pid} {text[:200]}")
        return found


@asynccontextmanager
async def open_world(
    directory: Path, hosts: int, postgres: PostgresServer | None, history: History
) -> AsyncIterator[World]:
    """Everything started, with the hosts in the inventory; at the end everything ended but the database."""
    names = [f"web{number}" for number in range(hosts)]
    async with AsyncExitStack() as stack:
        redis = RedisServer(directory)
        await asyncio.to_thread(redis.start)
        stack.callback(redis.stop)
        fleet = Fleet.demo(directory / "fleet", names, "openssh", own_homes=True)
        await asyncio.to_thread(fleet.start)
        stack.callback(fleet.stop)
        ways = {}
        for host in fleet.hosts:
            ways[host.name] = Proxy(host.address, (host.address, host.port))
            await ways[host.name].start()
            stack.callback(ways[host.name].close)
        consoles = Consoles.make(directory / "data", {"REDIS_URL": redis.url}, history)
        stack.push_async_callback(consoles.close)
        for console in (consoles.first, consoles.second):
            await console.door.start()
        await consoles.start(consoles.first)
        session = await asyncio.to_thread(_fill, consoles, fleet, ways)
        yield World(directory, history, fleet, ways, redis, postgres, consoles, session)


def _fill(consoles: Consoles, fleet: Fleet, ways: dict[str, Proxy]) -> str:
    """Put the hosts into the inventory, as they are reached through their proxies, and log somebody in."""
    server = consoles.first.server
    hosts = [
        {"address": host.address, "port": ways[host.name].port, "key_type": host.key_type, "key": host.key}
        | {"fingerprint": host.fingerprint}
        for host in fleet.hosts
    ]
    key = fleet.private_key.read_text()
    server.ask("add_hosts", hosts=hosts, names=list(ways), user=fleet.user, private_key=key)
    return str(server.alice()["session"])


def program_text(shape: str, seed: int, run: int, seconds: float) -> str:
    """The text that a run sends to its hosts: the printer, called in one of several ways."""
    source = Path(printer.__file__)
    python = [sys.executable, "-I", "-S"]
    call = " ".join([*python, str(source), str(seed), str(run), f"{seconds:.2f}"])
    if shape == "line":
        return f"exec {call}"
    # A shell says "Terminated" of what it waited for; only what the printer prints is known beforehand.
    quiet = f"exec 3>&2 2>/dev/null\n{call} 2>&3 3>&-\n"
    if shape == "text":
        return f"# 'quotes', \"more\" and $dollars\numask 022\n{quiet}status=$?\nexit $status\n"
    if shape == "sh":
        return f"#!/bin/sh\nset -u\n{quiet}"
    main = f"sys.exit(main({[str(seed), str(run), f'{seconds:.2f}']!r}))\n"
    return f"#!{' '.join(python)}\n{source.read_text().rpartition('if __name__')[0]}{main}"
