"""From what somebody picked (names, groups, tags, a search) to the servers it means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.db.models import Q

from servers.models import Group, Server, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import Model, QuerySet

#: Names in one query: below what any database takes as parameters.
_BATCH = 500
_SEPARATORS = re.compile(r"[\s,;]+")
_NUMBERS = re.compile(r"(\d+)")


class UnknownNames(Exception):
    """Some of what was picked does not exist, or may not be picked. Holds all of it, not only the first."""

    def __init__(self, names: Iterable[str] = (), groups: Iterable[str] = (), tags: Iterable[str] = ()) -> None:
        self.names, self.groups, self.tags = tuple(names), tuple(groups), tuple(tags)
        super().__init__(" ".join(self.sentences()))

    def sentences(self) -> list[str]:
        """One sentence per kind, naming everything that is unknown."""
        kinds = {"server": self.names, "group": self.groups, "tag": self.tags}
        return [_unknown(kind, names) for kind, names in kinds.items() if names]


def _unknown(kind: str, names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return f"There is no {kind} named {names[0]} that you can pick: correct the name or take it out."
    return f"There are no {kind}s named {', '.join(names)} that you can pick: correct the names or take them out."


def parse_names(text: str) -> list[str]:
    """The names in ``text``, separated by white space, commas or semicolons, in order and without duplicates."""
    return list(dict.fromkeys(name for name in _SEPARATORS.split(text) if name))


def resolve(
    servers: QuerySet[Server],
    *,
    names: Iterable[str] = (),
    groups: Iterable[str] = (),
    tags: Iterable[str] = (),
    search: str = "",
) -> list[Server]:
    """The servers among ``servers`` that any of the picks means, each once.

    Named ones come first, in the order they were named (with a fan-out of 1 that is the order they run in), then the
    others by name. An empty search picks nothing. Raises :class:`UnknownNames` with all that does not exist.
    """
    wanted, in_groups, with_tags = list(dict.fromkeys(names)), set(groups), set(tags)
    found = _by_name(servers, wanted)
    unknown = UnknownNames(
        (name for name in wanted if name not in found), _missing(Group, in_groups), _missing(Tag, with_tags)
    )
    if unknown.sentences():
        raise unknown
    picked = _by_label(servers, in_groups, with_tags, search)
    others = sorted((server for server in picked if server.name not in found), key=lambda server: natural(server.name))
    return [*found.values(), *others]


def matching(search: str) -> Q:
    """Servers where each word of ``search`` occurs in the name, the host, a group or a tag."""
    condition = Q()
    for word in search.split():
        # Subqueries, not joins: a server in five groups is one row.
        in_group = Q(pk__in=Group.servers.through.objects.filter(group__name__icontains=word).values("server_id"))
        in_tag = Q(pk__in=Tag.servers.through.objects.filter(tag__name__icontains=word).values("server_id"))
        condition &= Q(name__icontains=word) | Q(host__icontains=word) | in_group | in_tag
    return condition


def natural(name: str) -> list[tuple[int, int | str]]:
    """A sort key that puts web2 before web10."""
    parts = [(0, int(part)) if part.isdecimal() else (1, part) for part in _NUMBERS.split(name.lower()) if part]
    # Last the name itself, so that web7 and web007 always come in the same order.
    return [*parts, (-1, name)]


def _by_name(servers: QuerySet[Server], names: list[str]) -> dict[str, Server]:
    found: dict[str, Server] = {}
    for start in range(0, len(names), _BATCH):
        some = names[start : start + _BATCH]
        found |= {server.name: server for server in servers.filter(name__in=some)}
    return {name: found[name] for name in names if name in found}


def _by_label(servers: QuerySet[Server], groups: set[str], tags: set[str], search: str) -> list[Server]:
    condition = Q(pk__in=Group.servers.through.objects.filter(group__name__in=groups).values("server_id"))
    condition |= Q(pk__in=Tag.servers.through.objects.filter(tag__name__in=tags).values("server_id"))
    if search.strip():
        condition |= matching(search)
    elif not groups and not tags:
        return []
    return list(servers.filter(condition))


def _missing(model: type[Model], names: set[str]) -> list[str]:
    return sorted(names - set(model._default_manager.filter(name__in=names).values_list("name", flat=True)))
