"""What hosts keep of detached programs: looking at it, and removing what nobody needs any more."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consoles.ssh import remote_sh
from consoles.ssh.asking import Answer, ask
from consoles.ssh.events import ConnectError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consoles.ssh.connection import Connection

#: Seconds for a host to look through its spools.
_PATIENCE = 60.0
#: What we name spools: the key of a run and the index of a host in it.
_NAME = re.compile(r"(?P<key>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(?P<index>\d+)")


@dataclass(frozen=True, slots=True)
class KeptSpool:
    """One spool on a host. ``state`` is ``running``, ``broken`` or ``ended``, ``exit_status`` None unless it ended."""

    name: str
    kib: int
    days: int
    state: str
    exit_status: int | None = None

    @property
    def key(self) -> str:
        """The key of the run it belongs to."""
        return self.name[:36]

    @property
    def index(self) -> int:
        """The index of the host in that run."""
        return int(self.name[37:])


def spools(connection: Connection) -> list[KeptSpool]:
    """What the host keeps for this login. Raises :class:`ConnectError` when it cannot say."""
    return [found for line in _answer(connection, ()).after("spool") if (found := _kept(line))]


def remove_spools(connection: Connection, names: Iterable[str]) -> list[str]:
    """Remove spools whose programs do not run any more; gives back the names of those that are gone."""
    return _answer(connection, [name for name in names if _NAME.fullmatch(name)]).after("removed")


def _answer(connection: Connection, remove: Iterable[str]) -> Answer:
    answer = ask(connection, remote_sh.spools(remove), _PATIENCE)
    if not answer.complete:
        raise ConnectError(f"{connection.target.name} did not list its spools within {_PATIENCE:g} s: try again.")
    return answer


def _number(word: str) -> int:
    """A number as a host says it; 0 for what is none, as hosts may say anything."""
    return int(word) if word.isascii() and word.isdigit() and len(word) < 19 else 0


def _kept(line: str) -> KeptSpool | None:
    match line.split():
        case [name, kib, days, ("running" | "broken") as state] if _NAME.fullmatch(name):
            return KeptSpool(name, _number(kib), _number(days), state)
        case [name, kib, days, "ended", status] if _NAME.fullmatch(name):
            return KeptSpool(name, _number(kib), _number(days), "ended", _number(status))
    return None
