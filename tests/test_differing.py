"""Differences of two texts: right, small, and never slow."""

from __future__ import annotations

import random
import re
import time

import pytest

from consoles import differing
from consoles.differing import CONTEXT, MOST_CHARACTERS, MOST_LINES, Difference, difference

HEADER = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def patched(left: list[str], found: Difference) -> list[str]:
    """``left`` with the hunks applied, as ``patch`` would; fails where a hunk does not fit."""
    result: list[str] = []
    at = 0
    for hunk in found.hunks:
        match = HEADER.fullmatch(hunk.header)
        assert match
        count, begin = int(match[2] or 1), int(match[1])
        begin -= 1 if count else 0
        result += left[at:begin]
        at = begin
        assert len(result) == int(match[3]) - (1 if int(match[4] or 1) else 0)
        for sign, text in hunk.lines:
            if sign != "+":
                assert left[at] == text
                at += 1
            if sign != "-":
                result.append(text)
    return result + left[at:]


def test_same_texts_have_no_difference() -> None:
    assert difference(["a", "b"], ["a", "b"]) == Difference([], truncated=False)
    assert difference([], []).same


def test_a_changed_line_stands_between_three_lines_of_context() -> None:
    left = [str(n) for n in range(20)]
    right = [*left[:10], "ten", *left[11:]]
    [hunk] = difference(left, right).hunks
    assert hunk.header == "@@ -8,7 +8,7 @@"
    assert [sign for sign, _ in hunk.lines] == [" ", " ", " ", "-", "+", " ", " ", " "]
    assert hunk.lines[CONTEXT : CONTEXT + 2] == [("-", "10"), ("+", "ten")]


def test_far_changes_are_hunks_of_their_own_and_near_ones_share_one() -> None:
    left = [str(n) for n in range(30)]
    assert len(difference(left, ["x", *left[1:29], "y"]).hunks) == 2
    assert len(difference(left, [*left[:5], "x", *left[6:10], "y", *left[11:]]).hunks) == 1


@pytest.mark.parametrize("window", [3, 300])
def test_hunks_turn_one_text_into_the_other(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differing, "WINDOW", window)
    rng = random.Random(7)
    for _ in range(1_000):
        left, right = ([rng.choice("abcd") for _ in range(rng.randint(0, 25))] for _ in range(2))
        found = difference(left, right)
        assert patched(left, found) == right
        assert found.same == (left == right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (["x", "y"] * 100_000, ["y", "x", "z"] * 60_000),
        ([str(n) for n in range(100_000)], [str(-n) for n in range(1, 100_000)]),
        (random.Random(1).choices("xy", k=100_000), random.Random(2).choices("xy", k=100_000)),
    ],
    ids=["repeating", "nothing in common", "two words"],
)
def test_unlike_texts_take_no_longer_than_their_answer(left: list[str], right: list[str]) -> None:
    begin = time.process_time()
    found = difference(left, right)
    assert time.process_time() - begin < 3
    assert found.truncated
    assert sum(len(hunk.lines) for hunk in found.hunks) <= MOST_LINES + 3 * CONTEXT


def test_a_few_changes_in_a_large_text_are_all_there() -> None:
    left = [str(n) for n in range(100_000)]
    right = [f"{text}!" if n % 1_000 == 0 else text for n, text in enumerate(left)]
    found = difference(left, right)
    assert not found.truncated
    assert len(found.hunks) == 100
    assert patched(left, found) == right


def test_a_very_long_line_is_cut_and_that_is_said() -> None:
    found = difference(["a"], ["b" * 10_000])
    assert found.truncated
    assert found.hunks[0].lines[1] == ("+", "b" * MOST_CHARACTERS + "…")
