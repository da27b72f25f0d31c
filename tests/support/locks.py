"""A connection of its own that keeps everybody else from writing; reading goes on."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg


class DatabaseLock:
    """Held from its making to its release, on the database that these settings of Django describe."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._connection: Any
        if settings["ENGINE"].endswith("sqlite3"):
            self._connection = sqlite3.connect(settings["NAME"], isolation_level=None)
            self._connection.execute("BEGIN IMMEDIATE")
            return
        parts = {"dbname": "NAME", "user": "USER", "host": "HOST"}
        self._connection = psycopg.connect(**{name: settings[key] for name, key in parts.items()})
        names = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
        tables = ", ".join(row[0] for row in self._connection.execute(names))
        self._connection.execute(f"LOCK TABLE {tables} IN EXCLUSIVE MODE")

    def release(self) -> None:
        """Let others write again."""
        self._connection.rollback()
        self._connection.close()
