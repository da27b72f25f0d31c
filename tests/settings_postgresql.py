"""The settings under test, on PostgreSQL: ``pytest --ds tests.settings_postgresql``."""

from __future__ import annotations

from opsconsole import databases
from tests.settings import *  # noqa: F403
from tests.support.postgres_server import PostgresServer, directory

DATABASES = {"default": databases.postgresql(PostgresServer(directory()).url("console"), connections=20)}
