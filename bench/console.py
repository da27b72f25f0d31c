"""Ours: a real Daphne with a database of its own, and a socket client in another process that takes everything."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.lab import Lab, Work
from tests.support.server import ROOT, ServerProcess

_PY_SPY = Path(__file__).parent / ".venv" / "bin" / "py-spy"


class Failed(Exception):
    """A tool did not do the work; the message says what it said."""


class Console:
    """A running console whose inventory holds the lab's hosts."""

    def __init__(self, server: ServerProcess, names: list[str], session: str, profile: Path | None) -> None:
        self._server = server
        self._names = names
        self._session = session
        self._profile = profile

    @property
    def pid(self) -> int:
        return self._server.pid

    def restart(self) -> None:
        """A fresh process, as after an upgrade: nothing is connected and nothing is cached."""
        self._server.stop()
        self._server.start()

    def run(self, work: Work, clocks: bool = False, patience: float = 120) -> dict[str, Any]:
        """Run ``work`` as a user would; gives back what the client measured. Raises :class:`Failed`."""
        order = {
            "url": f"{self._server.socket_url}/ws/runs/new/",
            "origin": self._server.origin,
            "session": self._session,
            "servers": self._names[: work.hosts],
            "command": work.command,
            "fanout": work.fanout,
            "clocks": clocks,
            "patience": patience,
        }
        with self._profiled():
            done = subprocess.run(
                [sys.executable, "-m", "bench.client"],
                cwd=ROOT, input=json.dumps(order), stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        answer = json.loads(done.stdout or '{"error": "the client ended without a word"}')
        if "error" in answer:
            raise Failed(f"{answer['error']}. The server's log ends with: {self._server.log()[-2000:]}")
        return dict(answer)

    def peak_memory(self) -> float:
        """The most the server's process has had in memory since :meth:`forget_peak`, in MB."""
        return _status_kilobytes(self.pid, "VmHWM") / 1024

    def memory(self) -> float:
        """What the server's process has in memory now, in MB."""
        return _status_kilobytes(self.pid, "VmRSS") / 1024

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    @contextmanager
    def _profiled(self) -> Iterator[None]:
        if self._profile is None:
            yield
            return
        target = self._profile.with_name(f"{self._profile.stem}-{time.strftime('%H%M%S')}.txt")
        command = [str(_PY_SPY), "record", "-p", str(self.pid), "-o", str(target), "-f", "raw", "-r", "200", "--threads"]
        spy = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert spy.stdout is not None
        spy.stdout.readline()
        try:
            yield
        finally:
            spy.send_signal(2)
            spy.communicate()


@contextmanager
def open_console(lab: Lab, profile: Path | None = None) -> Iterator[Console]:
    """A console of its own for one job, which knows the lab's hosts and has somebody logged in."""
    with lab.folder() as data:
        server = ServerProcess(data)
        done = server.manage("migrate", "--verbosity", "0")
        if done.returncode:
            raise Failed(f"The database could not be made: {done.stderr}")
        with contextlib.closing(server.start()):
            person = server.alice()
            names = server.add_fleet(lab.fleet)
            yield Console(server, names, person["session"], profile)


def _status_kilobytes(pid: int, name: str) -> int:
    match = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(match[1]) if match else 0
