"""Runs whose hosts printed the same, or not quite, made directly in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from consoles.models import HostRun, OutputChunk, Run
from consoles.statuses import FINAL, Status
from tests.support.runs import add_run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.auth.models import User


def add_alike_run(requester: User, kinds: Iterable[tuple[int, str, str]], program: str = "update") -> Run:
    """Servers web001, web002, …: so many of each kind, with its status and what it printed; ``{name}`` is its name."""
    wanted = [(status, text) for count, status, text in kinds for _ in range(count)]
    names = [f"web{number:03}" for number in range(1, len(wanted) + 1)]
    run = add_run(requester, {name: Status(status) for name, (status, _) in zip(names, wanted, strict=True)}, program)
    now = timezone.now()
    chunks = []
    rows = list(run.host_runs.order_by("index"))
    for row, (status, text) in zip(rows, wanted, strict=True):
        data = text.replace("{name}", row.server_name).encode()
        row.size, row.lines, row.started = len(data), data.count(b"\n"), now
        row.exit_status = {"succeeded": 0, "failed": 100}.get(status)
        row.last_line = text.rstrip("\n").rpartition("\n")[2][:200] if status in FINAL else ""
        if data:
            chunks.append(OutputChunk(host_run=row, offset=0, time=now, lines=row.lines, data=data))
    HostRun.objects.bulk_update(rows, ["size", "lines", "started", "exit_status", "last_line"], batch_size=200)
    OutputChunk.objects.bulk_create(chunks)
    return run
