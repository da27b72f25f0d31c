"""The database that tests of this process use: migrated once for all workers, and emptied without migrating again."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import TransactionTestCase

from tests.support.emptying import empty_tables, kept_rows
from tests.support.postgres_server import is_used


def migrated(factory: pytest.TempPathFactory, make: Callable[[Path], object]) -> Path:
    """The empty, migrated SQLite file of this run; who asks first makes it: migrating takes longer than most tests."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made, begun = shared / "migrated.sqlite3", shared / "migrated.begun"
    with (shared / "migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            make(begun)
            begun.rename(made)
    return made


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Let the test database be a copy of one that another worker or a server has migrated."""
    if is_used():
        yield
        return
    migrate = connection.creation.create_test_db

    def create(**options: Any) -> str:
        def make(target: Path) -> None:
            migrate(**options)
            connection.close()
            shutil.copy(connection.settings_dict["NAME"], target)

        source = migrated(tmp_path_factory, make)
        name = str(connection.settings_dict["TEST"]["NAME"])
        if connection.settings_dict["NAME"] != name:
            connection.close()
            settings.DATABASES[connection.alias]["NAME"] = connection.settings_dict["NAME"] = name
            shutil.copy(source, name)
        return name

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection.creation, "create_test_db", create)
        yield


@contextlib.contextmanager
def emptied_cheaply() -> Iterator[None]:
    """After a test that commits, Django would also make each permission anew: several times what the rest costs."""
    if ContentType._meta.db_table not in connection.introspection.table_names():
        # Django makes no test database where no test is marked for it.
        yield
        return
    kept = kept_rows()
    as_django_does = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # nothing public does

    def empty(case: TransactionTestCase) -> None:
        if kept_rows() == kept:
            empty_tables()
        else:
            as_django_does(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty)
        yield
