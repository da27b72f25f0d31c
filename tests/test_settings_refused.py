"""Settings that make no sense, and a data directory that is not ours, stop the start with one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from opsconsole import env
from tests.support.serving import ROOT


def test_a_setting_that_makes_no_sense_gets_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "opsconsole.settings",
            "OPSCONSOLE_DATA": str(tmp_path),
            "DATABASE_URL": "mysql://me:hush@db/console",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("DATABASE_URL must look like ") and done.stderr.count("\n") == 1


def test_a_data_directory_that_belongs_to_somebody_else_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(ImproperlyConfigured) as refused:
        env.private_directory(tmp_path)
    assert f"its data directory {tmp_path}" in str(refused.value)
    assert f"chown -R {os.getuid()}:{os.getgid()}" in str(refused.value)


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ImproperlyConfigured, match="file/data cannot be made .Not a directory.: choose another"):
        env.private_directory(tmp_path / "file" / "data")
