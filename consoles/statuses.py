"""The statuses of a HostRun, and which may follow which. No Django here.

``failed`` means the program said so: a non-zero exit status, a signal, or a limit that ended it. ``unreachable``
means the program never started. ``lost`` means the outcome is unknown. ``skipped`` means it was never tried.
A final status never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Status(StrEnum):
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELED = "canceled"
    UNREACHABLE = "unreachable"
    LOST = "lost"
    SKIPPED = "skipped"

    @property
    def label(self) -> str:
        """The status in words."""
        return self.value.replace("_", " ")


S = Status
ACTIVE = frozenset({S.QUEUED, S.STARTING, S.RUNNING})
FINAL = frozenset(Status) - ACTIVE
UNSUCCESSFUL = FINAL - {S.SUCCEEDED}

FOLLOWS: dict[Status, frozenset[Status]] = {
    S.QUEUED: frozenset({S.STARTING, S.CANCELED, S.SKIPPED, S.UNREACHABLE}),
    S.STARTING: frozenset({S.RUNNING, S.UNREACHABLE, S.CANCELED, S.TIMED_OUT, S.LOST}),
    S.RUNNING: frozenset({S.SUCCEEDED, S.FAILED, S.TIMED_OUT, S.CANCELED, S.LOST}),
    **{status: frozenset() for status in FINAL},
}

#: Worst first: what a whole run is called when its hosts ended differently.
SEVERITY = (S.LOST, S.FAILED, S.TIMED_OUT, S.UNREACHABLE, S.CANCELED, S.SKIPPED, S.SUCCEEDED)


def sources_of(status: Status) -> frozenset[Status]:
    """The statuses from which ``status`` may be reached."""
    return frozenset(before for before, after in FOLLOWS.items() if status in after)


def status_of_run(counts: Mapping[str, int] | Iterable[str]) -> Status:
    """The status of a whole run, derived from how many of its HostRuns have which status.

    Queued while nothing has begun, running while anything is left to do, else the worst final status.
    """
    present = (
        {Status(status) for status in counts}
        if not isinstance(counts, Mapping)
        else {Status(status) for status, count in counts.items() if count}
    )
    if present and present <= {S.QUEUED}:
        return S.QUEUED
    if present & ACTIVE:
        return S.RUNNING
    return next((status for status in SEVERITY if status in present), S.SUCCEEDED)
