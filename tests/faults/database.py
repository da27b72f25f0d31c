"""Reads what the console stored, beside its own processes. Django must be set up before this is imported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.utils import timezone

from consoles.models import HostRun, OutputChunk
from tests.faults import printer
from tests.faults.checker import Chunk, Record, Witnessed
from tests.faults.history import History, Seen
from tests.faults.plan import Plan, RunPlan
from tests.faults.world import World

_COLUMNS = (
    "run__key",
    "server_name",
    "status",
    "exit_status",
    "exit_signal",
    "reason",
    "size",
    "owner",
    "fence",
    "contact_lost",
)
#: Seconds before and after an attempt to reach a host in which a fault may be what kept it.
_MARGIN = 3.0


def host_run_rows() -> list[dict[str, Any]]:
    """Every HostRun as it is now, with its run's key as text."""
    try:
        rows = HostRun.objects.values(*_COLUMNS)
        return [{**row, "run__key": str(row["run__key"])} for row in rows]
    finally:
        connection.close()


def records(world: World, plan: Plan) -> Iterator[Record]:
    """All that is known of each HostRun of the plan; a run that is not there is complained of."""
    for run in plan.runs:
        rows = {row.server_name: row for row in HostRun.objects.filter(run__key=run.key)}
        for name in run.hosts:
            if name in rows:
                yield _record(world, plan, run, rows[name])
            else:
                world.history.complain(f"run {run.number} on {name} is not in the database")


def _record(world: World, plan: Plan, run: RunPlan, row: HostRun) -> Record:
    where, history = (run.number, row.server_name), world.history
    chunks = OutputChunk.objects.filter(host_run=row).order_by("offset").values_list("offset", "stream", "data")
    return Record(
        name=f"run {run.number} on {row.server_name}",
        script=printer.script(plan.seed, run.number, row.server_name, run.seconds),
        witnessed=_witnessed(world, plan.seed, run.number, row.server_name),
        status=row.status,
        exit_status=row.exit_status,
        exit_signal=row.exit_signal,
        reason=row.reason,
        mode=row.mode,
        size=row.size,
        dropped=row.dropped,
        chunks=[Chunk(offset, stream, bytes(data)) for offset, stream, data in chunks],
        seen=[seen for _, seen in history.seen[where]] or [_as_seen(row)],
        canceled=where in history.canceled,
        harmed=_harmed(history, row),
        watched=history.watched[where],
    )


def _as_seen(row: HostRun) -> Seen:
    return Seen("database", row.status, row.exit_status, row.exit_signal)


def _harmed(history: History, row: HostRun) -> bool:
    begin, end = row.started or row.run.created, row.finished or timezone.now()
    return history.harmed(row.server_name, begin.timestamp() - _MARGIN, end.timestamp() + _MARGIN)


def _witnessed(world: World, seed: int, run: int, host: str) -> Witnessed:
    starts = world.witness(host, seed, run, "starts")
    progress = world.witness(host, seed, run, "progress")
    if not starts.exists():
        return Witnessed()
    data = progress.read_bytes() if progress.exists() else b""
    intended, done, ended = printer.PROGRESS.unpack(data) if data else (0, 0, 0)
    return Witnessed(len(starts.read_text().splitlines()), intended, done, ended - 1 if ended else None)
