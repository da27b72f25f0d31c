"""Rewrites the assertions of a fresh clone's tests once: all workers would at the same time, for four seconds each."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from _pytest.assertion import rewrite

TESTS = Path(__file__).parent.parent


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Write what workers would write, with what pytest uses itself; nothing public does it without running a module."""
    config = session.config
    if not getattr(config.option, "numprocesses", None) or sys.dont_write_bytecode:
        return
    state = config.stash[rewrite.assertstate_key]
    for file in TESTS.rglob("test_*.py"):
        folder = rewrite.get_cache_dir(file)
        written = folder / f"{file.stem}{rewrite.PYC_TAIL}"
        if rewrite.try_makedirs(folder) and rewrite._read_pyc(file, written, state.trace) is None:
            source_hash, code = rewrite._rewrite_test(file, config)
            rewrite._write_pyc(state, code, source_hash, written)
