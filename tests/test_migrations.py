"""Models and migrations say the same, and every migration has a name a reader understands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).parent.parent


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=1)


def test_migrations_are_named_by_a_person() -> None:
    files = [file for app in ("servers", "consoles") for file in (ROOT / app / "migrations").glob("[0-9]*.py")]
    assert files
    automatic = [file.name for file in files if re.search(r"_auto_|_and_more|_\d{8}_\d{4}", file.name)]
    assert not automatic, f"Give these migrations a name: {automatic}"
