"""How long a program usually takes on one server, told by earlier runs of it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from django.db.models import Exists, F, OuterRef

from consoles import access
from consoles.models import HostRun
from consoles.statuses import ACTIVE, Status

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User
    from django.db.models import QuerySet

    from consoles.models import Run, RunQuerySet

#: Earlier runs that are asked.
MOST_RUNS: Final = 12
#: Their servers that are asked; of more, a part spread evenly over all.
MOST_HOST_RUNS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """The median duration on one server in milliseconds, and how many runs told it."""

    median_ms: int
    runs: int


def estimate_for(run: Run, user: User | AnonymousUser) -> Estimate | None:
    """What earlier runs of the same program tell, of those that ``user`` may see; None where there are none.

    The same program is the same script, in whatever version, or where there is none the same text. Only servers that
    succeeded count: a failure says how long it takes to fail.
    """
    runs = _earlier(run, user)
    if not runs:
        return None
    spans = _sample(HostRun.objects.filter(run__in=runs, status=Status.SUCCEEDED, started__isnull=False))
    told = [
        (finished - started).total_seconds()
        for started, finished in spans.values_list("started", "finished")
        if started and finished
    ]
    return Estimate(round(median(told) * 1000), len(runs)) if told else None


def _earlier(run: Run, user: User | AnonymousUser) -> list[int]:
    """The newest earlier runs of the same program that are over and succeeded somewhere."""
    host_runs = HostRun.objects.filter(run=OuterRef("pk"))
    over = ~Exists(host_runs.filter(status__in=ACTIVE))
    told = Exists(host_runs.filter(status=Status.SUCCEEDED, started__isnull=False))
    known = _same_program(access.runs_for(user), run).filter(over, told, pk__lt=run.pk)
    return list(known.order_by("-pk").values_list("pk", flat=True)[:MOST_RUNS])


def _same_program(runs: RunQuerySet, run: Run) -> RunQuerySet:
    if run.script_version is not None:
        return runs.filter(script_version__script=run.script_version.script_id)
    return runs.filter(script_version=None, program_sha256=run.program_sha256)


def _sample(host_runs: QuerySet[HostRun]) -> QuerySet[HostRun]:
    """Every n-th: thousands of rows would make the page wait for a figure that they hardly change."""
    step = host_runs.count() // MOST_HOST_RUNS + 1
    return host_runs.annotate(rest=F("pk") % step).filter(rest=0) if step > 1 else host_runs
