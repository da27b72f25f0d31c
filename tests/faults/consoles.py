"""The console's processes: one that serves, and at times a second one on the same database."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.history import TO_END, History
from tests.faults.proxy import Proxy
from tests.support.server import ServerProcess


@dataclass
class Console:
    """A server process, and the proxy through which viewers reach it."""

    name: str
    server: ServerProcess
    door: Proxy
    lives: bool = False
    paused: bool = False
    #: The process id of one that was asked to end, and has not yet.
    ending: int | None = None

    @property
    def serves(self) -> bool:
        return self.lives and not self.paused


@dataclass
class Consoles:
    """Two places for a server. Who changes what runs there holds ``busy``."""

    history: History
    first: Console
    second: Console
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def make(cls, data: Path, environment: dict[str, str], history: History) -> Consoles:
        """Two servers on one data directory, neither of them started."""
        first, second = ServerProcess(data, environment), ServerProcess(data, environment)
        return cls(history, _behind_a_door("A", first), _behind_a_door("B", second))

    def serving(self) -> list[Console]:
        """Those that answer."""
        return [console for console in (self.first, self.second) if console.serves]

    async def start(self, console: Console) -> float:
        """Start one; gives back the seconds until it answered."""
        began = time.monotonic()
        await asyncio.to_thread(console.server.start, 60)
        console.lives, console.paused = True, False
        seconds = time.monotonic() - began
        self.history.note(f"server {console.name} started in {seconds:.1f} s as {console.server.pid}")
        return seconds

    async def kill(self, console: Console) -> None:
        """End one as a crash would."""
        console.lives = False
        await asyncio.to_thread(console.server.kill)
        self.history.note(f"server {console.name} killed")

    async def terminate(self, console: Console) -> float:
        """Ask one to end, and see to it that it does in time."""
        console.lives, console.ending = False, console.server.pid
        began = time.time()
        await asyncio.to_thread(console.server.stop, signal.SIGTERM, 30)
        console.ending = None
        return self.history.took(TO_END, began, f"server {console.name}")

    def pause(self, console: Console) -> None:
        """Stop one in its tracks."""
        console.server.pause()
        console.paused = True

    def resume(self, console: Console) -> None:
        """Let one go on that was paused."""
        console.paused = False
        console.server.resume()

    def pids(self) -> list[int]:
        """The process ids of those that live, paused, ending or not."""
        both = (self.first, self.second)
        return [console.server.pid for console in both if console.lives] + [
            console.ending for console in both if console.ending is not None
        ]

    def crashed(self) -> list[str]:
        """The names of those that ended although nobody ended them."""
        return [console.name for console in (self.first, self.second) if console.lives and not console.server.alive]

    async def close(self) -> None:
        """End both, and their doors."""
        for console in (self.first, self.second):
            console.door.close()
            if console.paused and console.lives:
                self.resume(console)
            console.lives = False
            await asyncio.to_thread(console.server.close)


def _behind_a_door(name: str, server: ServerProcess) -> Console:
    return Console(name, server, Proxy("127.0.0.1", ("127.0.0.1", server.port)))
