"""Fixtures for all tests; each file of tests/support holds one kind."""

from __future__ import annotations

import gc
import re
from collections.abc import Generator

import pytest

from tests.support.fork_server import COLLECTING
from tests.support.postgres_server import is_used

gc.set_threshold(*COLLECTING)

pytest_plugins = [
    "tests.support.rewriting",
    "tests.support.browser",
    "tests.support.forking",
    "tests.support.hosts",
    "tests.support.engine",
    "tests.support.bad_hosts",
    "tests.support.owners",
    "tests.support.people",
    "tests.support.storage",
    "tests.support.postgres",
    "tests.support.network",
    "tests.support.redis",
    "tests.support.remote_home",
    "tests.support.server",
]

_MARKERS = {
    "hosts": {"fleet", "small_fleet", "make_fleet", "engine"},
    "redis": {"redis_url", "redis_server"},
    "browser": {"browser", "new_page"},
    "postgresql": {"postgres", "own_postgres"},
    "server": {"live_server_process", "looking_server", "make_server", "console"},
}

#: Files about storage and ownership: what in them needs neither a server process nor a browser runs on PostgreSQL, too.
_ON_BOTH = {f"test_{name}.py" for name in ("databases", "estimates", "lease", "notes", "nul", "presence", "take_over")}


#: Keys and UUIDs that are made anew each time.
_RANDOM = re.compile(r"AAAA[A-Za-z0-9+/]{20}|[0-9a-f]{8}-[0-9a-f]{4}-")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case after its argument where the value is another each time: all workers must see the same tests."""
    return argname if isinstance(val, str) and _RANDOM.search(val) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test by the fixtures it asks for, so that ``-m 'not browser'`` works without anybody's care."""
    for item in items:
        wanted = set(getattr(item, "fixturenames", ()))
        for marker, fixtures in _MARKERS.items():
            if wanted & fixtures:
                item.add_marker(marker)
        if item.path.name in _ON_BOTH and not wanted & (_MARKERS["server"] | _MARKERS["browser"]):
            item.add_marker("databases")
    items.sort(key=_place)
    if not is_used():
        items[:] = [item for item in items if not _MARKERS["postgresql"] & set(getattr(item, "fixturenames", ()))]


def _place(item: pytest.Item) -> list[bool]:
    """The longest first, and what mostly waits; what only needs a database last, so that all workers end at once."""
    begins_early = [item.get_closest_marker(name) is None for name in ("faults", "waits")]
    needs_more = any(item.get_closest_marker(name) for name in _MARKERS)
    return [*begins_early, item.get_closest_marker("django_db") is not None and not needs_more]


def pytest_collection_finish() -> None:
    """What is loaded stays: no later collection of garbage needs to look through it."""
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Pytest has looked for destructors that fail; it would do so again, and Python twice: half a second each run."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures see at their end whether the test failed."""
    report = yield
    if report.failed:
        item.failed = True  # type: ignore[attr-defined]  # read by the browser fixtures
    return report
