"""``python -m tests.faults``: harm a console at work for a while, and say what became of its runs."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.faults.history import History
from tests.faults.plan import FAULT_EVERY, PAUSE, Kind, make_plan

#: Seconds at the end of the time that was given in which nothing is harmed any more.
_REST = 30.0


def main() -> int:
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seed = arguments.seed if arguments.seed is not None else random.randrange(10**6)
    seconds = arguments.faults * FAULT_EVERY if arguments.faults else max(arguments.seconds - _REST, 5)
    directory = Path(tempfile.mkdtemp(prefix=f"opsconsole-faults-{seed}-"))
    kinds = [Kind[name.strip().upper()] for name in arguments.only.split(",") if name.strip()] or list(Kind)
    if arguments.calm:
        kinds = []
    names = [f"web{number}" for number in range(arguments.hosts)]
    plan = make_plan(seed, seconds, names, kinds)
    pause = " (too short for SIGSTOP)" if Kind.SERVER_PAUSE in kinds and seconds <= PAUSE else ""
    print(f"seed {seed}: {len(plan.runs)} runs, {len(plan.faults)} faults in {seconds:.0f} s{pause}", flush=True)
    _set_up_django(directory)
    # Both need Django.
    from tests.faults.report import summary
    from tests.faults.suite import Options, run_suite

    history = History(directory / "faults.log")
    options = Options(directory, arguments.hosts, {}, frozenset(filter(None, arguments.forgive.split(","))))
    outcome = asyncio.run(run_suite(plan, options, history))
    keep = arguments.keep or not outcome.passed
    print(summary(plan, history, outcome, directory), flush=True)
    if not outcome.passed:
        print(f"Again: make test-faults SEED={seed} SECONDS={seconds + _REST:.0f}")
    if keep:
        print(f"Kept: {directory}")
    else:
        shutil.rmtree(directory, ignore_errors=True)
    return int(not outcome.passed)


def _set_up_django(directory: Path) -> None:
    """The console's own settings on a fresh data directory, so that we read the database that its servers write."""
    for name in [name for name in os.environ if name.startswith("OPSCONSOLE_")]:
        del os.environ[name]
    os.environ |= {"OPSCONSOLE_DATA": str(directory / "data"), "DJANGO_SETTINGS_MODULE": "opsconsole.settings"}
    import django
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    connection.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, help="decides everything that is left to chance (made up and printed)")
    parser.add_argument("--seconds", type=float, default=120, help="how long it takes about, in all (120)")
    parser.add_argument("--faults", type=int, default=0, help="about so many faults instead")
    parser.add_argument("--hosts", type=int, default=8, help="SSH hosts (8)")
    parser.add_argument("--only", default="", help="kinds of faults by commas, such as server_kill,connection_reset")
    parser.add_argument("--calm", action="store_true", help="no faults at all")
    parser.add_argument("--forgive", default="", help="final statuses that are no violation, such as lost")
    parser.add_argument("--keep", action="store_true", help="keep logs and database also when all is well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
