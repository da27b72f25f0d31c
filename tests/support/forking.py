"""Python processes that start fast: forked from one that has the libraries loaded, which is most of their start."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parent.parent.parent
#: Signals that a process may ignore because whoever started it did.
_INHERITED = (signal.SIGINT, signal.SIGTERM)
#: Where the process that forks for all workers of this run takes requests; workers inherit it.
_ADDRESS = "TEST_FORK_SERVER"


class ForkedPython:
    """``python`` with these arguments (``-m module …`` or ``script.py …``), in the project's directory or ``cwd``.

    As ``subprocess.Popen``, as far as it goes; but the process is no child of this one.
    """

    def __init__(
        self,
        arguments: list[str],
        env: dict[str, str],
        stdin: IO[bytes],
        stdout: IO[bytes],
        stderr: IO[bytes],
        cwd: Path = ROOT,
        start_new_session: bool = False,
    ) -> None:
        self.args = arguments
        self.returncode: int | None = None
        self._news, theirs = socket.socketpair()
        # As a child would inherit it.
        ignored = [number for number in _INHERITED if signal.getsignal(number) is signal.SIG_IGN]
        request: dict[str, object] = {"arguments": arguments, "env": env, "cwd": str(cwd), "ignored": ignored}
        request["start_new_session"] = start_new_session
        descriptors = [stdin.fileno(), stdout.fileno(), stderr.fileno(), theirs.fileno()]
        socket.send_fds(_fork_server(), [json.dumps(request).encode()], descriptors)
        theirs.close()
        self.pid = self._number_told()

    def poll(self) -> int | None:
        """The exit status, or minus the signal that ended it; None while it runs."""
        if self.returncode is None and select.select([self._news], [], [], 0)[0]:
            self._take_end()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises ``subprocess.TimeoutExpired``."""
        if self.returncode is None:
            if not select.select([self._news], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self._take_end()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        # It may have ended without our having been told yet.
        with contextlib.suppress(ProcessLookupError):
            if self.poll() is None:
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def _take_end(self) -> None:
        self.returncode = os.waitstatus_to_exitcode(self._number_told())
        self._news.close()

    def _number_told(self) -> int:
        told = b""
        while not told.endswith(b"\n"):
            more = self._news.recv(1)
            if not more:
                raise RuntimeError("The process that starts others for the tests has ended: see its message above.")
            told += more
        return int(told)


def pytest_configure(config: pytest.Config) -> None:
    """Start one for all workers of this run: it loads while they collect, and four would load the same four times."""
    if getattr(config.option, "numprocesses", None) and not config.option.collectonly:
        os.environ[_ADDRESS] = _start()


@functools.cache
def _fork_server() -> socket.socket:
    """A socket that takes requests to the process which all workers share, or to one that is started now."""
    requests = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    requests.connect(os.environ.get(_ADDRESS) or _start())
    return requests


def _start() -> str:
    """Start one that ends with this process; gives back its address."""
    folder = tempfile.mkdtemp(prefix="opsconsole-fork-")
    address = f"{folder}/requests"
    ours, theirs = socket.socketpair()
    with theirs, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as requests:
        requests.bind(address)
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.support.fork_server"]
        # Unbuffered, as this cannot be chosen later.
        process = subprocess.Popen(
            [*command, str(requests.fileno()), str(theirs.fileno())],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[requests.fileno(), theirs.fileno()],
        )

    def end() -> None:
        ours.close()
        process.wait(10)
        shutil.rmtree(folder)

    atexit.register(end)
    return address
