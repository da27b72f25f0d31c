"""What will be started and harmed, and when: decided by the seed alone, before anything begins."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

#: Seconds between faults, and between runs, on average.
FAULT_EVERY = 1.6
RUN_EVERY = 2.2
#: Seconds for which a server is paused: its lease (45 s) and another's next look (10 s) must fit in.
PAUSE = 58.0
#: Seconds between the pauses of a long suite.
PAUSE_EVERY = 150.0


class Kind(StrEnum):
    """A kind of fault, in words."""

    SOCKET_CUT = "websocket cut"
    SERVER_KILL = "server kill -9"
    SERVER_TERM = "server SIGTERM"
    SERVER_PAUSE = "server SIGSTOP"
    CONNECTION_RESET = "connection reset"
    CONNECTION_CLOSED = "connection closed"
    SESSION_KILL = "sshd sessions killed"
    SSHD_RESTART = "sshd restarted"
    UNREACHABLE = "host unreachable"
    SLOW = "host slow"
    DATABASE_LOCK = "database locked"
    DATABASE_RESTART = "database restarted"
    REDIS_RESTART = "Redis restarted"
    REDIS_FLUSH = "Redis FLUSHALL"


_WEIGHTS = {
    Kind.SOCKET_CUT: 17,
    Kind.SERVER_KILL: 6,
    Kind.SERVER_TERM: 4,
    Kind.CONNECTION_RESET: 20,
    Kind.CONNECTION_CLOSED: 8,
    Kind.SESSION_KILL: 15,
    Kind.SSHD_RESTART: 10,
    Kind.UNREACHABLE: 8,
    Kind.SLOW: 3,
    Kind.DATABASE_LOCK: 4,
    Kind.DATABASE_RESTART: 4,
    Kind.REDIS_RESTART: 3,
    Kind.REDIS_FLUSH: 4,
}
#: Kinds for a console on SQLite, which has no server to restart.
ON_SQLITE = tuple(kind for kind in Kind if kind is not Kind.DATABASE_RESTART)
#: Kinds during which nobody can write into the database.
DATABASE_AWAY: frozenset[str] = frozenset({Kind.DATABASE_LOCK, Kind.DATABASE_RESTART})
#: Kinds that harm one host.
ON_HOSTS = frozenset(
    {
        Kind.CONNECTION_RESET, Kind.CONNECTION_CLOSED, Kind.SESSION_KILL, Kind.SSHD_RESTART, Kind.UNREACHABLE, Kind.SLOW
    }
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One fault: ``at`` so many seconds after the start, for ``seconds``. ``variant`` picks one of a kind's ways."""

    at: float
    kind: Kind
    host: str
    seconds: float
    variant: int


@dataclass(frozen=True)
class Cancel:
    """``after`` so many seconds a run is canceled, or one host of it."""

    after: float
    index: int | None


@dataclass(frozen=True)
class RunPlan:
    """One run: on which hosts, for how long, as which kind of text, and who watches it."""

    number: int
    at: float
    key: str
    hosts: tuple[str, ...]
    seconds: float
    shape: str
    fanout: int
    cancels: tuple[Cancel, ...]
    #: Seconds after the request at which another viewer comes, if one does.
    second_viewer: float | None


@dataclass(frozen=True)
class Plan:
    """Everything that a seed decides."""

    seed: int
    seconds: float
    runs: tuple[RunPlan, ...]
    faults: tuple[Fault, ...]


SHAPES = ("line", "text", "sh", "python")


def make_plan(seed: int, seconds: float, hosts: Sequence[str], kinds: Sequence[Kind] = ON_SQLITE) -> Plan:
    """Runs and faults for ``seconds``; only faults of these kinds, each at least once where there is time."""
    return Plan(seed, seconds, tuple(_runs(seed, seconds, hosts)), tuple(_faults(seed, seconds, hosts, kinds)))


def _runs(seed: int, seconds: float, hosts: Sequence[str]) -> Iterator[RunPlan]:
    chance = random.Random(f"runs {seed}")
    for number, at in enumerate(_moments(chance, RUN_EVERY, seconds)):
        lasts = _duration(chance)
        picked = tuple(chance.sample(hosts, chance.randint(1, min(6, len(hosts)))))
        fanout = chance.choice((1, 2, 64, 64)) if lasts < 8 else 64
        # Those that wait for others make the run longer than its programs; all of it is over soon after the end.
        lasts = min(lasts, (seconds - at + 3) / -(-len(picked) // fanout))
        yield RunPlan(
            number=number,
            at=at,
            key=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            hosts=picked,
            seconds=lasts,
            shape=chance.choice(SHAPES),
            fanout=fanout,
            cancels=tuple(_cancels(chance, lasts, len(picked))),
            second_viewer=chance.uniform(0, lasts + 5) if chance.random() < 0.3 else None,
        )


def _duration(chance: random.Random) -> float:
    shortest, longest = chance.choices([(0.1, 1), (1, 8), (8, 25), (25, 60)], weights=[30, 35, 25, 10])[0]
    return chance.uniform(shortest, longest)


def _cancels(chance: random.Random, lasts: float, hosts: int) -> Iterator[Cancel]:
    if chance.random() < 0.2:
        yield Cancel(chance.uniform(0, lasts + 1), None if chance.random() < 0.5 else chance.randrange(hosts))


def _faults(seed: int, seconds: float, hosts: Sequence[str], kinds: Sequence[Kind]) -> Iterator[Fault]:
    chance = random.Random(f"faults {seed}")
    if Kind.SERVER_PAUSE in kinds:
        for count in range(int(max(seconds - PAUSE, 0) // PAUSE_EVERY) + (seconds > PAUSE)):
            yield Fault(3 + count * PAUSE_EVERY, Kind.SERVER_PAUSE, "", PAUSE, chance.randrange(4))
    others = [kind for kind in kinds if kind in _WEIGHTS]
    if not others:
        return
    # Each kind once before any comes twice by chance.
    first = chance.sample(others, len(others))
    for number, at in enumerate(_moments(chance, FAULT_EVERY, seconds)):
        kind = first[number] if number < len(first) else chance.choices(others, [_WEIGHTS[one] for one in others])[0]
        host = chance.choice(hosts) if kind in ON_HOSTS else ""
        yield Fault(at, kind, host, _lasts(chance, kind, seconds), chance.randrange(4))


def _lasts(chance: random.Random, kind: Kind, seconds: float) -> float:
    long = seconds > 300
    if kind is Kind.UNREACHABLE:
        return chance.uniform(2, 25 if long else 12)
    if kind is Kind.DATABASE_LOCK:
        return chance.uniform(0.5, 25 if long else 8)
    return chance.uniform(0, 3)


def _moments(chance: random.Random, every: float, seconds: float) -> Iterator[float]:
    at = chance.uniform(0, every)
    while at < seconds:
        yield at
        at += min(chance.expovariate(1 / every), 3 * every)
