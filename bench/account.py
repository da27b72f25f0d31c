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

_PREFIX = "opsc-bench-"


@dataclass(frozen=True)
class Account:
    """Who logs in, and with which shell; ``own`` says that it is made for the measurement."""

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
    _remove_leftovers()
    _add(account, home)
    try:
        yield account
    finally:
        _remove(account.user)


def choose_account() -> Account:
    """Who will log in."""
    shell = shutil.which("dash")
    if os.geteuid() == 0 and shell and shutil.which("useradd"):
        return Account(f"{_PREFIX}{os.getpid()}", shell, own=True)
    entry = pwd.getpwuid(os.geteuid())
    return Account(entry.pw_name, entry.pw_shell, own=False)


def _add(account: Account, home: Path) -> None:
    # A password of * admits nobody, and unlike a locked one it does not make sshd refuse keys.
    options = ["--no-create-home", "--home-dir", str(home), "--shell", account.shell, "--password", "*"]
    subprocess.run(["useradd", *options, account.user], check=True, capture_output=True)
    home.mkdir()
    entry = pwd.getpwnam(account.user)
    os.chown(home, entry.pw_uid, entry.pw_gid)


def _remove(user: str) -> None:
    subprocess.run(["userdel", "--force", user], capture_output=True)


def _remove_leftovers() -> None:
    """Remove the accounts of measurements that were killed."""
    for entry in pwd.getpwall():
        number = entry.pw_name.removeprefix(_PREFIX)
        if number != entry.pw_name and number.isdigit() and not Path(f"/proc/{number}").exists():
            _remove(entry.pw_name)
