"""One pass of the suite: build the world, run the plan in it, wait for everything to end, check."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from pathlib import Path

from consoles.statuses import Status
from tests.faults.checker import violations_of
from tests.faults.database import records
from tests.faults.history import History
from tests.faults.injectors import Injectors
from tests.faults.load import Load
from tests.faults.observer import Observer
from tests.faults.plan import DATABASE_AWAY, Fault, Plan
from tests.faults.report import Outcome
from tests.faults.world import World, open_world
from tests.support.postgres_server import PostgresServer

#: Seconds after the last fault in which every HostRun must have ended.
SETTLE = 90.0
#: Seconds after that in which nothing of them may be left on the hosts.
TIDY = 20.0


@dataclass(frozen=True)
class Options:
    """How to run a plan; HostRuns that end in a ``forgiven`` status are no violation."""

    directory: Path
    hosts: int
    postgres: PostgresServer | None = None
    forgiven: frozenset[str] = frozenset()


async def run_suite(plan: Plan, options: Options, history: History) -> Outcome:
    """Do it all; the outcome says what is wrong."""
    async with open_world(options.directory, options.hosts, options.postgres, history) as world:
        watching = asyncio.create_task(Observer(world, plan).observe())
        await _run_plan(world, plan)
        outcome = Outcome()
        await _tidy(world, outcome)
        watching.cancel()
        await asyncio.wait([watching])
        if not watching.cancelled() and (error := watching.exception()):
            raise error
        for console in world.consoles.serving():
            await world.consoles.terminate(console)
        await asyncio.to_thread(_check, world, plan, options.forgiven, outcome)
    outcome.violations = history.complaints + history.what_took_too_long(DATABASE_AWAY) + outcome.violations
    outcome.errors.update(_logged_errors(options.directory / "data" / "server.log"))
    return outcome


async def _run_plan(world: World, plan: Plan) -> None:
    began = time.monotonic()
    injectors, load = Injectors(world), asyncio.create_task(Load(world, plan).run())

    async def inject(fault: Fault) -> None:
        await asyncio.sleep(max(began + fault.at - time.monotonic(), 0))
        await injectors.inject(fault)

    async with asyncio.TaskGroup() as group:
        for fault in plan.faults:
            group.create_task(inject(fault))
    world.history.note("the last fault is over")
    await asyncio.wait([load], timeout=max(began + plan.seconds - time.monotonic(), 0) + SETTLE)
    if not load.done():
        world.history.complain(f"not everything had ended {SETTLE:.0f} s after the last fault")
        load.cancel()
        await asyncio.wait([load])
    elif error := load.exception():
        raise error


async def _tidy(world: World, outcome: Outcome) -> None:
    """Wait until nothing of the runs is left on the hosts."""
    deadline = time.monotonic() + TIDY
    while time.monotonic() < deadline:
        if not await asyncio.to_thread(world.programs):
            break
        await asyncio.sleep(0.5)
    outcome.spools_left = len(world.spools())
    if outcome.spools_left:
        await _clean(world, outcome)
    outcome.violations += [f"left running: {program}" for program in await asyncio.to_thread(world.programs)]


async def _clean(world: World, outcome: Outcome) -> None:
    """A console that was killed at the very end of a program leaves its spool: an operator can have it removed."""
    server = world.consoles.serving()[0].server
    done = await asyncio.to_thread(server.manage, "spools", "--on", ",".join(world.names), "--clean")
    world.history.note(f"manage.py spools ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    outcome.violations += [f"not removed by manage.py spools --clean: {spool}" for spool in world.spools()]


def _logged_errors(log: Path) -> list[str]:
    """What the servers called an error, without what differs each time."""
    found = re.findall(r"^\S+ \S+ (?:ERROR|CRITICAL) (.*)", log.read_text(errors="replace"), re.MULTILINE)
    return [re.sub(r"\d+", "N", text)[:90] for text in found]


def _check(world: World, plan: Plan, forgiven: frozenset[str], outcome: Outcome) -> None:
    for record in records(world, plan):
        outcome.statuses[record.status] += 1
        outcome.modes[record.mode] += 1
        outcome.bytes += record.size
        outcome.starts += record.witnessed.starts
        outcome.violations += violations_of(record, forgiven)
    if Status.LOST in forgiven:
        outcome.violations = [said for said in outcome.violations if not said.startswith("left running")]
