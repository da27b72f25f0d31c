"""How a HostRun ended: from what was seen to a status and a sentence. Pure; no Django here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from consoles.statuses import Status

if TYPE_CHECKING:
    from consoles.ssh.events import Exited


class Stop(Enum):
    """Why the console ended a program itself."""

    CANCELED = "canceled"
    IDLE = "idle"
    TOTAL = "total"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A final status with what goes into the HostRun beside it."""

    status: Status
    reason: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """The run's limits, for the sentences: seconds without output, seconds in all, bytes stored."""

    idle: float
    total: float
    output: int


def outcome_of_exit(name: str, exited: Exited) -> Outcome:
    """The outcome of a program that the console did not stop."""
    if exited.connection_lost:
        return Outcome(
            Status.LOST,
            f"Contact to {name} ended before the program did ({exited.connection_lost}): "
            "check on the host whether it went on.",
        )
    fields = {"exit_status": exited.status, "exit_signal": exited.signal}
    left = (
        " It left a process behind that holds the output open; what that prints is not here."
        if (exited.held_open)
        else ""
    )
    if exited.output_cut:
        left = f" The connection to {name} was lost before all output had arrived: its end is missing."
    if exited.signal:
        return Outcome(Status.FAILED, f"The program was ended by signal {exited.signal}.{left}", fields)
    if exited.status == 0:
        return Outcome(Status.SUCCEEDED, left.strip(), fields)
    return Outcome(Status.FAILED, f"The program ended with exit status {exited.status}.{left}", fields)


def outcome_of_stop(stop: Stop, limits: Limits, seen: str, exited: Exited | None, dropped: int) -> Outcome:
    """The outcome of a program that the console stopped; ``seen`` says what its ending looked like."""
    fields: dict[str, Any] = {}
    if exited and not exited.connection_lost:
        fields = {"exit_status": exited.status, "exit_signal": exited.signal}
    if stop is Stop.CANCELED:
        return Outcome(Status.CANCELED, seen, fields)
    if stop is Stop.IDLE:
        return Outcome(Status.TIMED_OUT, f"Stopped after {limits.idle:g} s without output. {seen}", fields)
    if stop is Stop.TOTAL:
        return Outcome(Status.TIMED_OUT, f"Stopped after {limits.total:g} s in all. {seen}", fields)
    return Outcome(
        Status.FAILED,
        f"Stopped at the output limit: the first {limits.output:,} bytes are stored, "
        f"{dropped:,} bytes after them are not. {seen}",
        fields,
    )
