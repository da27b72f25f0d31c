"""The summary: what was done, what became of it, and how to do it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from consoles.statuses import Status
from tests.faults.history import TAKEN_OVER, History
from tests.faults.plan import DATABASE_AWAY, Kind, Plan


@dataclass
class Outcome:
    """What the checker found, and what it counted."""

    violations: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    starts: int = 0
    spools_left: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def passed(self) -> bool:
        return not self.violations


def summary(plan: Plan, history: History, outcome: Outcome, kept: Path | None) -> str:
    """A page of text."""
    return "\n".join(_lines(plan, history, outcome, kept))


def _lines(plan: Plan, history: History, outcome: Outcome, kept: Path | None) -> Iterator[str]:
    yield f"seed {plan.seed}, {plan.seconds:.0f} s of faults, {len(plan.runs)} runs"
    yield ""
    yield f"{sum(history.counts[kind] for kind in Kind)} faults injected:"
    for kind in Kind:
        hit = sum(one.hit for one in history.injected if one.kind == kind)
        if history.counts[kind]:
            yield f"  {kind:<22} {history.counts[kind]:>5}  (broke {hit})"
    yield from (f"  {count} {name}" for name, count in history.counts.items() if name.startswith("faults left out"))
    yield ""
    hosts = sum(outcome.statuses.values())
    yield f"{hosts} HostRuns ({_counted(outcome.modes)}): {_counted(outcome.statuses)}"
    yield f"{outcome.starts} programs started, {outcome.bytes:,} bytes stored and compared"
    taken = sum(fence > 1 for fence in history.fences.values())
    yield f"{len(history.reconnecting)} were out of contact for a while, {taken} were taken over by another process"
    yield f"viewers came back over {history.counts['connections of viewers']} connections"
    yield from _times(history)
    yield f"lost: {outcome.statuses[Status.LOST]}; spools left for the operator: {outcome.spools_left}"
    if outcome.errors:
        yield "errors in the servers' log:"
        yield from (f"  {count} × {text}" for text, count in outcome.errors.most_common(8))
    yield ""
    if outcome.passed:
        yield "No violation: nothing was started twice, no byte is missing or wrong, no ending changed."
        return
    yield f"{len(outcome.violations)} VIOLATIONS"
    yield from (f"  {said}" for said in outcome.violations[:40])
    if len(outcome.violations) > 40:
        yield f"  … and {len(outcome.violations) - 40} more"
    yield f"Everything is kept in {kept}: faults.log says what happened when."


def _times(history: History) -> Iterator[str]:
    """How long things took; apart from the others where the database was away, as nothing can be done without it."""
    for name, spans in sorted(history.spans.items()):
        away = [(begin, end) for begin, end in spans if history.seconds_of(DATABASE_AWAY, begin, end)]
        yield from _spread(name, [end - begin for begin, end in spans if (begin, end) not in away])
        yield from _spread(f"{name}, database away meanwhile", [end - begin for begin, end in away])
        if name == TAKEN_OVER:
            there = [end - begin - history.seconds_of(DATABASE_AWAY, begin, end) for begin, end in away]
            yield from _spread(f"{name}, not counting the time it was away", there)


def _spread(name: str, values: list[float]) -> Iterator[str]:
    if ordered := sorted(values):
        yield f"{name}: median {ordered[len(ordered) // 2]:.1f}, most {ordered[-1]:.1f} (of {len(ordered)})"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name or 'never begun'}" for name, count in counts.most_common()) or "none"
