"""The table of statuses: what may follow what, and what a whole run is called."""

from __future__ import annotations

import itertools

import pytest

from consoles.statuses import ACTIVE, FINAL, FOLLOWS, SEVERITY, Status, sources_of, status_of_run

S = Status


def test_every_status_is_active_or_final_and_final_ones_lead_nowhere() -> None:
    assert set(Status) == set(FOLLOWS) == ACTIVE | FINAL
    assert not ACTIVE & FINAL
    assert all(not FOLLOWS[status] for status in FINAL)
    assert set(SEVERITY) == FINAL and len(SEVERITY) == len(FINAL)


def test_every_active_status_can_end_and_every_final_one_be_reached() -> None:
    assert all(FOLLOWS[status] & FINAL for status in ACTIVE)
    assert all(sources_of(status) <= ACTIVE and sources_of(status) for status in FINAL)
    assert sources_of(S.QUEUED) == frozenset()


@pytest.mark.parametrize(
    ("status", "sources"),
    [
        (S.SUCCEEDED, {S.RUNNING}),
        (S.FAILED, {S.RUNNING}),
        (S.SKIPPED, {S.QUEUED}),
        (S.UNREACHABLE, {S.QUEUED, S.STARTING}),  # the program never started
        (S.LOST, {S.STARTING, S.RUNNING}),  # the outcome is unknown: of what never began it is known
        (S.CANCELED, {S.QUEUED, S.STARTING, S.RUNNING}),
    ],
)
def test_a_status_says_what_it_promises(status: Status, sources: set[Status]) -> None:
    assert sources_of(status) == sources


def test_no_status_returns_to_an_earlier_one() -> None:
    order = [S.QUEUED, S.STARTING, S.RUNNING]
    for before, after in itertools.combinations(order, 2):
        assert before not in FOLLOWS[after]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, S.SUCCEEDED),
        ({"queued": 3}, S.QUEUED),
        ({"queued": 3, "succeeded": 0}, S.QUEUED),
        ({"queued": 1, "succeeded": 1}, S.RUNNING),
        ({"starting": 1}, S.RUNNING),
        ({"running": 1, "lost": 5}, S.RUNNING),
        ({"succeeded": 9}, S.SUCCEEDED),
        ({"succeeded": 9, "failed": 1, "lost": 1}, S.LOST),
        ({"skipped": 1, "canceled": 1, "succeeded": 1}, S.CANCELED),
        ({"unreachable": 1, "timed_out": 1}, S.TIMED_OUT),
        ({"succeeded": 1, "skipped": 1}, S.SKIPPED),
    ],
)
def test_run_is_called_by_its_worst_host(counts: dict[str, int], expected: Status) -> None:
    assert status_of_run(counts) is expected
    assert status_of_run([status for status, count in counts.items() if count]) is expected
