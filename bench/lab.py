"""Where a job is measured: real OpenSSH on many loopback addresses, and what the tools need to reach it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bench.account import Account, bench_account
from demo.fleet import Fleet

_SSH_CONFIG = """\
Host *
  User {user}
  Port {port}
  IdentityFile {key}
  IdentitiesOnly yes
  UserKnownHostsFile {known_hosts}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
  LogLevel ERROR
"""


class Failed(Exception):
    """A tool did not do the work; the message says what it said."""


@dataclass(frozen=True)
class Work:
    """What runs on every host. Its output is the same here as there, so we know each byte to expect."""

    command: str
    hosts: int
    fanout: int = 64
    #: Ours alone can do both; what ends with its connection is what the other tools do.
    mode: str = "attached"

    @cached_property
    def output(self) -> bytes:
        """What one host prints."""
        return subprocess.run(["/bin/sh", "-c", self.command], stdout=subprocess.PIPE, check=True).stdout


@dataclass
class Lab:
    """Running hosts, and a directory of files about them."""

    directory: Path
    fleet: Fleet
    account: Account
    _folders: int = field(default=0, init=False)

    @property
    def ssh_config(self) -> Path:
        """For everything built on OpenSSH's client: ``ssh -F``."""
        return self.directory / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty directory, removed afterwards. Its path is short, as control sockets ask for."""
        self._folders += 1
        path = self.directory / str(self._folders)
        path.mkdir()
        try:
            yield path
        finally:
            # Connections that were told to end remove their control sockets meanwhile.
            shutil.rmtree(path, ignore_errors=True)

    def host_file(self, count: int) -> Path:
        """A file that lists the first ``count`` addresses."""
        path = self.directory / f"hosts{count}"
        path.write_text("".join(f"{address}\n" for address in self.fleet.addresses[:count]))
        return path


@contextmanager
def open_lab(hosts: int) -> Iterator[Lab]:
    """Start ``hosts`` hosts that let one account in by key."""
    with tempfile.TemporaryDirectory(prefix="opsc-") as name:
        directory = Path(name)
        # The throwaway account must reach its home and its authorized keys; what is secret is 0600.
        directory.chmod(0o711)
        with bench_account(directory / "home") as account:
            user = account.user if account.own else ""
            with Fleet.wide(directory / "fleet", hosts, user=user) as fleet:
                lab = Lab(directory, fleet, account)
                _write_files(lab)
                yield lab


def _write_files(lab: Lab) -> None:
    lab.known_hosts.write_text("".join(f"{host.known_hosts_line}\n" for host in lab.fleet.hosts))
    values = {"user": lab.fleet.user, "port": lab.fleet.port, "key": lab.fleet.private_key}
    lab.ssh_config.write_text(_SSH_CONFIG.format(known_hosts=lab.known_hosts, **values))
