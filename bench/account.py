"""The account that programs run as on the hosts: one whose login shell costs next to nothing.

An interactive shell's start-up files can take longer than everything that is measured here. As root we make a throwaway
account with dash and without such files; anybody else measures with the account they have.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NAME = "opsc-bench"


@dataclass(frozen=True)
class Account:
    """Who logs in, and with which shell. ``own`` is the throwaway account's mark."""

    user: str
    shell: str
    own: bool


@contextmanager
def bench_account(home: Path) -> Iterator[Account]:
    """An account to log in with; a throwaway one is removed afterwards."""
    account = choose_account()
    if not account.own:
        yield account
        return
    _add(home, account.shell)
    try:
        yield account
    finally:
        _remove()


def choose_account() -> Account:
    """Who will log in."""
    shell = shutil.which("dash")
    if os.geteuid() == 0 and shell and shutil.which("useradd"):
        return Account(NAME, shell, own=True)
    entry = pwd.getpwuid(os.geteuid())
    return Account(entry.pw_name, entry.pw_shell, own=False)


def _add(home: Path, shell: str) -> None:
    if _exists():
        # An earlier measurement was killed.
        _remove()
    # A password of * admits nobody, and unlike a locked one it does not make sshd refuse keys.
    command = ["useradd", "--no-create-home", "--home-dir", str(home), "--shell", shell, "--password", "*", NAME]
    subprocess.run(command, check=True, capture_output=True, text=True)
    home.mkdir()
    entry = pwd.getpwnam(NAME)
    os.chown(home, entry.pw_uid, entry.pw_gid)


def _remove() -> None:
    subprocess.run(["userdel", "--force", NAME], check=True, capture_output=True, text=True)


def _exists() -> bool:
    try:
        pwd.getpwnam(NAME)
    except KeyError:
        return False
    return True
