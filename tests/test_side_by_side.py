"""The parts of `make test` run at the same time; none of their failures may be lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAKE = """\
#!/bin/sh
case $1 in
meets-*) touch "{folder}/$1"; until [ -e "{folder}/meets-a" ] && [ -e "{folder}/meets-b" ]; do sleep 0.05; done;;
long) seq 1000;;
bad) seq 1000; echo "what is wrong" >&2; exit 3;;
esac
"""


@pytest.fixture
def make(tmp_path: Path) -> str:
    """What stands for make."""
    script = tmp_path / "make"
    script.write_text(MAKE.format(folder=tmp_path))
    script.chmod(0o700)
    return str(script)


def run(make: str, *targets: str) -> tuple[int, str]:
    """The exit status, and what was printed."""
    command = [sys.executable, "tools/side_by_side.py", make, *targets]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
    return done.returncode, done.stdout


def test_parts_run_at_the_same_time_and_pass_together(make: str) -> None:
    status, said = run(make, "meets-a", "meets-b")
    assert status == 0
    assert "meets-a: passed in" in said and "meets-b: passed in" in said


def test_one_that_fails_fails_all_and_is_shown_whole_and_last(make: str) -> None:
    status, said = run(make, "first", "bad", "long")
    assert status == 1
    of_long, of_bad = said.index("long:\n"), said.index("bad:\n")
    assert of_long < of_bad
    assert said[of_long:of_bad].split() == ["long:", *map(str, range(993, 1001))]
    assert "bad:\n1\n2\n" in said and "1000\nwhat is wrong\n" in said
    assert said.index("what is wrong") < said.index("bad: FAILED in")


def test_a_failure_of_the_first_counts_as_well(make: str) -> None:
    status, said = run(make, "bad", "long")
    assert status == 1
    assert "bad: FAILED in" in said
