"""The fleet's side of its keeper process: see :mod:`demo.keeper`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_KEEPER = Path(__file__).with_name("keeper.py")


class Keeper:
    """A running keeper. What it starts, and what descends from that, ends with it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_KEEPER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_clean_environment(),
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def start(self, commands: Sequence[dict[str, Any]]) -> list[int]:
        """Start ``{"argv": […], "log": path}`` each; gives back their process ids, or [] when the keeper could not."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(commands).encode() + b"\n")
        self._process.stdin.flush()
        return [int(pid) for pid in json.loads(self._process.stdout.readline() or "[]")]

    def end(self) -> None:
        """End it and everything it started."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _clean_environment() -> dict[str, str]:
    """What the hosts' programs may know of the console's environment: nothing that could be a secret."""
    names = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ")
    return {name: os.environ[name] for name in names if name in os.environ}
