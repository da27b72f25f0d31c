"""Searching stored output: all servers of a run, and all runs somebody may see.

One call looks for a moment only and says where it stopped, so that no request takes long, however much is stored; the
page asks again from there. What is read is read outside of transactions: nobody who writes waits for it.
"""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.db.models import Q

from consoles import outputlog
from consoles.searching import STEP, Hit, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from consoles.models import HostRun
    from consoles.searching import Matcher

#: Seconds that one call searches.
BUDGET: Final = 2.0
#: Lines of one server that are counted; what has more is told as "1,000+".
MOST_COUNTED: Final = 1000
#: Lines of one server that are shown, of all servers in one answer.
MOST_LISTED: Final = 20
MOST_IN_ANSWER: Final = 1000
#: Servers with hits in one answer.
_MOST_HOSTS: Final = 1000
#: Bytes read at once.
_READ: Final = 1024 * 1024
#: HostRuns looked up at once.
_BATCH: Final = 500
#: Searches of this process at the same time; others wait for their turn, and are told to ask again.
_TURNS: Final = threading.BoundedSemaphore(2)
_TURN_WAIT: Final = 1.5

_PLACE = re.compile(r"\d{1,18}(\.\d{1,18}){4}\.[01]", re.ASCII)


class BadPlaceError(ValueError):
    """A search is to be continued from where none can be. The message is a sentence for the asker."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search goes on: in which run, at which server, and where in its log. ``count`` hits are known there."""

    run: int = 0
    index: int = 0
    offset: int = 0
    line: int = 1
    count: int = 0
    within: bool = False

    def __str__(self) -> str:
        return f"{self.run}.{self.index}.{self.offset}.{self.line}.{self.count}.{int(self.within)}"

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """The inverse of ``str``; None for "". Raises :class:`BadPlaceError`."""
        if not text:
            return None
        if not _PLACE.fullmatch(text):
            raise BadPlaceError("This search cannot be continued: search again from the beginning.")
        run, index, offset, line, count, within = map(int, text.split("."))
        return cls(run, index, offset, max(line, 1), count, bool(within))


@dataclass(frozen=True, slots=True)
class Found:
    """The lines of one server that fit: ``count`` of them so far, ``is_capped`` where counting ended; new ``hits``."""

    host_run: HostRun
    count: int
    is_capped: bool
    hits: list[Hit]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call found, and where the next one goes on; None when everything has been searched."""

    found: list[Found]
    next: Place | None


@dataclass(frozen=True, slots=True)
class Limits:
    """How many lines of one server are ``listed`` and counted (``most``), and for how many seconds to search."""

    listed: int = MOST_LISTED
    most: int = MOST_COUNTED
    budget: float = BUDGET


def search(
    host_runs: QuerySet[HostRun], matcher: Matcher, after: Place | None = None, limits: Limits = Limits()
) -> Answer:
    """Search ``host_runs``, newest run first, each run in its order, from ``after`` on until time or paper runs out."""
    with _turn() as is_ours:
        if not is_ours:
            return Answer([], after or _first(host_runs))
        return _Search(matcher, limits).go(host_runs, after)


class _Search:
    def __init__(self, matcher: Matcher, limits: Limits) -> None:
        self._matcher, self._limits = matcher, limits
        self._deadline = time.monotonic() + limits.budget
        self._found: list[Found] = []
        self._listed = 0

    @property
    def _is_over(self) -> bool:
        return time.monotonic() > self._deadline or self._listed >= MOST_IN_ANSWER or len(self._found) >= _MOST_HOSTS

    def go(self, host_runs: QuerySet[HostRun], after: Place | None) -> Answer:
        for host_run in _from(host_runs, after):
            start = after if after and (after.run, after.index) == (host_run.run_id, host_run.index) else None
            place = start or Place(host_run.run_id, host_run.index)
            # Always a step at least, or a search behind a slow one would never move.
            if self._is_over and place != after:
                return Answer(self._found, place)
            if rest := self._scan(host_run, place):
                return Answer(self._found, rest)
        return Answer(self._found, None)

    def _scan(self, host_run: HostRun, place: Place) -> Place | None:
        """Search one log; gives back where it stopped in it, None when it is done."""
        scan = Scan(
            self._matcher,
            listed=self._limits.listed,
            most=self._limits.most,
            offset=place.offset,
            line=place.line,
            count=place.count,
            within=place.within,
        )
        hits: list[Hit] = []
        rest = None
        read = place.offset
        for block in _blocks(host_run, place.offset):
            hits += scan.feed(block)
            read += len(block)
            if scan.is_full:
                break
            # Behind its last byte a log is done: what it ends with may be no line yet, and would be read for ever.
            if self._is_over and read < host_run.size:
                rest = replace(place, offset=scan.offset, line=scan.line, count=scan.count, within=scan.within)
                break
        else:
            hits += scan.close()
        if scan.count > place.count:
            self._found.append(Found(host_run, scan.count, scan.is_full, hits))
            self._listed += len(hits)
        return rest


def _blocks(host_run: HostRun, start: int) -> Iterator[bytes]:
    """The log from ``start`` to where it ended when the search began, in steps after which one may stop."""
    while start < host_run.size:
        pieces = outputlog.read(host_run.pk, start, min(_READ, host_run.size - start))
        if not pieces:
            return
        data = b"".join(piece.data for piece in pieces)
        start += len(data)
        for at in range(0, len(data), STEP):
            yield data[at : at + STEP]


def _from(host_runs: QuerySet[HostRun], after: Place | None) -> Iterator[HostRun]:
    """All that printed something, from ``after`` on, a batch at a time."""
    ordered = host_runs.filter(size__gt=0).order_by("-run_id", "index")
    here = Q()
    if after:
        here = Q(run_id__lt=after.run) | Q(run_id=after.run, index__gte=after.index)
    while batch := list(ordered.filter(here).only("run_id", "index", "server_name", "size", "status")[:_BATCH]):
        yield from batch
        if len(batch) < _BATCH:
            return
        last = batch[-1]
        here = Q(run_id__lt=last.run_id) | Q(run_id=last.run_id, index__gt=last.index)


def _first(host_runs: QuerySet[HostRun]) -> Place | None:
    first = next(_from(host_runs, None), None)
    return Place(first.run_id, first.index) if first else None


@contextmanager
def _turn() -> Iterator[bool]:
    is_ours = _TURNS.acquire(timeout=_TURN_WAIT)
    try:
        yield is_ours
    finally:
        if is_ours:
            _TURNS.release()
