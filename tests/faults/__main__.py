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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.history import History
from tests.faults.plan import FAULT_EVERY, ON_SQLITE, PAUSE, Kind, Plan, make_plan

if TYPE_CHECKING:
    from tests.faults.report import Outcome
    from tests.support.postgres_server import PostgresServer

#: Seconds at the end of the time that was given in which nothing is harmed any more.
_REST = 30.0


def main() -> int:
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = _plan(arguments)
    pause = " (too short for SIGSTOP)" if plan.seconds <= PAUSE else ""
    print(
        f"seed {plan.seed}: {len(plan.runs)} runs, {len(plan.faults)} faults in {plan.seconds:.0f} s{pause}", flush=True
    )
    directory = Path(tempfile.mkdtemp(prefix=f"opsconsole-faults-{plan.seed}-"))
    history = History(directory / "faults.log")
    with _database(arguments.database) as postgres:
        _set_up_django(directory, postgres)
        outcome = _run(plan, directory, postgres, arguments, history)
    if not outcome.passed:
        print(f"Again: python -m tests.faults {_again(plan.seed, arguments)}")
    if arguments.keep or not outcome.passed:
        print(f"Kept: {directory}")
    else:
        shutil.rmtree(directory, ignore_errors=True)
    return int(not outcome.passed)


def _again(seed: int, arguments: argparse.Namespace) -> str:
    """The options with which the same plan comes out."""
    chosen = {name: value for name, value in vars(arguments).items() if value and name not in ("seed", "keep", "calm")}
    words = [f"--seed {seed}", *(f"--{name} {value}" for name, value in chosen.items())]
    return " ".join([*words, "--calm"] if arguments.calm else words)


def _plan(arguments: argparse.Namespace) -> Plan:
    seed = arguments.seed if arguments.seed is not None else random.randrange(10**6)
    seconds = arguments.faults * FAULT_EVERY if arguments.faults else max(arguments.seconds - _REST, 5)
    everything = tuple(Kind) if arguments.database == "postgresql" else ON_SQLITE
    named = tuple(Kind[name.strip().upper()] for name in arguments.only.split(",") if name.strip())
    kinds = () if arguments.calm else named or everything
    return make_plan(seed, seconds, [f"web{number}" for number in range(arguments.hosts)], kinds)


def _run(
    plan: Plan, directory: Path, postgres: PostgresServer | None, arguments: argparse.Namespace, history: History
) -> Outcome:
    # Both need Django, set up for this pass.
    from tests.faults.report import summary
    from tests.faults.suite import Options, run_suite

    forgiven = frozenset(filter(None, arguments.forgive.split(",")))
    options = Options(directory, arguments.hosts, postgres, forgiven)
    outcome = asyncio.run(run_suite(plan, options, history))
    print(summary(plan, history, outcome, directory), flush=True)
    return outcome


@contextmanager
def _database(kind: str) -> Iterator[PostgresServer | None]:
    """A PostgreSQL server of our own where one is wanted."""
    if kind == "sqlite":
        yield None
        return
    from tests.support.postgres_server import PostgresServer

    # Its sockets' names must be short.
    folder = Path(tempfile.mkdtemp(prefix="opsconsole-postgresql-"))
    server = PostgresServer(folder)
    server.create()
    server.start()
    try:
        server.execute("CREATE DATABASE console")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".log").unlink(missing_ok=True)


def _set_up_django(directory: Path, postgres: PostgresServer | None) -> None:
    """The console's own settings on a fresh data directory, so that we read the database that its servers write."""
    for name in [
        name for name in os.environ if name.startswith("OPSCONSOLE_") or name in ("REDIS_URL", "DATABASE_URL")
    ]:
        del os.environ[name]
    os.environ |= {"OPSCONSOLE_DATA": str(directory / "data"), "DJANGO_SETTINGS_MODULE": "opsconsole.settings"}
    if postgres is not None:
        # The servers inherit it.
        os.environ["DATABASE_URL"] = postgres.url("console")
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
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite", help="what it is kept in")
    parser.add_argument("--only", default="", help="kinds of faults by commas, such as server_kill,connection_reset")
    parser.add_argument("--calm", action="store_true", help="no faults at all")
    parser.add_argument("--forgive", default="", help="final statuses that are no violation, such as lost")
    parser.add_argument("--keep", action="store_true", help="keep logs and database also when all is well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
