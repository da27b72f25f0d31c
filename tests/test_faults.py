"""A short pass of the fault suite: ``make test-faults`` does the same for longer, each time with another seed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.faults
def test_runs_come_through_every_kind_of_fault_whole_and_once() -> None:
    command = [sys.executable, "-m", "tests.faults", "--seed", "1", "--seconds", "100", "--hosts", "5"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=400)
    print(done.stdout)
    assert done.returncode == 0, "the fault suite found something, see above"
