"""HostRuns with owners that live, stand still or have died."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from consoles.models import HostRun, Run, lease_end
from consoles.statuses import Status

_HOLD = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def host_runs(owner: str, *statuses: Status, lease_until: Any = None) -> list[HostRun]:
    run = Run.objects.create(requester_name="x", title="x", program="true", program_sha256="", output_limit=1)
    return [
        HostRun.objects.create(
            run=run, index=index, server_name=f"s{index}", status=status, owner=owner, fence=1,
            lease_until=lease_until or lease_end(),
        )
        for index, status in enumerate(statuses)
    ]  # fmt: skip


def dead_owner() -> str:
    """The lock file of a process that has ended: nobody holds it."""
    folder = Path(settings.OPSCONSOLE_OWNER_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"dead-{os.urandom(4).hex()}"
    path.touch()
    return path.name


@pytest.fixture
def other_process() -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """A process that holds an owner's lock; its name is its ``args``' last."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        folder = Path(settings.OPSCONSOLE_OWNER_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"other-{os.urandom(4).hex()}"
        process = subprocess.Popen(
            [sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def name_of(process: subprocess.Popen[str]) -> str:
    assert isinstance(process.args, list)
    return Path(str(process.args[-1])).name
