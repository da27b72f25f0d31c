"""``python -m bench [JOB]``: measure one job or all, print a table, end with one line of JSON."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import platform
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from bench.account import choose_account
from bench.install import install
from bench.jobs import JOBS, Job, Options
from bench.lab import Failed
from bench.report import as_json, as_table
from demo.fleet import FleetError

_RESULTS = Path(__file__).parent / "results"


def main() -> int:
    arguments = _parser().parse_args()
    # So that ending it ends the hosts, too, and removes what it made.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _RESULTS.mkdir(exist_ok=True)
    with (_RESULTS / "lock").open("w") as lock:
        _wait_for(lock)
        return _measure_all(arguments)


def _measure_all(arguments: argparse.Namespace) -> int:
    install()
    options = Options(arguments.rounds, tuple(filter(None, arguments.only.split(","))), arguments.profile)
    print(_header(), end="\n\n", flush=True)
    found = [_measure(job, options) for job in JOBS.values() if arguments.job in (None, job.name)]
    print(json.dumps(found[0] if arguments.job else {"jobs": found}))
    return int(any("error" in answer for answer in found))


def _wait_for(lock: IO[str]) -> None:
    """Two measurements at once would measure each other."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another measurement is running: this one waits for its end.", file=sys.stderr)
        fcntl.flock(lock, fcntl.LOCK_EX)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the console beside other tools.")
    parser.add_argument("job", nargs="?", choices=list(JOBS), help="one job; without it all of them")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in which all take turns (3)")
    parser.add_argument("--only", default="", help="tools to measure, separated by commas, such as opsconsole,paramiko")
    parser.add_argument("--profile", type=Path, help="profile our server with py-spy into files named like this one")
    return parser


def _measure(job: Job, options: Options) -> dict[str, Any]:
    print(f"{job.name} …", file=sys.stderr, flush=True)
    try:
        result = job.measure(options)
        print(f"{job.name}: {as_table(job.title, job.target, result)}\n", flush=True)
        answer = as_json(job.name, result)
    except (Failed, FleetError) as error:
        print(f"{job.name}: not measured. {error}\n", flush=True)
        answer = {"job": job.name, "seconds": {}, "ratios": {}, "error": str(error)}
    (_RESULTS / f"{job.name}.json").write_text(json.dumps(answer) + "\n")
    return answer


def _header() -> str:
    openssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True).stderr.split(",")[0]
    account = choose_account()
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, {openssh}, loopback, login shell {account.shell} ({account.user})"
    )


if __name__ == "__main__":
    sys.exit(main())
