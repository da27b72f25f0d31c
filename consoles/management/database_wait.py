"""Waits for a database server that is still starting, as it is when a machine or all of a compose file comes up."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from django.db import connection

#: Seconds for which a database server may keep us waiting; its recovery after a crash is the longest of its starts.
PATIENCE = 60.0
#: Seconds between two attempts.
PAUSE = 0.5


def wait_for_database(tell: Callable[[str], object], patience: float = PATIENCE) -> None:
    """Return when the database answers; ``tell`` hears once, at the first refusal, why it does not.

    Ends the process with a sentence when it has not answered after ``patience`` seconds. SQLite is never waited for.
    """
    reason = refusal()
    if reason:
        tell(f"Waiting for PostgreSQL, for up to {patience:g} seconds: {reason}")
    deadline = time.monotonic() + patience
    while reason and time.monotonic() < deadline:
        time.sleep(PAUSE)
        reason = refusal()
    if reason:
        sys.exit(f"PostgreSQL cannot be used: {reason} Correct that or DATABASE_URL, then start the console again.")


def refusal() -> str:
    """Why PostgreSQL lets nobody in, as a sentence without the password; empty when it does, and for SQLite."""
    if connection.vendor != "postgresql":
        return ""
    # Here, as a console on SQLite needs none of it.
    import psycopg

    try:
        # Not from the pool, which tries in the background and does not say what went wrong.
        psycopg.connect(**connection.get_connection_params()).close()
    except psycopg.Error as error:
        return _sentence(str(error))
    return ""


def _sentence(message: str) -> str:
    # libpq's second line asks whether the server runs, which is what we are finding out.
    lines = [line.strip() for line in message.splitlines() if not line.rstrip().endswith("?")]
    return f"{' '.join(lines).removeprefix('connection failed: ').rstrip('.')}."
