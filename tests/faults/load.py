"""Asks for the runs of a plan at their times, watches them, and cancels some."""

from __future__ import annotations

import asyncio
import time

from tests.faults.plan import Plan, RunPlan
from tests.faults.viewer import Request, Viewer
from tests.faults.world import World


class Load:
    """The runs of a plan. What has not come to its end when time is up stays unfinished."""

    def __init__(self, world: World, plan: Plan) -> None:
        self._world = world
        self._plan = plan
        self._began = time.monotonic()
        self.requests: list[Request] = []

    async def run(self) -> None:
        """Start everything and wait for its end."""
        async with asyncio.TaskGroup() as group:
            for run in self._plan.runs:
                await self._until(run.at)
                group.create_task(self._drive(run))

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(self._began + at - time.monotonic(), 0))

    async def _drive(self, run: RunPlan) -> None:
        request = Request(run)
        self.requests.append(request)
        self._world.history.note(f"run {run.number}: {run.shape}, {run.seconds:.1f} s on {', '.join(run.hosts)}")
        viewer = Viewer(self._world, self._plan.seed, request, "viewer")
        async with asyncio.TaskGroup() as group:
            group.create_task(viewer.watch())
            for cancel in run.cancels:
                group.create_task(self._cancel_later(viewer, request, cancel.after, cancel.index))
            if run.second_viewer is not None:
                group.create_task(self._watch_later(request, run.second_viewer))

    async def _cancel_later(self, viewer: Viewer, request: Request, after: float, index: int | None) -> None:
        await request.number
        await asyncio.sleep(after)
        await viewer.cancel(index)

    async def _watch_later(self, request: Request, after: float) -> None:
        await request.number
        await asyncio.sleep(after)
        await Viewer(self._world, self._plan.seed, request, "second viewer").watch()
