"""A short pass of the fault suite: ``make test-faults`` does the same for longer, each time with another seed."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from tests.support.forking import ForkedPython


@pytest.mark.faults
def test_runs_come_through_every_kind_of_fault_whole_and_once() -> None:
    arguments = ["-m", "tests.faults", "--seed", "1", "--seconds", "100", "--hosts", "5"]
    with Path(os.devnull).open("rb") as nothing, TemporaryFile() as said:
        suite = ForkedPython(arguments, dict(os.environ), nothing, said, said)
        try:
            status = suite.wait(400)
        finally:
            suite.kill()
        said.seek(0)
        print(said.read().decode())
    assert status == 0, "the fault suite found something, see above"
