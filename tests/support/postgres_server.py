"""A PostgreSQL server that tests start, in a directory of its own."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

#: Where the server of this test run has its files and its socket; workers inherit it.
DIRECTORY = "TEST_POSTGRESQL_DIRECTORY"


class PostgresServer:
    """A server in ``directory``, reached by a socket in it, that waits for no disk. Tests may stop and start it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def create(self) -> None:
        """Make an empty cluster. PostgreSQL refuses root, so then it belongs to another account."""
        if (account := _account()) is not None:
            shutil.chown(self.directory, account)
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--locale=C.UTF-8", "--encoding=UTF8")

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = {"listen_addresses": "", "unix_socket_directories": self.directory, "fsync": "off"}
        options |= {"full_page_writes": "off", "max_connections": "200", "shared_buffers": "64MB"}
        # No parallel workers: for tables this small they would only cost time.
        options |= {"max_parallel_workers_per_gather": "0", "autovacuum": "off"}
        given = " ".join(f"-c {name}={value}" for name, value in options.items())
        self._run("pg_ctl", "--wait", "--silent", f"--log={self.directory}/log", f"--options={given}", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; ``immediate`` is what a power cut is, ``fast`` what an upgrade does."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "--wait", "--silent", f"--mode={mode}", "stop")

    def url(self, database: str, directory: Path | None = None) -> str:
        """The DATABASE_URL of one of its databases; through a proxy, that one's ``directory``."""
        return f"postgresql://postgres@/{database}?host={directory or self.directory}"

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run a statement as the administrator, outside of transactions; gives back its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return list(cursor.fetchall()) if cursor.description else []

    def copy(self, other: PostgresServer, source: str, target: str) -> None:
        """Copy everything in another server's database into one of this server's."""
        tools = _binaries()
        dumped = subprocess.run([str(tools / "pg_dump"), other.url(source)], check=True, capture_output=True).stdout
        loading = [str(tools / "psql"), "--quiet", "--set=ON_ERROR_STOP=1", self.url(target)]
        subprocess.run(loading, check=True, input=dumped, stdout=subprocess.DEVNULL)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(_binaries() / program), "--pgdata", str(self.directory / "data"), *arguments]
        account = _account()
        identity: dict[str, Any] = {"user": account, "group": account, "extra_groups": []} if account else {}
        if account:
            identity["group"] = pwd.getpwnam(account).pw_gid
        with (self.directory.parent / f"{self.directory.name}.log").open("ab") as log:
            subprocess.run(command, cwd="/", check=True, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **identity)


def _account() -> str | None:
    return "nobody" if os.getuid() == 0 else None


def _binaries() -> Path:
    found = shutil.which("initdb")
    installed = [Path(found)] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not installed:
        raise RuntimeError("PostgreSQL is not installed: run `make test`, which installs it, or install it yourself.")
    return installed[-1].resolve().parent


def is_used() -> bool:
    """Whether this test run is on PostgreSQL."""
    return str(settings.DATABASES["default"]["ENGINE"]).endswith("postgresql")


def directory() -> Path:
    """The directory of this test run's server, made by the first process that asks."""
    if DIRECTORY not in os.environ:
        os.environ[DIRECTORY] = tempfile.mkdtemp(prefix="opsconsole-postgresql-")
    return Path(os.environ[DIRECTORY])
