"""Hands a committed run to whoever executes it: here, this process's own runner.

The runner is made on first use, so that commands which only read never own anything.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import threading

from django.db import Error as DatabaseError

from consoles.runner import Runner

log = logging.getLogger(__name__)
_lock = threading.Lock()
_ending = threading.RLock()
_runner: Runner | None = None
#: Whether this process is about to end, and takes no more work.
_closed = False
#: The runner of a process that is about to end: with it goes the lock that says that the process lives.
_last: Runner | None = None


def start() -> None:
    """Make this process one that also settles what dead processes left behind; the server calls it."""
    _get(settles=True)


def owner() -> str:
    """The owner that new HostRuns get: they belong to somebody alive from the moment they exist.

    "" in a process that is about to end: they belong to whoever looks first.
    """
    return "" if _closed else _get().owner


def submit(run_id: int) -> None:
    """Execute a run, or leave it to another process. Call it after the run's transaction has committed."""
    if not _closed:
        _get().execute(run_id)


def nudge() -> None:
    """A cancel was written: the runner of this process need not wait for its next look."""
    if (runner := _runner) is not None:
        runner.look_for_cancels()


def trouble() -> str:
    """Why this process cannot store output at the moment; "" when it can."""
    return runner.writer.trouble if (runner := _runner) is not None else ""


def stop() -> None:
    """End the runner of this process, storing what was received; whoever asks a second time waits for the first."""
    try:
        _stop()
    except DatabaseError as error:
        log.warning("The database is away: the next console goes on from what is stored (%s)", error)


def close() -> None:
    """End the runner for good: this process is ending, though requests of it may still be on their way."""
    global _closed
    _closed = True
    stop()


def _stop() -> None:
    global _runner, _last
    with _ending:
        with _lock:
            runner, _runner = _runner, None
        if runner is not None:
            if _closed:
                _last = runner
            runner.stop(for_good=_closed)


def _stop_at_exit() -> None:
    global _closed
    _closed = True
    # Without a database (a test's is gone by now) there is nothing to write and nobody to tell.
    with contextlib.suppress(DatabaseError):
        _stop()


def _get(settles: bool = False) -> Runner:
    global _runner
    with _lock:
        if _runner is None:
            _runner = Runner(settles)
            atexit.register(_stop_at_exit)
        return _runner
