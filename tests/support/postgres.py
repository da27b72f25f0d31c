"""A PostgreSQL of our own, for the tests that run on both databases: ``pytest --ds tests.settings_postgresql``."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from consoles import dispatcher
from tests.support.postgres_server import PostgresServer, directory, is_used
from tests.support.storage import emptied_cheaply

#: What the copies for servers are made from begins with this name.
TEMPLATE = "empty"


def pytest_configure(config: pytest.Config) -> None:
    """Start the server that all workers of this run share, where the settings ask for one."""
    if is_used() and not hasattr(config, "workerinput") and not config.option.collectonly:
        server = PostgresServer(directory())
        server.create()
        server.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop it and leave nothing behind."""
    if is_used() and not hasattr(config, "workerinput"):
        PostgresServer(directory()).stop()
        shutil.rmtree(directory(), ignore_errors=True)
        directory().with_suffix(".log").unlink(missing_ok=True)


def copies(_: None) -> Callable[[Path], dict[str, str]]:
    """Databases that begin as the test database is now: migrated, and empty before the first test."""
    server = PostgresServer(directory())
    made = itertools.count()
    template = str(connection.settings_dict["NAME"])

    def copy(data: Path) -> dict[str, str]:
        name = f"{template}_{next(made)}"
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}_{template}"')
        return {"DATABASE_URL": server.url(name)}

    return copy


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Copy the test database while nobody is connected to it: servers under test begin with such a copy."""
    with contextlib.ExitStack() as stack:
        with django_db_blocker.unblock():
            stack.enter_context(emptied_cheaply())
        if not is_used():
            yield
            return
        stack.enter_context(django_db_blocker.unblock())
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's
        name = connection.settings_dict["NAME"]
        PostgresServer(directory()).execute(f'CREATE DATABASE "{TEMPLATE}_{name}" TEMPLATE "{name}"')
        yield
        # Tests that ask for runs leave a runner behind, whose threads would connect to what is gone.
        dispatcher.stop()


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    """The server of this run, shared by its tests; only in runs on PostgreSQL."""
    if not is_used():
        pytest.skip("needs --ds tests.settings_postgresql")
    return PostgresServer(directory())


@pytest.fixture
def own_postgres(postgres: PostgresServer, django_db_setup: None) -> Iterator[PostgresServer]:
    """A server for this test alone, which may stop and start it; its database ``console`` is migrated and empty."""
    folder = Path(tempfile.mkdtemp(prefix="opsconsole-postgresql-"))
    server = PostgresServer(folder)
    server.create()
    server.start()
    server.execute("CREATE DATABASE console")
    server.copy(postgres, f"{TEMPLATE}_{connection.settings_dict['NAME']}", "console")
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_suffix(".log").unlink(missing_ok=True)
