"""Real SSH hosts on loopback: OpenSSH's sshd, run by the current user on a high port, key login only.

Two shapes. ``Fleet.demo(directory, names)`` gives every name a server process, an address and a host key of its own.
``Fleet.wide(directory, count)`` listens on many addresses with few processes and one host key, for tests and
measurements. Both are context managers and end everything they started, including programs run over them.

Where sshd cannot be used, the demo shape is served by asyncssh instead. Nothing here knows Django.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from demo.keeper import descendants
from demo.keeping import Keeper
from demo.keys import ensure_key
from demo.loopback import all_free, has_many_addresses, shows_ssh_banner, some_free_port, wide_addresses
from demo.openssh import MOST_ADDRESSES, find_sshd, sshd_config

_HERE = Path(__file__).parent
_FIRST_PORT = 2200
_NO_PORT = "No free port was found for the SSH hosts on loopback: end programs that listen there, or set DEMO=0."


class FleetError(Exception):
    """The fleet cannot start; the message says why and what to do."""


class FleetBusyError(FleetError):
    """Another process runs the fleet of this directory."""


class _PortTaken(Exception):
    """Somebody took a port between our look and the server's bind."""


@dataclass(frozen=True)
class Host:
    """Where one host of the fleet is reached, and the public key it shows."""

    name: str
    address: str
    port: int
    key_type: str
    key: str

    @property
    def fingerprint(self) -> str:
        """The host key's fingerprint as OpenSSH prints it."""
        digest = hashlib.sha256(base64.b64decode(self.key)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def known_hosts_line(self) -> str:
        """The host as a line of a known_hosts file."""
        return f"[{self.address}]:{self.port} {self.key_type} {self.key}"


@dataclass(frozen=True)
class _Group:
    """What one server process serves: (host name, address) pairs under one host key."""

    label: str
    members: tuple[tuple[str, str], ...]
    key: Path

    @property
    def log(self) -> Path:
        return self.key.with_name(f"{self.label}.log")

    def listens(self, port: int) -> bool:
        """Whether the server has said that it listens everywhere it should."""
        log = self.log.read_text(errors="replace")
        return all(f"Server listening on {address} port {port}." in log for _, address in self.members)

    def places(self, port: int) -> list[tuple[str, int]]:
        return [(address, port) for _, address in self.members]


class Fleet:
    """Running SSH hosts. Make one with :meth:`demo` or :meth:`wide`, then ``start()`` or ``with``."""

    def __init__(
        self, directory: Path, groups: Sequence[_Group], options: Mapping[str, str], server: str, user: str = ""
    ) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if user:
            # sshd reads the authorized keys as the user who logs in; the private keys have modes of their own.
            directory.chmod(0o711)
        self.directory = directory
        self.user = user or _account()
        self.private_key = directory / "login.key"
        self.home = directory / "home"
        self.home.mkdir(exist_ok=True)
        if user:
            os.chown(self.home, pwd.getpwnam(user).pw_uid, -1)
        self.server = server
        self.hosts: list[Host] = []
        self._groups = groups
        self._options = options
        self._keeper: Keeper | None = None
        self._lock: int | None = None
        self._pids: dict[str, int] = {}
        self._own_homes = False

    @classmethod
    def demo(cls, directory: Path, names: Sequence[str], server: str | None = None, own_homes: bool = False) -> Self:
        """One server process, address and host key per name. ``server``: "openssh", "asyncssh" or what is there.

        With ``own_homes`` each also has a home directory of its own, as :meth:`home_of` says.
        """
        addresses = [f"127.0.0.{number}" for number in range(2, 2 + len(names))]
        if not has_many_addresses():
            addresses = ["127.0.0.1"] * len(names)
        groups = [
            _Group(name, ((name, address),), directory / f"{name}.hostkey")
            for name, address in zip(names, addresses, strict=True)
        ]
        fleet = cls(directory, groups, {}, server or ("openssh" if find_sshd() else "asyncssh"))
        fleet._own_homes = own_homes
        return fleet

    @classmethod
    def wide(cls, directory: Path, count: int, options: Mapping[str, str] | None = None, user: str = "") -> Self:
        """``count`` addresses with one host key; ``options`` are further sshd_config lines, which win over ours.

        A host's name is its address. sshd listens on 16 addresses at most, so there is one process per 16 hosts.
        ``MaxStartups`` counts per process and is therefore raised here unless ``options`` says otherwise.
        ``user`` logs in instead of the current one, which only root can offer.
        """
        if not find_sshd():
            raise FleetError("This needs OpenSSH's server: install the package openssh-server.")
        members = [(address, address) for address in wide_addresses(count)]
        groups = [
            _Group(f"wide{start // MOST_ADDRESSES}", tuple(members[start : start + MOST_ADDRESSES]), key)
            for key in [directory / "wide.hostkey"]
            for start in range(0, count, MOST_ADDRESSES)
        ]
        return cls(directory, groups, {"MaxStartups": "1000", **(options or {})}, "openssh", user)

    @property
    def addresses(self) -> list[str]:
        """The hosts' addresses, in order."""
        return [host.address for host in self.hosts]

    @property
    def port(self) -> int:
        """The port of the first host; in the wide shape that of all."""
        return self.hosts[0].port

    @property
    def running(self) -> bool:
        return self._keeper is not None and self._keeper.running

    @property
    def keeper_pid(self) -> int:
        """The process that everything on the hosts descends from."""
        assert self._keeper is not None
        return self._keeper.pid

    def host_keys(self) -> dict[str, tuple[str, str]]:
        """(type, base64 key) by host name."""
        return {host.name: (host.key_type, host.key) for host in self.hosts}

    def host(self, name: str) -> Host:
        """The host called ``name``."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise FleetError(f"The fleet has no host called {name}.")

    def log(self) -> str:
        """What the servers logged since the start."""
        return "".join(group.log.read_text(errors="replace") for group in self._groups if group.log.exists())

    def start(self, timeout: float = 20) -> Self:
        """Start the hosts and wait until they show their SSH banner."""
        self._take_directory()
        ensure_key(self.private_key)
        deadline = time.monotonic() + timeout
        for ports in self._candidate_ports():
            try:
                self._launch(ports)
                self._await_banners(ports, deadline)
            except _PortTaken:
                self._end_keeper()
            except BaseException:
                self.stop()
                raise
            else:
                self._remembered_ports.write_text(json.dumps(ports))
                return self
        self.stop()
        raise FleetError(_NO_PORT)

    def stop(self) -> None:
        """End the servers, their connections and the programs run over them. May be called twice."""
        self._end_keeper()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def server_processes(self, name: str) -> list[int]:
        """Process ids of the server that serves ``name`` and of its connections, without the programs they run."""
        master = self._pids[self._group_of(name).label]
        return [master, *(pid for pid in descendants(master) if _command_name(pid).startswith("sshd"))]

    def freeze(self, name: str) -> None:
        """Stop the server of ``name`` in its tracks: connections stay open and stay silent, as on a hung host."""
        _signal(self.server_processes(name), signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Undo :meth:`freeze`."""
        _signal(self.server_processes(name), signal.SIGCONT)

    def cut(self, name: str) -> None:
        """Kill the open connections of ``name``; it goes on accepting new ones."""
        _signal(self.server_processes(name)[1:], signal.SIGKILL)

    def kill(self, name: str) -> None:
        """Kill the server of ``name`` and its connections. In the wide shape its 15 neighbours go with it."""
        _signal(self.server_processes(name), signal.SIGKILL)

    def kill_listener(self, name: str) -> None:
        """Kill only what accepts connections for ``name``: those that are open go on, as in an upgrade of sshd."""
        _signal(self.server_processes(name)[:1], signal.SIGKILL)

    def revive(self, name: str, timeout: float = 20) -> None:
        """Start the server of ``name`` again after it was killed, and wait until it answers."""
        group, port = self._group_of(name), self.host(name).port
        assert self._keeper is not None
        command = {"argv": self._command(group, port), "log": str(group.log)}
        self._pids[group.label] = self._keeper.start([command])[0]
        deadline = time.monotonic() + timeout
        while not shows_ssh_banner(group.members[0][1], port, max(deadline - time.monotonic(), 0.01)):
            if time.monotonic() > deadline:
                raise FleetError(f"The SSH host {name} did not come back: see {group.log}.")
            time.sleep(0.01)

    def home_of(self, name: str) -> Path:
        """The home directory of who logs in on ``name``."""
        return self.home / self._group_of(name).label if self._own_homes else self.home

    def _group_of(self, name: str) -> _Group:
        host = self.host(name)
        return next(group for group in self._groups if (host.name, host.address) in group.members)

    def _take_directory(self) -> None:
        """Two fleets over the same keys and ports file would put each other out of the inventory."""
        self._lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            self._lock = None
            raise FleetBusyError("These SSH hosts are already run by another process: end that one first.") from None

    def _end_keeper(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.end()

    @cached_property
    def _remembered_ports(self) -> Path:
        return self.directory / "ports.json"

    def _candidate_ports(self) -> Iterator[list[int]]:
        """Free ports, one per group: first those of the last start, so that addresses stay what they were."""
        for ports in self._possible_ports():
            places = [group.places(port) for group, port in zip(self._groups, ports, strict=True)]
            if all_free(place for group in places for place in group):
                yield ports

    def _possible_ports(self) -> Iterator[list[int]]:
        with contextlib.suppress(OSError, ValueError):
            remembered = json.loads(self._remembered_ports.read_text())
            if isinstance(remembered, list) and len(remembered) == len(self._groups):
                yield [int(port) for port in remembered]
        addresses = [address for group in self._groups for _, address in group.members]
        step = 0 if len(set(addresses)) == len(addresses) else 1
        for first in (_FIRST_PORT, *(some_free_port() for _ in range(20))):
            yield [min(first + step * number, 65535) for number in range(len(self._groups))]

    def _launch(self, ports: Sequence[int]) -> None:
        self.hosts = []
        commands = []
        for group, port in zip(self._groups, ports, strict=True):
            key_type, key = ensure_key(group.key)
            self.hosts += [Host(name, address, port, key_type, key) for name, address in group.members]
            group.log.write_text("")
            commands.append({"argv": self._command(group, port), "log": str(group.log)})
        self._keeper = Keeper()
        started = self._keeper.start(commands)
        if not started:
            raise FleetError("The SSH hosts on loopback could not be started: see the message above, or set DEMO=0.")
        self._pids = dict(zip([group.label for group in self._groups], started, strict=True))

    def _command(self, group: _Group, port: int) -> list[str]:
        authorized = Path(f"{self.private_key}.pub")
        home = self.home / group.label if self._own_homes else self.home
        home.mkdir(exist_ok=True)
        if self.server == "asyncssh":
            script = str(_HERE / "asyncssh_server.py")
            where = [group.label, group.members[0][1], str(port)]
            return [sys.executable, script, *where, str(group.key), str(authorized), self.user, str(home)]
        config = self.directory / f"{group.label}.sshd_config"
        lines = sshd_config(
            sshd=self._sshd,
            label=group.label,
            places=group.places(port),
            host_key=group.key,
            authorized_keys=authorized,
            home=home,
            user=self.user,
            options=self._options,
        )
        config.write_text("".join(f"{line}\n" for line in lines))
        return [self._sshd, "-D", "-e", "-f", str(config.absolute())]

    @cached_property
    def _sshd(self) -> str:
        sshd = find_sshd()
        if sshd is None:
            raise FleetError("OpenSSH's server is not installed, or this account may not log in through it.")
        return sshd

    def _await_banners(self, ports: Sequence[int], deadline: float) -> None:
        """Wait for one host of each server. A banner alone may be that of who took the port before us."""
        for group, port in zip(self._groups, ports, strict=True):
            while not group.listens(port) or not shows_ssh_banner(
                group.members[0][1], port, max(deadline - time.monotonic(), 0.01)
            ):
                self._refuse_if_ended()
                if time.monotonic() > deadline:
                    raise FleetError(f"The SSH host {group.label} did not answer in time: see {group.log}.")
                # A refused connect returns at once; without a pause we would take the processor from the server.
                time.sleep(0.005)
        self._refuse_if_ended()

    def _refuse_if_ended(self) -> None:
        assert self._keeper is not None
        # Looked for before the log is read: what ends in between has said why by then, or is seen the next time.
        are_alive = set(self._pids.values()) <= set(descendants(self._keeper.pid))
        log = self.log()
        # sshd goes on when it gets some of its addresses but not all.
        if "ddress already in use" in log:
            raise _PortTaken
        if are_alive:
            return
        raise FleetError(f"An SSH host on loopback ended at its start: {' '.join(log.split())[-300:]}")


def _account() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid{os.geteuid()}"


def _command_name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
