"""Keeps the fleet's server processes: a small process between them and whoever started the fleet.

It reads lines of JSON from standard input, ``[{"argv": [...], "log": path}, ...]``, starts these commands and prints
their process ids as a JSON list. When standard input ends, however its parent came to end, it kills everything that
descends from it: the servers, their connections and the programs run over them.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
#: Where /proc/PID/stat has the number of threads, counted from the state.
_THREADS = 17
_LINUX = sys.platform.startswith("linux")


def descendants(root: int) -> list[int]:
    """The process ids of all that descend from ``root``, nearest first."""
    children: dict[int, list[int]] = {}
    for pid, parent in _processes():
        children.setdefault(parent, []).append(pid)
    found, level = [], [root]
    while level:
        level = [child for pid in level for child in children.get(pid, [])]
        found += level
    return found


def _processes() -> list[tuple[int, int]]:
    """(process id, parent's process id) of every process of which anything still runs."""
    if not _LINUX:
        lines = subprocess.run(["ps", "-axo", "pid=,ppid=,stat="], capture_output=True, text=True).stdout.splitlines()
        fields = [line.split() for line in lines]
        return [(int(pid), int(parent)) for pid, parent, state in fields if not state.startswith("Z")]
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                # The name in brackets may hold anything, so count from the last bracket.
                facts = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                # Where the first thread has ended before the others, these hold the process's ports and files.
                if facts[0] != "Z" or int(facts[_THREADS]) > 1:
                    found.append((int(entry), int(facts[1])))
    return found


def _prctl(option: int, value: int) -> None:
    if _LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _start(command: dict[str, Any]) -> int:
    with Path(command["log"]).open("ab") as log:
        return subprocess.Popen(
            command["argv"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            # The last resort, should this process be killed outright. It has one thread, so a preexec_fn is safe.
            preexec_fn=lambda: _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
        ).pid


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _kill_all() -> None:
    """Kill descendants until none is left; what is orphaned meanwhile comes to us, being the subreaper."""
    while pids := descendants(os.getpid()):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        _reap()
    _reap()


def main() -> None:
    # Ctrl-C reaches the whole terminal; the parent decides when to stop, and says so by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    wake_read, wake_write = os.pipe()
    for end in (wake_read, wake_write):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        stdin, said = sys.stdin.fileno(), b""
        while True:
            ready, _, _ = select.select([stdin, wake_read], [], [])
            if stdin in ready:
                data = os.read(stdin, 65536)
                if not data:
                    return
                *lines, said = (said + data).split(b"\n")
                for line in lines:
                    print(json.dumps([_start(command) for command in json.loads(line)]), flush=True)
            if wake_read in ready:
                os.read(wake_read, 4096)
                _reap()
    finally:
        _kill_all()


if __name__ == "__main__":
    main()
