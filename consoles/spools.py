"""What servers still keep of detached programs, compared with what the console knows of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consoles import ssh
from consoles.models import HostRun
from consoles.statuses import FINAL
from consoles.targets import Targets, with_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from servers.models import Server


@dataclass(frozen=True, slots=True)
class Spool:
    """A spool on a server, with the HostRun it belongs to, if the console still knows it."""

    kept: ssh.KeptSpool
    host_run: HostRun | None

    @property
    def is_orphan(self) -> bool:
        """Whether nobody will come for it: its HostRun is over."""
        return self.host_run is not None and self.host_run.status in FINAL


@dataclass(slots=True)
class Look:
    """What was found on one server; ``trouble`` says why nothing could be."""

    server: Server
    spools: list[Spool]
    trouble: str = ""
    removed: int = 0
    ended: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """What to do with orphans: ``remove`` those that do not run, ``end`` those that do before that.

    ``unknown`` takes those of runs that this console does not know for orphans, too: they may be another console's.
    """

    remove: bool = False
    end: bool = False
    unknown: bool = False


def look(servers: Iterable[Server], wish: Wish) -> Iterator[Look]:
    """Look at one server after the other, and do there what is wished."""
    found = with_keys(server.pk for server in servers)
    prepared = Targets(connect_timeout=10).prepare(found)
    for server in sorted(found, key=lambda server: server.name):
        target = prepared[server.pk].target
        if target is None:
            yield Look(server, [], prepared[server.pk].trouble)
            continue
        try:
            yield _look_at(server, target, wish)
        except ssh.ConnectError as error:
            yield Look(server, [], str(error))


def _look_at(server: Server, target: ssh.Target, wish: Wish) -> Look:
    if not target.posix:
        return Look(server, [], f"{server.name} has no POSIX shell, and so keeps nothing.")
    with ssh.Connection(target) as connection:
        connection.open()
        result = Look(server, _with_host_runs(ssh.spools(connection)))
        wanted = [spool for spool in result.spools if spool.is_orphan or (wish.unknown and not spool.host_run)]
        orphans = [spool.kept for spool in wanted]
        if wish.end:
            running = [kept.name for kept in orphans if kept.state == "running"]
            result.ended = sum(ssh.end_spool(connection, name).confirmed for name in running)
        if wish.remove:
            names = [kept.name for kept in orphans if wish.end or kept.state != "running"]
            result.removed = len(ssh.remove_spools(connection, names)) if names else 0
        return result


def _with_host_runs(kept: list[ssh.KeptSpool]) -> list[Spool]:
    keys = {spool.key for spool in kept}
    known = HostRun.objects.filter(run__key__in=keys).select_related("run")
    by_name = {host_run.spool_name: host_run for host_run in known}
    return [Spool(spool, by_name.get(spool.name)) for spool in kept]
