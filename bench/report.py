"""From seconds to a table and to JSON. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

OURS = "opsconsole"


@dataclass(frozen=True)
class Took:
    """Seconds one round took, and the processor seconds of the tool's own process where they are known."""

    seconds: float
    processor: float | None = None


@dataclass
class Result:
    """What a job found: each tool's seconds round by round, and what it found besides."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    processor: dict[str, list[float]] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    milliseconds: dict[str, float] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, took: Took) -> None:
        """Note one round."""
        self.seconds.setdefault(name, []).append(took.seconds)
        if took.processor is not None:
            self.processor.setdefault(name, []).append(took.processor)

    @property
    def fastest(self) -> dict[str, float]:
        """Each tool's best round: what else the machine does can only add to it."""
        return {name: min(rounds) for name, rounds in self.seconds.items()}

    @property
    def ratios(self) -> dict[str, float]:
        """How many times our seconds each other tool took."""
        ours = self.fastest.get(OURS)
        return {name: value / ours for name, value in self.fastest.items() if ours and name != OURS}


def as_json(job: str, result: Result) -> dict[str, Any]:
    """The line for programs."""
    answer: dict[str, Any] = {
        "job": job,
        "seconds": _rounded(result.fastest),
        "ratios": _rounded(result.ratios),
        "medians": _rounded({name: median(rounds) for name, rounds in result.seconds.items()}),
        "rounds": {name: len(rounds) for name, rounds in result.seconds.items()},
    }
    if result.processor:
        answer["processor_seconds"] = _rounded({name: min(rounds) for name, rounds in result.processor.items()})
    for name in ("milliseconds", "megabytes"):
        if values := getattr(result, name):
            answer[name] = _rounded(values)
    if result.not_run:
        answer["not_run"] = result.not_run
    return answer


def as_table(title: str, target: str, result: Result) -> str:
    """The table for people."""
    lines = [title, f"wanted: {target}", ""]
    if result.seconds and not result.milliseconds:
        lines.append(f"  {'':22}{'best s':>9}{'median s':>10}{'× ours':>9}{'processor s':>13}")
        lines += [_row(name, result) for name in result.seconds]
    note = result.notes.get(OURS, "")
    lines += [f"  {name.replace('_', ' '):22}{value:9.1f} ms" for name, value in result.milliseconds.items()]
    if result.milliseconds and note:
        lines.append(f"  {note}")
    lines += [f"  {name:22}{value:9.0f} MB" for name, value in result.megabytes.items()]
    lines += [f"  {name:22}  not run: {why}" for name, why in result.not_run.items()]
    return "\n".join(lines)


def _row(name: str, result: Result) -> str:
    rounds = result.seconds[name]
    ratio = 1.0 if name == OURS else result.ratios.get(name)
    shown = f"{ratio:9.2f}" if ratio else f"{'':9}"
    processor = f"{min(result.processor[name]):13.2f}" if name in result.processor else f"{'':13}"
    row = f"  {name:22}{min(rounds):9.2f}{median(rounds):10.2f}{shown}{processor}  {result.notes.get(name, '')}"
    return row.rstrip()


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}
