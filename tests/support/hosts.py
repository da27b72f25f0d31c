"""Real OpenSSH servers on loopback, and their rows in the inventory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.fleet import Fleet, Host
from servers.models import Credential, HostKey, Server

MakeFleet = Callable[..., Fleet]
AddServers = Callable[..., list[Server]]


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """64 addresses with one host key, shared by all tests: do not freeze or kill it."""
    with Fleet.wide(tmp_path_factory.mktemp("fleet"), 64) as running:
        yield running


@pytest.fixture
def small_fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Three hosts, a server process and a host key each, for this test alone: freeze, cut and kill them."""
    with Fleet.demo(tmp_path / "fleet", ["one", "two", "three"]) as running:
        yield running


@pytest.fixture
def make_fleet(tmp_path: Path) -> Iterator[MakeFleet]:
    """Start a fleet with sshd options: ``make_fleet(3, MaxSessions="1", MaxStartups="1")``."""
    started: list[Fleet] = []

    def make(count: int = 1, **options: str) -> Fleet:
        started.append(Fleet.wide(tmp_path / f"fleet{len(started)}", count, options))
        return started[-1].start()

    yield make
    for running in started:
        running.stop()


@pytest.fixture
def add_servers(db: None) -> AddServers:
    """Put hosts of a fleet into the inventory with their keys trusted: ``add_servers(fleet, 3)``."""
    return add_to_inventory


def add_to_inventory(fleet: Fleet, count: int | None = None, names: Iterable[str] = (), **fields: Any) -> list[Server]:
    """Servers for the first ``count`` hosts of ``fleet``, named h0, h1, … or as ``names`` say."""
    hosts = fleet.hosts[:count]
    named = list(names) or ([f"h{index}" for index in range(len(hosts))])
    credential = fleet_credential(fleet)
    return [_add(host, name, credential, **fields) for host, name in zip(hosts, named, strict=True)]


def fleet_credential(fleet: Fleet) -> Credential:
    """The credential that opens the hosts of ``fleet``."""
    credential, made = Credential.objects.get_or_create(name=f"fleet {fleet.port}", defaults={"user": fleet.user})
    if made:
        credential.set_secret("private_key", fleet.private_key.read_text())
        credential.save()
    return credential


def _add(host: Host, name: str, credential: Credential, **fields: Any) -> Server:
    server = Server.objects.create(name=name, host=host.address, port=host.port, credential=credential, **fields)
    HostKey.objects.create(
        server=server,
        key_type=host.key_type,
        key=host.key,
        fingerprint=host.fingerprint,
        state=HostKey.State.TRUSTED,
    )
    return server
