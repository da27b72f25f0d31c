"""What is measured. A job opens a lab and a console, and runs everybody in turn, round by round."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench import tools
from bench.console import Console, open_console
from bench.lab import Failed, Lab, Work, open_lab
from bench.report import OURS, Result, Took


@dataclass(frozen=True)
class Options:
    """How to measure: rounds, which of the tools (none named: all), and where a profile of our server goes."""

    rounds: int = 3
    only: tuple[str, ...] = ()
    profile: Path | None = None


@dataclass
class Bench:
    """One job while it is measured."""

    lab: Lab
    console: Console
    options: Options
    result: Result = field(default_factory=Result)

    def ours(self, work: Work) -> Took:
        """What ``work`` takes us."""
        before = self.console.processor_seconds()
        answer = self.console.run(work)
        expected = work.hosts * len(work.output)
        if answer["bytes"] != expected:
            raise Failed(f"The client got {answer['bytes']} bytes instead of {expected}")
        return Took(answer["seconds"], self.console.processor_seconds() - before)

    def compare(self, work: Work, ours: Callable[[], Took], others: list[tools.Tool]) -> None:
        """Time ours and the others in turn, so that what else the machine does meets all alike."""
        for number in range(self.options.rounds):
            if self.wanted(OURS):
                self._note(OURS, number, ours)
            for tool in others:
                self._time(tool, work, number)

    def wanted(self, name: str) -> bool:
        return not self.options.only or name in self.options.only

    def _time(self, tool: tools.Tool, work: Work, number: int) -> None:
        self.result.notes[tool.name] = tool.note
        if not self.wanted(tool.name) or tool.name in self.result.not_run or number >= tool.most_rounds:
            return
        if why := tool.missing():
            self.result.not_run[tool.name] = why
            return
        try:
            self._note(tool.name, number, lambda: tool.run(self.lab, work, tool.patience))
        except Failed as error:
            self.result.not_run[tool.name] = str(error)
        except subprocess.TimeoutExpired:
            self.result.not_run[tool.name] = f"given up after {tool.patience:g} s"

    def _note(self, name: str, number: int, measure: Callable[[], Took]) -> None:
        took = measure()
        self.result.add(name, took)
        print(f"  round {number + 1}: {name} {took.seconds:.2f} s", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Job:
    """Something to measure, and what DESIGN.md asks of it."""

    name: str
    title: str
    target: str
    measure: Callable[[Options], Result]


@contextmanager
def _bench(hosts: int, options: Options, *, keeps: bool = False) -> Iterator[Bench]:
    with open_lab(hosts) as lab, open_console(lab, options.profile, keeps) as console:
        yield Bench(lab, console, options)


def _fanout_cold(options: Options, mode: str = "attached") -> Result:
    work = Work("echo hi", hosts=200, mode=mode)
    with _bench(work.hosts, options) as bench:

        def first() -> Took:
            bench.console.restart()
            return bench.ours(work)

        others = [tools.PARAMIKO, tools.PARALLEL_SSH, tools.CLUSH, tools.PSSH, tools.ANSIBLE]
        bench.compare(work, first, others)
        return bench.result


def _fanout_warm(options: Options, mode: str = "attached") -> Result:
    work = Work("echo hi", hosts=200, mode=mode)
    with _bench(work.hosts, options, keeps=True) as bench:

        def second() -> Took:
            bench.console.restart()
            bench.ours(work)
            return bench.ours(work)

        others = [tools.PARAMIKO_WARM, tools.CLUSH, tools.CLUSH_PERSIST, tools.ANSIBLE_WARM]
        bench.result.notes[OURS] = "second run, over the connections of the first"
        bench.compare(work, second, others)
        return bench.result


def _stream(options: Options) -> Result:
    work = Work("seq 1 10000000", hosts=1)
    with _bench(work.hosts, options) as bench:
        others = [tools.SSH, tools.PARAMIKO, tools.PARALLEL_SSH, tools.PSSH, tools.CLUSH_ONCE]
        bench.compare(work, lambda: bench.ours(work), others)
        return bench.result


def _lines(options: Options) -> Result:
    work = Work("seq 1 300000", hosts=50)
    with _bench(work.hosts, options) as bench:
        others = [tools.PARAMIKO, tools.PARALLEL_SSH, tools.PSSH, tools.CLUSH_ONCE]
        bench.compare(work, lambda: bench.ours(work), others)
        return bench.result


#: Prints the time ten times a second; perl starts quickly enough for 200 of them.
_CLOCK = "exec perl -MTime::HiRes=time,sleep -e '$|=1; for (1..{lines}) {{ printf \"%.6f\\n\", time; sleep 0.1 }}'"


_LATENCIES = ("median", "p99", "worst", "p99_with_logins")


def _latency(options: Options, mode: str = "attached") -> Result:
    work = Work(_CLOCK.format(lines=120), hosts=200, fanout=200, mode=mode)
    if shutil.which("perl") is None:
        raise Failed("perl is not installed, which prints the clocks.")
    with _bench(work.hosts, options) as bench:
        answers = [bench.console.run(work, clocks=True) for _ in range(options.rounds)]
        best = min(answers, key=lambda answer: float(answer["p99_ms"]))
        bench.result.milliseconds = {name: best[f"{name}_ms"] for name in _LATENCIES}
        bench.result.seconds[OURS] = [float(answer["median_ms"]) / 1000 for answer in answers]
        bench.result.notes[OURS] = (
            f"of {best['steady_lines']} lines while all hosts print, from a second after the last login"
        )
        return bench.result


def _memory(options: Options) -> Result:
    many, stream = Work("echo hi", hosts=1000), Work("seq 1 10000000", hosts=1)
    with _bench(many.hosts, options) as bench:
        bench.result.megabytes["idle"] = bench.console.memory()
        for name, work in (("1000-hosts", many), ("stream", stream)):
            bench.console.restart()
            bench.console.forget_peak()
            took = bench.ours(work)
            bench.result.megabytes[name] = bench.console.peak_memory()
            if work is many:
                bench.result.add(OURS, took)
        bench.result.notes[OURS] = "for 1,000 hosts"
        return bench.result


def _page(options: Options) -> Result:
    from bench.page import Host, watch_run

    work = Work("true", hosts=1000)
    with _bench(work.hosts, options) as bench:
        hosts = [Host(*pair) for pair in zip(bench.console.names, bench.lab.fleet.addresses, strict=True)]
        rounds = []
        for _ in range(options.rounds):
            bench.console.restart()
            rounds.append(watch_run(bench.console, hosts))
            bench.result.add(OURS, Took(rounds[-1].seconds))
        bench.result.milliseconds = {
            "drawn": 1000 * min(seen.drawn for seen in rounds),
            "frame": 1000 / max(seen.rate for seen in rounds),
            "longest_frame": min(seen.longest for seen in rounds),
        }
        bench.result.notes[OURS] = (
            "every tile, group and opened log was checked; frames from the first picture to the end"
        )
        return bench.result


JOBS = {
    job.name: job
    for job in (
        Job(
            "fanout-200-cold", "200 hosts, `echo hi`, first connection",
            "≤ 1.3 × bare paramiko; ≥ 4 × faster than clush", _fanout_cold,
        ),
        Job(
            "fanout-200-warm", "200 hosts, `echo hi`, right after a first run",
            "≤ 3 × bare paramiko warm; ≥ 10 × faster than clush", _fanout_warm,
        ),
        Job(
            "detached-200-cold", "200 hosts, `echo hi` detached, first connection",
            "≤ 2.2 × bare paramiko; ≥ 3 × faster than clush", partial(_fanout_cold, mode="detached"),
        ),
        Job(
            "detached-200-warm", "200 hosts, `echo hi` detached, right after a first run",
            "≥ 5 × faster than clush", partial(_fanout_warm, mode="detached"),
        ),
        Job("stream-1-host", "1 host, `seq 1 10000000` (79 MB)", "≤ 2 × `ssh host cmd > file`", _stream),
        Job("lines-50-hosts", "50 hosts, `seq 1 300000` each (15 million lines)", "≥ 30 × faster than clush", _lines),
        Job(
            "latency", "200 hosts, 10 lines/s each, from print to socket", "median ≤ 30 ms, p99 ≤ 150 ms", _latency
        ),
        Job(
            "detached-latency", "200 hosts, 10 lines/s each, detached, from print to socket", "median ≤ 100 ms",
            partial(_latency, mode="detached"),
        ),
        Job(
            "page-1000-hosts", "the run page in Chromium, while 1,000 real hosts report",
            "drawn ≤ 2 s; 60 frames a second (16.7 ms each)", _page,
        ),
        Job("memory", "resident memory of the server's process at its peak", "≤ 300 MB at 1,000 hosts", _memory),
    )
}  # fmt: skip
