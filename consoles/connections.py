"""What a thread that goes on after an error does with its connection to the database."""

from __future__ import annotations

from django.db import close_old_connections, connection


def renew_connections() -> None:
    """Close this thread's connection if it does not work any more, and those that wait in PostgreSQL's pool.

    After a restart of the server all of these are broken, and the pool would find that out of one after the other,
    with a growing pause before each.
    """
    close_old_connections()
    if (pool := getattr(connection, "pool", None)) is not None:
        pool.drain()
