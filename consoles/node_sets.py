"""Node sets, as people write them: ``web[1-3,7]`` and ``rack[1-2]-[001-010]`` mean many names. Pure.

static/js/node_sets.js reads them the same way.
"""

from __future__ import annotations

import re
from itertools import product
from math import prod

#: White space, commas and semicolons part names; within brackets, commas belong to the name.
_WORDS = re.compile(r"(?:\[[^\[\]\s;]*\]|[^\s,;])+")
_SET = re.compile(r"\[([^\[\]]*)\]")
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)


class BadNodeSet(ValueError):
    """A node set that means nothing, or too much. The message is a sentence for who wrote it."""


def parse_names(text: str) -> list[str]:
    """The names and node sets in ``text``, in order and without duplicates."""
    return list(dict.fromkeys(_WORDS.findall(text)))


def is_node_set(word: str) -> bool:
    """Whether ``word`` is written as one; no server's name has brackets."""
    return "[" in word or "]" in word


def expand(word: str, most: int) -> list[str]:
    """The names that ``word`` means, in its order. Raises :class:`BadNodeSet`, also for more than ``most`` names."""
    plain, ranges = _parts(word)
    count = _count(ranges)
    if count > most:
        raise BadNodeSet(f"{word} means {count:,} names, and a run may have at most {most:,}: narrow the range.")
    choices = [[f"{n:0{width}d}" for first, last, width in each for n in range(first, last + 1)] for each in ranges]
    names = (
        "".join(text for pair in zip(plain, (*picked, ""), strict=True) for text in pair)
        for picked in product(*choices)
    )
    return list(dict.fromkeys(names))


def size(word: str) -> int:
    """How many names ``word`` means, without making any of them. Raises :class:`BadNodeSet`."""
    return _count(_parts(word)[1])


def _parts(word: str) -> tuple[list[str], list[list[tuple[int, int, int]]]]:
    """What stands outside of brackets, and the ranges of each pair of them."""
    parts = _SET.split(word)
    plain, sets = parts[0::2], parts[1::2]
    if not sets or any(is_node_set(part) for part in plain):
        raise BadNodeSet(f"{word} cannot be read: write several names as web[1-3,7] or web[001-010].")
    return plain, [_ranges(word, inner) for inner in sets]


def _count(ranges: list[list[tuple[int, int, int]]]) -> int:
    return prod(sum(last - first + 1 for first, last, _ in each) for each in ranges)


def _ranges(word: str, inner: str) -> list[tuple[int, int, int]]:
    """First and last number and width of each range between two brackets."""
    found = []
    for part in inner.split(","):
        match = _RANGE.fullmatch(part)
        if not match:
            raise BadNodeSet(f"{word} cannot be read at “{part}”: write numbers and ranges, as in web[1-3,7].")
        first, last = match[1], match[2] or match[1]
        if int(last) < int(first):
            raise BadNodeSet(f"{word} cannot be read at “{part}”: the smaller number comes first.")
        width = len(first) if first.startswith("0") or len(first) == len(last) else 1
        found.append((int(first), int(last), width))
    return found
