"""A console that is started before its database server waits for it and says so; one that outlives it ends quietly."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from consoles.management import database_wait
from consoles.management.database_wait import wait_for_database
from demo.loopback import some_free_port
from tests.support.postgres_server import PostgresServer
from tests.support.serving import Serving


def test_says_why_it_waits_without_the_password_and_ends_at_once_when_told_to(tmp_path: Path) -> None:
    url = f"postgresql://console:hush@127.0.0.1:{some_free_port()}/console"
    with Serving(tmp_path, DEMO="0", DATABASE_URL=url) as serving:
        said = serving.wait_for("Waiting for PostgreSQL")
        assert "Connection refused." in said
        status, rest = serving.end(signal.SIGTERM)
    assert (status, rest) == (0, "")
    assert "hush" not in said


def test_ends_with_the_reason_when_the_database_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_wait, "refusal", lambda: "it sleeps.")
    told: list[str] = []
    with pytest.raises(SystemExit, match="PostgreSQL cannot be used: it sleeps. Correct that or DATABASE_URL"):
        wait_for_database(told.append, patience=0)
    assert told == ["Waiting for PostgreSQL, for up to 0 seconds: it sleeps."]


def test_is_told_once_and_goes_on_as_soon_as_the_database_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[str] = iter(["refused.", "it starts up.", ""])
    monkeypatch.setattr(database_wait, "refusal", lambda: next(answers))
    monkeypatch.setattr(database_wait, "PAUSE", 0)
    told: list[str] = []
    wait_for_database(told.append)
    assert len(told) == 1 and told[0].endswith(": refused.")


def test_nobody_waits_for_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "sqlite")
    monkeypatch.setattr(connection, "get_connection_params", None)
    assert database_wait.refusal() == ""


@pytest.mark.databases
def test_serves_as_soon_as_postgresql_has_started(
    tmp_path: Path, own_postgres: PostgresServer, transactional_db: None
) -> None:
    own_postgres.stop()
    with Serving(tmp_path, DEMO="0", DATABASE_URL=own_postgres.url("console")) as serving:
        serving.wait_for("Waiting for PostgreSQL")
        own_postgres.start()
        assert "Log in as" in serving.banner()


@pytest.mark.databases
def test_ends_without_a_traceback_when_postgresql_ended_first(
    tmp_path: Path, own_postgres: PostgresServer, transactional_db: None
) -> None:
    with Serving(tmp_path, DEMO="0", DATABASE_URL=own_postgres.url("console")) as serving:
        serving.banner()
        own_postgres.stop("fast")
        status, rest = serving.end(signal.SIGTERM)
    assert status == 0
    assert "Traceback" not in rest
    assert "the next console goes on from what is stored" in rest


@pytest.mark.databases
def test_names_what_postgresql_objects_to(own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", str(own_postgres.directory))
    monkeypatch.setitem(connection.settings_dict, "NAME", "nowhere")
    assert 'database "nowhere" does not exist.' in database_wait.refusal()
