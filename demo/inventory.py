"""What the demo shows: hosts with their groups and tags, and the scripts beside this file. No Django here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True)
class DemoHost:
    """A host of the demo fleet as it stands in the inventory."""

    name: str
    groups: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class DemoScript:
    """A script of the demo."""

    name: str
    description: str
    text: str


HOSTS = (
    DemoHost("web1", ("web",), ("demo", "canary")),
    DemoHost("web2", ("web",), ("demo",)),
    DemoHost("web3", ("web",), ("demo",)),
    DemoHost("db1", ("db",), ("demo", "primary")),
    DemoHost("db2", ("db",), ("demo", "replica")),
    DemoHost("cache1", ("cache",), ("demo",)),
)


def scripts() -> Iterator[DemoScript]:
    """The demo's scripts; the comment in a script's second line is its description."""
    for file in sorted(_SCRIPTS.glob("*.sh")):
        text = file.read_text()
        yield DemoScript(file.stem, text.splitlines()[1].removeprefix("#").strip(), text)
