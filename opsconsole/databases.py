"""The two databases the console runs on, as Django wants them described: SQLite, and PostgreSQL by its URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from pathlib import Path

_EXAMPLE: Final = "postgresql://console:password@db.example.net:5432/console"
#: Seconds that somebody waits for another one's lock before he is told so; the same on both databases.
LOCK_PATIENCE: Final = 20


def sqlite(file: Path) -> dict[str, Any]:
    """SQLite in ``file``, for threads that write beside readers."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": file,
        # Threads live long here (a runner, a socket), and closing after each request would reopen the file each time.
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # IMMEDIATE: a transaction that reads and then writes cannot be refused halfway, which no timeout covers.
            "transaction_mode": "IMMEDIATE",
            "timeout": LOCK_PATIENCE,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=67108864;",
        },
    }


def postgresql(url: str, connections: int) -> dict[str, Any]:
    """PostgreSQL at ``url``, which may say all that libpq understands; at most ``connections`` of this process.

    Raises ``ImproperlyConfigured``, with a sentence that leaves the password out.
    """
    given = _parsed(url)
    # Here, as a console on SQLite needs none of it.
    from psycopg import IsolationLevel

    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": given.pop("dbname"),
        "USER": given.pop("user", ""),
        "PASSWORD": given.pop("password", ""),
        "HOST": given.pop("host", ""),
        "PORT": given.pop("port", ""),
        # Each socket has a thread: a connection of its own for each would be hundreds, so they take one from the pool
        # for as long as they read. What comes from the pool has answered a moment ago.
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "application_name": "opsconsole",
            **_NOTICE_DEAD_SERVERS,
            **given,
            "options": " ".join([_SESSION, given.get("options", "")]).strip(),
            # Every conditional update relies on it: who waited for a row looks at it again before changing it.
            "isolation_level": IsolationLevel.READ_COMMITTED,
            # Short waits between attempts: a database that is back shall be used at once.
            "pool": {"min_size": 2, "max_size": max(connections, 8), "timeout": 5, "reconnect_timeout": 4},
        },
    }


#: A lock is waited for as long as in SQLite. A process that stands still (SIGSTOP, a laptop's lid) in the middle of a
#: transaction loses that transaction, and not the others their right to go on.
_SESSION: Final = f"-c lock_timeout={LOCK_PATIENCE}s -c idle_in_transaction_session_timeout={LOCK_PATIENCE}s"
#: Seconds (the last one milliseconds) until a database server that vanished without a word counts as gone.
_NOTICE_DEAD_SERVERS: Final = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


def _parsed(url: str) -> dict[str, Any]:
    if not url.startswith(("postgresql://", "postgres://")):
        raise ImproperlyConfigured(
            f"DATABASE_URL must look like {_EXAMPLE}; for SQLite leave it out and name the file in OPSCONSOLE_DATABASE."
        )
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise ImproperlyConfigured(
            f"PostgreSQL's driver cannot be loaded ({error}): install requirements.txt again."
        ) from None
    try:
        given = dict(conninfo_to_dict(url))
    except ProgrammingError:
        # Its message repeats the URL, and with it the password.
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: compare it with {_EXAMPLE}.") from None
    if not given.get("dbname"):
        raise ImproperlyConfigured(f"DATABASE_URL must name a database, as in {_EXAMPLE}.")
    return given
