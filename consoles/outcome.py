"""How a HostRun ended: from what was seen to a status and a sentence. Pure; no Django here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from signal import Signals
from typing import TYPE_CHECKING, Any

from consoles.ssh.events import HostLimit, Vanished
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
    """A final status with what goes into the HostRun beside it.

    ``unclear``: processes of it may be left on the host, which keeps what it has of it for somebody to look at.
    """

    status: Status
    reason: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    unclear: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """The run's limits, for the sentences: seconds without output, seconds in all, bytes stored."""

    idle: float
    total: float
    output: int


def outcome_of_exit(name: str, exited: Exited, survivors: str = "") -> Outcome:
    """The outcome of a program that the console did not stop; ``survivors`` is what a look for its processes found."""
    if exited.connection_lost:
        return Outcome(
            Status.LOST,
            f"Contact to {name} ended before the program did ({exited.connection_lost}): "
            "check on the host whether it went on.",
        )
    fields = {"exit_status": exited.status, "exit_signal": exited.signal}
    if exited.stopped in _LIMITS:
        return Outcome(Status.FAILED, f"{name} stopped it: {_LIMITS[exited.stopped]}", fields)
    if exited.vanished is not None:
        reason = f"{_VANISHED[exited.vanished].format(name=name)} {survivors}".strip()
        return Outcome(Status.LOST, reason, unclear=exited.vanished is not Vanished.REBOOTED)
    left = _shortcoming(name, exited)
    if exited.signal:
        return Outcome(Status.FAILED, f"The program was ended by signal {exited.signal}.{left}", fields)
    if exited.status == 0:
        return Outcome(Status.SUCCEEDED, left.strip(), fields)
    return Outcome(
        Status.FAILED, f"The program ended with exit status {exited.status}{_as_after(exited)}.{left}", fields
    )


def _as_after(exited: Exited) -> str:
    """A shell reports a signal that ended its last command as 128 and the signal's number (POSIX, 2.8.2)."""
    try:
        return f", as after signal {Signals((exited.status or 0) - 128).name.removeprefix('SIG')}"
    except ValueError:
        return ""


def _shortcoming(name: str, exited: Exited) -> str:
    if exited.output_cut:
        return f" The connection to {name} was lost before all output had arrived: its end is missing."
    if exited.disk_full:
        return f" The disk of {name} was full when it ended: some of its output may be missing."
    if exited.held_open:
        return " It left a process behind that holds the output open; what that prints is not here."
    return ""


_LIMITS: dict[str, str] = {
    HostLimit.OUTPUT: "nobody was connected, and it had printed more than the output limit.",
    HostLimit.SPOOLS: "what detached programs keep there went beyond the quota (OPSCONSOLE_SPOOL_QUOTA).",
}
_VANISHED = {
    Vanished.REBOOTED: "{name} was rebooted while it ran: what it printed until then is stored here.",
    Vanished.NEVER_BEGAN: "The start on {name} broke off before the program began: see whether the host is well, and "
    "run it again.",
    Vanished.KILLED: "What kept watch over it on {name} was killed, so nobody knows how it ended.",
}


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
