"""Indexes of a run's hosts as addresses have them: ``0-5,7``. Pure; static/js/chosen.js writes the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_RANGES = re.compile(r"\d{1,6}(-\d{1,6})?(,\d{1,6}(-\d{1,6})?)*", re.ASCII)


def as_ranges(indexes: Iterable[int]) -> str:
    """``[0, 1, 2, 7]`` as ``0-2,7``."""
    ranges: list[list[int]] = []
    for index in sorted(set(indexes)):
        if ranges and index == ranges[-1][1] + 1:
            ranges[-1][1] = index
        else:
            ranges.append([index, index])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in ranges)


def parse_ranges(text: str, most: int) -> set[int]:
    """The inverse of :func:`as_ranges`. Raises ValueError with a sentence where ``text`` is none, or means too many."""
    if not _RANGES.fullmatch(text):
        raise ValueError("Name the hosts by their indexes, as in hosts=0-5,7.")
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        # One more than allowed is enough to see that it is too many.
        found.update(range(int(first), min(int(last or first), int(first) + most) + 1))
        if len(found) > most:
            raise ValueError(f"At most {most:,} hosts can be named here: choose fewer.")
    return found
