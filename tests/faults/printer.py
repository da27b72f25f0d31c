"""What a program of the fault suite prints: a pure function of (seed, run, host). Run as a script, it prints that.

On the host it keeps a witness outside of everything the console knows: ``$HOME/witness/<seed>-<run>.starts`` gets a
line for every start, and ``….progress`` says before and after each write how far it is, so that what was printed is
known even of a program that was killed. Only the standard library, because it is also sent to hosts as a script.
"""

from __future__ import annotations

import os
import random
import signal
import struct
import sys
import time
from functools import lru_cache
from pathlib import Path

#: Bytes printed after the current write, bytes that surely have been printed, and 1 + exit status at the end.
PROGRESS = struct.Struct("!QQQ")


# No dataclasses: loading these takes a host as long as all the rest.
class Step:
    """A write to a stream (1 or 2), and the seconds of rest after it."""

    def __init__(self, stream: int, data: bytes, rest: float) -> None:
        self.stream = stream
        self.data = data
        self.rest = rest


class Script:
    """All that a program does. ``stubborn`` ones ignore TERM; those with a ``family`` have a child that waits."""

    def __init__(self, steps: tuple[Step, ...], exit_status: int, stubborn: bool, family: bool) -> None:
        self.steps = steps
        self.exit_status = exit_status
        self.stubborn = stubborn
        self.family = family

    def printed(self, stream: int | None = None) -> bytes:
        """All bytes, or those of one stream."""
        return b"".join(step.data for step in self.steps if stream in (None, step.stream))


def script(seed: int, run: int, host: str, seconds: float) -> Script:
    """What the program of ``run`` does on ``host``, in about ``seconds``."""
    chance = random.Random(f"{seed}/{run}/{host}")
    kinds = [_lines, _words, _progress, _binary, _drip, _nothing]
    parts = [chance.choice(kinds)(chance, f"{run}/{host}") for _ in range(chance.randint(1, 4))]
    if chance.random() < 0.12:
        parts.insert(chance.randrange(len(parts) + 1), _burst(chance, f"{run}/{host}"))
    steps = _spread([step for part in parts for step in part], seconds)
    status = 0 if chance.random() < 0.5 else chance.randint(1, 255)
    return Script(tuple(steps), status, chance.random() < 0.1, chance.random() < 0.2)


@lru_cache(maxsize=24)
def printed(seed: int, run: int, host: str, stream: int | None = None) -> bytes:
    """All that the program prints. How long it takes makes no difference to that."""
    return script(seed, run, host, 0).printed(stream)


def _spread(steps: list[Step], seconds: float) -> list[Step]:
    """Let all rests together take ``seconds``."""
    weight = sum(step.rest for step in steps) or 1
    return [Step(step.stream, step.data, step.rest * seconds / weight) for step in steps]


def _stream(chance: random.Random) -> int:
    return 2 if chance.random() < 0.2 else 1


def _lines(chance: random.Random, name: str) -> list[Step]:
    return [
        Step(
            _stream(chance), b"".join(_line(name, number, chance) for _ in range(chance.randint(1, 5))), chance.random()
        )
        for number in range(chance.randint(1, 60))
    ]


def _line(name: str, number: int, chance: random.Random) -> bytes:
    return f"{name} {number:06d} {'#' * chance.randint(0, 90)}\n".encode()


def _words(chance: random.Random, name: str) -> list[Step]:
    """Text without an end of line."""
    return [
        Step(_stream(chance), f"{name}:{number} ".encode(), chance.random()) for number in range(chance.randint(1, 40))
    ]


def _progress(chance: random.Random, name: str) -> list[Step]:
    """A line that is written over itself, with colours."""
    steps = [
        Step(1, f"\r\x1b[32m{name} {done:3d} %\x1b[0m".encode(), 0.3) for done in range(0, 101, chance.randint(2, 20))
    ]
    return [*steps, Step(1, b"\r\n", 0.1)]


def _binary(chance: random.Random, name: str) -> list[Step]:
    return [
        Step(_stream(chance), b"\x00\xff" + chance.randbytes(chance.randint(0, 20_000)), chance.random())
        for _ in range(chance.randint(1, 12))
    ]


def _drip(chance: random.Random, name: str) -> list[Step]:
    return [Step(_stream(chance), bytes([number % 256]), 1.0) for number in range(chance.randint(5, 80))]


def _nothing(chance: random.Random, name: str) -> list[Step]:
    return [Step(1, b"", 5.0)]


def _burst(chance: random.Random, name: str) -> list[Step]:
    """Several megabytes at once."""
    noise = chance.randbytes(997)
    blocks = (f"{name} burst {number:06d} ".encode() + noise + b"\n" for number in range(chance.randint(1000, 6000)))
    return [Step(_stream(chance), b"".join(blocks), 0.5)]


class Witness:
    """The files in which the program says what it does, whatever becomes of the console."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(exist_ok=True)
        with (folder / f"{name}.starts").open("a") as starts:
            starts.write(f"{os.getpid()}\n")
        self._file = os.open(folder / f"{name}.progress", os.O_RDWR | os.O_CREAT, 0o600)
        self._done = 0

    def write(self, stream: int, data: bytes) -> None:
        """Print ``data``, and say so before and after."""
        self._say(self._done + len(data))
        view = memoryview(data)
        while view:
            view = view[os.write(stream, view) :]
        self._done += len(data)
        self._say(self._done)

    def end(self, status: int) -> None:
        """Say that the program ends by itself."""
        self._say(self._done, 1 + status)

    def _say(self, intended: int, ended: int = 0) -> None:
        os.pwrite(self._file, PROGRESS.pack(intended, self._done, ended), 0)


def _child() -> int:
    """A process of the same group that only waits."""
    pid = os.fork()
    if not pid:
        for stream in (0, 1, 2):
            os.close(stream)
        while True:
            signal.pause()
    return pid


def main(arguments: list[str]) -> int:
    """``SEED RUN SECONDS``: be the program of that run on this host, which is known by the name of its home."""
    seed, run, seconds = int(arguments[0]), int(arguments[1]), float(arguments[2])
    home = Path(os.environ["HOME"])
    witness = Witness(home / "witness", f"{seed}-{run}")
    todo = script(seed, run, home.name, seconds)
    if todo.stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = _child() if todo.family else 0
    try:
        for step in todo.steps:
            witness.write(step.stream, step.data)
            time.sleep(step.rest)
        witness.end(todo.exit_status)
    except OSError:
        return 141  # attached, and nobody reads any more
    finally:
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return todo.exit_status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
