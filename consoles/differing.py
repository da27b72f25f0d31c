"""The differences of two texts, line by line, as hunks; bounded in time and size whatever they are. No Django here.

The method is Myers' greedy search for the fewest changes, done in windows: when a window has seen ``WINDOW`` changes,
the way that got furthest so far is taken, and the search goes on from there. So unlike texts cost no more than their
answer, which ends at ``most`` lines. (difflib takes minutes where the same lines come again and again.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Lines around a change.
CONTEXT: Final = 3
#: Lines of an answer.
MOST_LINES: Final = 2_000
#: Characters of a line in an answer.
MOST_CHARACTERS: Final = 2_000
#: Changes in one window.
WINDOW: Final = 300

#: A line that both have, only the left one, only the right one; with its place in each.
Step = tuple[str, int, int]


@dataclass
class Hunk:
    """Neighbouring changes with their context, under a header as ``diff -u`` has it."""

    header: str
    lines: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Difference:
    """What two texts differ in. ``truncated`` where not all of it is here."""

    hunks: list[Hunk]
    truncated: bool

    @property
    def same(self) -> bool:
        return not self.hunks


def difference(left: Sequence[str], right: Sequence[str], most: int = MOST_LINES) -> Difference:
    """The hunks that turn ``left`` into ``right``, with at most ``most`` lines in all."""
    start = _common(left, right, 0, 0)
    stop = 0
    least = min(len(left), len(right)) - start
    while stop < least and left[-1 - stop] == right[-1 - stop]:
        stop += 1
    steps = _steps(left, right, start, len(left) - stop, len(right) - stop)
    found = Difference([], truncated=False)
    for group, is_cut in _groups(steps, left, right, start, stop, most):
        hunk = _hunk(group, left, right)
        found.truncated |= is_cut or any(len(text) > MOST_CHARACTERS for _, text in hunk.lines)
        found.hunks.append(Hunk(hunk.header, [_short(line) for line in hunk.lines]))
    return found


def _groups(
    steps: Iterator[Step], left: Sequence[str], right: Sequence[str], start: int, stop: int, most: int
) -> Iterator[tuple[list[Step], bool]]:
    """Steps in groups of a hunk each; True beside the one at which ``most`` lines were reached."""
    before = [(" ", start - n, start - n) for n in range(min(CONTEXT, start), 0, -1)]
    group: list[Step] = []
    quiet = before
    for step in steps:
        if step[0] == " ":
            quiet.append(step)
            if len(quiet) > 2 * CONTEXT and group:
                yield group + quiet[:CONTEXT], False
                most -= len(group) + CONTEXT
                group = []
            if not group:
                quiet = quiet[-CONTEXT:]
            continue
        group += [*quiet, step]
        quiet = []
        if len(group) >= most:
            yield group, True
            return
    if group:
        ends = (len(left) - stop, len(right) - stop)
        after = [(" ", ends[0] + n, ends[1] + n) for n in range(min(CONTEXT, stop))]
        yield group + [*quiet, *after][:CONTEXT], False


def _hunk(group: list[Step], left: Sequence[str], right: Sequence[str]) -> Hunk:
    lines = [(sign, right[j] if sign == "+" else left[i]) for sign, i, j in group]
    ranges = []
    for other, first in (("+", group[0][1]), ("-", group[0][2])):
        count = sum(sign != other for sign, _, _ in group)
        ranges.append(f"{first + (1 if count else 0)}{'' if count == 1 else f',{count}'}")
    return Hunk(f"@@ -{ranges[0]} +{ranges[1]} @@", lines)


def _short(line: tuple[str, str]) -> tuple[str, str]:
    sign, text = line
    return line if len(text) <= MOST_CHARACTERS else (sign, text[:MOST_CHARACTERS] + "…")


def _steps(left: Sequence[str], right: Sequence[str], start: int, end: int, other_end: int) -> Iterator[Step]:
    """Every line from ``start`` up to ``end`` of ``left`` and ``other_end`` of ``right``, in order."""
    i = j = start
    while i < end or j < other_end:
        for sign, count in _window(left, right, i, j, end, other_end):
            for _ in range(count):
                yield sign, i, j
                i += sign != "+"
                j += sign != "-"


def _window(
    left: Sequence[str], right: Sequence[str], i: int, j: int, end: int, other_end: int
) -> list[tuple[str, int]]:
    """The way from (i, j) to the end, or to the furthest point within ``WINDOW`` changes: [(sign, count), …]."""
    reached = {1: i}
    trace: list[dict[int, int]] = []
    for changes in range(WINDOW + 1):
        trace.append(dict(reached))
        for diagonal in range(-changes, changes + 1, 2):
            x = _best(reached, diagonal, changes)
            y = x - diagonal - (i - j)
            if x > end or y > other_end:
                # Off the edge: never the way on.
                reached[diagonal] = x
                continue
            x += _common(left, right, x, y, end, other_end)
            y = x - diagonal - (i - j)
            reached[diagonal] = x
            if x == end and y == other_end:
                return _way_back(trace, diagonal, x, i, j)
    inside = [
        (2 * x - diagonal, diagonal)
        for diagonal, x in reached.items()
        if (diagonal - WINDOW) % 2 == 0 and x <= end and x - diagonal - (i - j) <= other_end
    ]
    _, diagonal = max(inside)
    return _way_back(trace, diagonal, reached[diagonal], i, j)


def _best(reached: dict[int, int], diagonal: int, changes: int) -> int:
    """The furthest place on ``diagonal`` after one change more: a line of ``right`` in, or one of ``left`` out."""
    if changes == 0:
        return reached[1]
    down, across = reached.get(diagonal + 1, -1), reached.get(diagonal - 1, -2)
    return down if diagonal == -changes or (diagonal != changes and across < down) else across + 1


def _way_back(trace: list[dict[int, int]], diagonal: int, x: int, i: int, j: int) -> list[tuple[str, int]]:
    way: list[tuple[str, int]] = []
    for changes in range(len(trace) - 1, 0, -1):
        reached = trace[changes]
        down = diagonal == -changes or (
            diagonal != changes and reached.get(diagonal - 1, -2) < reached.get(diagonal + 1, -1)
        )
        begin = reached[diagonal + 1] if down else reached[diagonal - 1] + 1
        way.append((" ", x - begin))
        way.append(("+" if down else "-", 1))
        diagonal += 1 if down else -1
        x = begin if down else begin - 1
    way.append((" ", x - i))
    return [(sign, count) for sign, count in reversed(way) if count]


def _common(
    left: Sequence[str], right: Sequence[str], i: int, j: int, end: int | None = None, other_end: int | None = None
) -> int:
    """How many lines from ``left[i]`` and ``right[j]`` on are the same."""
    most = min((len(left) if end is None else end) - i, (len(right) if other_end is None else other_end) - j)
    count = 0
    while count < most and left[i + count] == right[j + count]:
        count += 1
    return count
