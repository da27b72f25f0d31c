"""What was seen and done while the suite ran, in the order of time. Pure; written by many, read by the checker."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What is measured: how long a process that was asked to end took, and until another one owned what it left.
TO_END = "seconds to end after SIGTERM"
TAKEN_OVER = "seconds until taken over"
#: Seconds that each may take at the most.
_LIMITS = {TO_END: 10.0, TAKEN_OVER: 15.0}

#: (run number, host name)
Where = tuple[int, str]


@dataclass(frozen=True)
class Seen:
    """A HostRun's state as somebody saw it: over a socket, or in the database."""

    by: str
    status: str
    exit_status: int | None
    exit_signal: str


@dataclass(frozen=True)
class Injected:
    """A fault that happened: to ``host`` ("" is none), from ``begin`` to ``end``; ``hit`` is how much it broke."""

    kind: str
    host: str
    begin: float
    end: float
    hit: int


class History:
    """Everything that was seen. Times are seconds since the epoch."""

    def __init__(self, log: Path | None = None) -> None:
        self.began = time.time()
        self.seen: defaultdict[Where, list[tuple[float, Seen]]] = defaultdict(list)
        self.sizes: defaultdict[tuple[str, Where], int] = defaultdict(int)
        self.watched: defaultdict[Where, list[int]] = defaultdict(list)
        self.canceled: set[Where] = set()
        #: HostRuns that were out of contact for a while, and how many processes acted for each.
        self.reconnecting: set[Where] = set()
        self.fences: dict[Where, int] = {}
        self.injected: list[Injected] = []
        self.complaints: list[str] = []
        self.counts: Counter[str] = Counter()
        #: What took time, and from when to when each time.
        self.spans: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        self._log = log.open("a", buffering=1) if log else None

    def note(self, text: str) -> None:
        """Write a line into the suite's own log."""
        if self._log:
            self._log.write(f"{time.time() - self.began:8.2f} {text}\n")

    def complain(self, text: str) -> None:
        """Something that must not be was seen on the way."""
        self.note(f"VIOLATION {text}")
        self.complaints.append(text)

    def saw(self, where: Where, by: str, row: dict[str, Any]) -> None:
        """A HostRun's row; remembered when it says something new."""
        now = Seen(by, row["status"], row["exit_status"], row["exit_signal"])
        earlier = self.seen[where]
        last = next((seen for _, seen in reversed(earlier) if seen.by == by), None)
        if last != now:
            earlier.append((time.time(), now))
            self.note(f"{_name(where)} is {now.status} (exit {now.exit_status}) says {by}: {row.get('reason', '')}")
        if row["size"] < self.sizes[by, where]:
            self.complain(f"{_name(where)}: {by} saw {row['size']} bytes after {self.sizes[by, where]}")
        self.sizes[by, where] = row["size"]
        if row["contact_lost"]:
            self.reconnecting.add(where)
        if "fence" in row:
            self.fences[where] = row["fence"]

    def happened(self, fault: Injected) -> None:
        """A fault is over."""
        self.injected.append(fault)
        self.counts[fault.kind] += 1
        lasted = fault.end - fault.begin
        self.note(f"fault over: {fault.kind} {fault.host}, {lasted:.2f} s, hit {fault.hit}")

    def took(self, what: str, begin: float, about: str) -> float:
        """Something that began then has just ended; gives back the seconds."""
        end = time.time()
        self.spans[what].append((begin, end))
        self.note(f"{about}: {what}: {end - begin:.1f}")
        return end - begin

    def seconds_of(self, kinds: frozenset[str], begin: float, end: float) -> float:
        """For how much of that time a fault of these kinds, of which there is one at a time, went on."""
        of_them = [one for one in self.injected if one.kind in kinds and one.hit]
        return sum(max(min(one.end, end) - max(one.begin, begin), 0.0) for one in of_them)

    def what_took_too_long(self, excused: frozenset[str]) -> list[str]:
        """Sentences; taking over cannot begin while a fault of the kinds ``excused`` goes on, ending must end."""
        said = []
        for what, spans in self.spans.items():
            kinds = excused if what == TAKEN_OVER else frozenset[str]()
            late = [end - begin - self.seconds_of(kinds, begin, end) for begin, end in spans]
            said += [f"{what}: {took:.1f}, more than {_LIMITS[what]:.0f}" for took in late if took > _LIMITS[what]]
        return said

    def harmed(self, host: str, begin: float, end: float) -> bool:
        """Whether any fault touched ``host`` in that time."""
        return any(one.host == host and one.begin <= end and one.end >= begin for one in self.injected)


def _name(where: Where) -> str:
    return f"run {where[0]} on {where[1]}"
