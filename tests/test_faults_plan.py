"""What the fault suite does is decided by its seed, and a program prints the same here and there."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.faults import printer
from tests.faults.history import History
from tests.faults.plan import ON_HOSTS, ON_SQLITE, PAUSE, Kind, make_plan

HOSTS = ["web0", "web1", "web2"]


def test_the_same_seed_makes_the_same_plan() -> None:
    assert make_plan(7, 100, HOSTS) == make_plan(7, 100, HOSTS)
    assert make_plan(7, 100, HOSTS) != make_plan(8, 100, HOSTS)


def test_runs_are_the_same_whatever_faults_are_wanted() -> None:
    assert make_plan(7, 100, HOSTS, [Kind.SLOW]).runs == make_plan(7, 100, HOSTS, []).runs


@pytest.mark.parametrize("seed", range(5))
def test_every_kind_of_fault_comes_up_in_a_short_plan(seed: int) -> None:
    plan = make_plan(seed, 90, HOSTS)
    counts = Counter(fault.kind for fault in plan.faults)
    assert set(counts) == set(ON_SQLITE)
    assert counts[Kind.SERVER_PAUSE] == 1
    assert all((fault.host in HOSTS) == (fault.kind in ON_HOSTS) for fault in plan.faults)


def test_a_long_plan_has_more_than_500_faults() -> None:
    faults = make_plan(1, 870, HOSTS).faults
    assert len(faults) > 500
    assert sum(fault.kind is Kind.SERVER_PAUSE for fault in faults) >= 5


def test_a_server_is_not_paused_where_there_is_no_time_for_it() -> None:
    assert not [fault for fault in make_plan(1, PAUSE - 1, HOSTS).faults if fault.kind is Kind.SERVER_PAUSE]


def test_nothing_is_planned_beyond_the_end() -> None:
    plan = make_plan(3, 60, HOSTS)
    assert all(run.at < 60 and run.at + run.seconds < 65 for run in plan.runs)
    assert all(fault.at < 60 for fault in plan.faults)


def run_printer(home: Path, seed: int, run: int, merged: bool) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-I", "-S", printer.__file__, str(seed), str(run), "0.01"]
    stderr = subprocess.STDOUT if merged else subprocess.PIPE
    return subprocess.run(command, env={"HOME": str(home)}, stdout=subprocess.PIPE, stderr=stderr, timeout=30)


@pytest.mark.parametrize("run", range(6))
def test_a_program_prints_on_its_host_what_is_expected_here(tmp_path: Path, run: int) -> None:
    home = tmp_path / "web1"
    home.mkdir()
    done = run_printer(home, 5, run, merged=run % 2 == 0)
    script = printer.script(5, run, "web1", 0.01)
    assert done.stdout == (script.printed() if run % 2 == 0 else script.printed(1))
    assert done.stderr == (None if run % 2 == 0 else script.printed(2))
    assert done.returncode == script.exit_status


def test_a_program_leaves_a_witness_of_each_start_and_of_its_end(tmp_path: Path) -> None:
    home = tmp_path / "web1"
    home.mkdir()
    run_printer(home, 5, 1, merged=True)
    run_printer(home, 5, 1, merged=True)
    assert len((home / "witness" / "5-1.starts").read_text().splitlines()) == 2
    script = printer.script(5, 1, "web1", 0)
    size = len(script.printed())
    said = printer.PROGRESS.unpack((home / "witness" / "5-1.progress").read_bytes())
    assert said == (size, size, 1 + script.exit_status)


def test_programs_print_all_kinds_of_bytes() -> None:
    scripts = [printer.script(1, run, "web1", 1) for run in range(200)]
    printed = [script.printed() for script in scripts]
    assert any(b"\x00" in data and b"\xff" in data for data in printed)
    assert any(b"\r" in data for data in printed)
    assert any(data and not data.endswith(b"\n") for data in printed)
    assert any(len(data) > 2_000_000 for data in printed)
    assert len({script.exit_status for script in scripts}) > 50


def test_the_history_complains_of_a_size_that_shrinks() -> None:
    history = History()
    row = {"status": "running", "exit_status": None, "exit_signal": "", "size": 10, "contact_lost": None}
    history.saw((1, "web1"), "viewer", row)
    history.saw((1, "web1"), "viewer", row | {"size": 9})
    assert history.complaints == ["run 1 on web1: viewer saw 9 bytes after 10"]
