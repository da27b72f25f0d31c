"""Python processes that start fast: forked from one that has the libraries loaded, which is most of their start."""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parent.parent.parent
#: Signals that a process may ignore because whoever started it did.
_INHERITED = (signal.SIGINT, signal.SIGTERM)


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
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, 9)

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


@functools.cache
def _fork_server() -> socket.socket:
    """The socket on which it takes requests; one for this process, started when it is first asked for."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.support.fork_server"]
    # Unbuffered, as this cannot be chosen later.
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*command, str(theirs.fileno())],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait(10)

    atexit.register(end)
    return ours
