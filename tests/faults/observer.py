"""Looks into the database all the time: which statuses there were, and how long HostRuns had no living owner."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from django.db import Error as DatabaseError

from consoles.statuses import ACTIVE
from tests.faults.database import host_run_rows
from tests.faults.history import TAKEN_OVER, Where
from tests.faults.plan import Plan
from tests.faults.world import World

#: Seconds between looks.
LOOK_EVERY = 0.5


def _rows() -> list[dict[str, Any]]:
    """What there is to see; nothing while the database is away."""
    try:
        return host_run_rows()
    except DatabaseError:
        return []


class Observer:
    """Remembers what each look shows."""

    def __init__(self, world: World, plan: Plan) -> None:
        self._world = world
        self._numbers = {run.key: run.number for run in plan.runs}
        self._orphans: dict[Where, float] = {}

    async def observe(self) -> None:
        """Look until canceled."""
        while True:
            for row in await asyncio.to_thread(_rows):
                if row["run__key"] in self._numbers:
                    self._take((self._numbers[row["run__key"]], row["server_name"]), row)
            for name in self._world.consoles.crashed():
                self._world.history.complain(f"server {name} ended although nobody ended it")
                return
            await asyncio.sleep(LOOK_EVERY)

    def _take(self, where: Where, row: dict[str, Any]) -> None:
        self._world.history.saw(where, "database", row)
        owned = row["status"] not in ACTIVE or self._lives(row["owner"])
        if owned and (since := self._orphans.pop(where, None)) is not None:
            self._world.history.took(TAKEN_OVER, since, f"run {where[0]} on {where[1]}")
        elif not owned and self._world.consoles.serving():
            self._orphans.setdefault(where, time.time())
        elif not owned:
            self._orphans.pop(where, None)  # counted from when somebody is there to take it

    def _lives(self, owner: str) -> bool:
        """Whether the owner is one of our servers; it begins with its process id."""
        return owner.partition("-")[0] in {str(pid) for pid in self._world.consoles.pids()}
