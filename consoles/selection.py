"""From what somebody picked (names, groups, tags, a search) to the servers it means."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db.models import Q

from consoles.node_sets import BadNodeSet, expand, is_node_set, parse_names, size
from consoles.protocol import MAX_SERVERS
from servers.models import Group, Server, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import Model, QuerySet

__all__ = ["UnknownNames", "matching", "natural", "parse_names", "pick", "resolve"]

#: Names in one query: below what any database takes as parameters.
_BATCH = 500
#: Unknown names for which a similar one is looked for, and how many a sentence names.
_MOST_SUGGESTED = 5
_MOST_TOLD = 20
_NUMBERS = re.compile(r"(\d+)")


class UnknownNames(Exception):
    """Some of what was picked does not exist, may not be picked, or is not clear. Holds all of it, not only the first.

    ``similar`` maps unknown names to ones that may be meant, ``problems`` are sentences about words that cannot be
    read or may mean several servers, and ``selection`` is what all the rest means.
    """

    def __init__(
        self,
        names: Iterable[str] = (),
        groups: Iterable[str] = (),
        tags: Iterable[str] = (),
        *,
        similar: dict[str, str] | None = None,
        problems: Iterable[str] = (),
        selection: Iterable[Server] = (),
    ) -> None:
        self.names, self.groups, self.tags = tuple(names), tuple(groups), tuple(tags)
        self.similar, self.problems, self.selection = similar or {}, tuple(problems), list(selection)
        super().__init__(" ".join(self.sentences()))

    def sentences(self) -> list[str]:
        """One sentence per kind, naming what is unknown, and one for each word that is not clear."""
        kinds = {"server": self.names, "group": self.groups, "tag": self.tags}
        unknown = [_unknown(kind, names, self.similar) for kind, names in kinds.items() if names]
        return [*unknown, *self.problems[:_MOST_TOLD]]


def _unknown(kind: str, names: tuple[str, ...], similar: dict[str, str]) -> str:
    if len(names) == 1:
        told = f"There is no {kind} named {names[0]} that you can pick"
        if names[0] in similar:
            return f"{told}: did you mean {similar[names[0]]}?"
        return f"{told}: correct the name or take it out."
    listed = [f"{name} (did you mean {similar[name]}?)" if name in similar else name for name in names[:_MOST_TOLD]]
    more = f" and {len(names) - _MOST_TOLD:,} more" if len(names) > _MOST_TOLD else ""
    return (
        f"There are no {kind}s named {', '.join(listed)}{more} that you can pick: correct the names or take them out."
    )


def resolve(
    servers: QuerySet[Server],
    *,
    names: Iterable[str] = (),
    groups: Iterable[str] = (),
    tags: Iterable[str] = (),
    search: str = "",
    loosely: bool = False,
) -> list[Server]:
    """The servers among ``servers`` that any of the picks means, each once.

    Named ones come first, in the order they were named (with a fan-out of 1 that is the order they run in), then the
    others by name. An empty search picks nothing. Names are exact; ``loosely`` they may also be node sets, differ in
    case, or be addresses, as people type them. Raises :class:`UnknownNames` with all that is wrong.
    """
    wanted, in_groups, with_tags = list(dict.fromkeys(names)), set(groups), set(tags)
    found = _by_name(servers, wanted)
    meant = _meant(servers, wanted, found) if loosely else _Meant([name for name in wanted if name not in found])
    if meant.names:
        extra = _by_name(servers, list(dict.fromkeys(name for some in meant.names.values() for name in some)))
        found = {s.name: s for word in wanted for s in _servers_of(word, found, meant, extra)}
    picked = _by_label(servers, in_groups, with_tags, search)
    others = sorted((server for server in picked if server.name not in found), key=lambda server: natural(server.name))
    selection = [*found.values(), *others]
    unknown = UnknownNames(
        meant.unknown,
        _missing(Group, in_groups),
        _missing(Tag, with_tags),
        similar=meant.similar,
        problems=meant.problems,
        selection=selection,
    )
    if unknown.sentences():
        raise unknown
    return selection


@dataclass
class _Meant:
    """What words that are no server's name may mean."""

    unknown: list[str] = field(default_factory=list)
    names: dict[str, list[str]] = field(default_factory=dict)
    similar: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def _meant(servers: QuerySet[Server], wanted: list[str], found: dict[str, Server]) -> _Meant:
    words = [word for word in wanted if word not in found]
    meant = _Meant()
    if not words:
        return meant
    catalogue = _Catalogue(servers)
    room = MAX_SERVERS
    for word in words:
        try:
            # Counted first: a list of thousands of large sets would take minutes to write out.
            count = size(word) if is_node_set(word) else 1
            room -= count if count <= MAX_SERVERS else 0
            if room < 0:
                meant.problems.append(f"A run may have at most {MAX_SERVERS:,} servers: leave {word} out.")
                continue
            names = expand(word, MAX_SERVERS) if is_node_set(word) else [word]
        except BadNodeSet as error:
            meant.problems.append(str(error))
            continue
        meant.names[word] = [name for one in names if (name := catalogue.name_of(one, meant))]
    meant.unknown = list(dict.fromkeys(meant.unknown))
    meant.similar = {name: similar for name in meant.unknown[:_MOST_SUGGESTED] if (similar := catalogue.similar(name))}
    return meant


class _Catalogue:
    """All servers that may be picked, by name in any case and by address."""

    def __init__(self, servers: QuerySet[Server]) -> None:
        self._names: dict[str, list[str]] = {}
        self._hosts: dict[str, list[str]] = {}
        for name, host in servers.order_by("name").values_list("name", "host"):
            self._names.setdefault(name.lower(), []).append(name)
            self._hosts.setdefault(host.lower(), []).append(name)

    def name_of(self, word: str, meant: _Meant) -> str:
        """The one name that ``word`` means; "" when there is none or several, which ``meant`` is told."""
        low = word.lower()
        named = self._names.get(low, [])
        if word in named or len(named) == 1:
            return word if word in named else named[0]
        found = named or self._hosts.get(low, [])
        if len(found) == 1:
            return found[0]
        if not found:
            meant.unknown.append(word)
        elif named:
            meant.problems.append(f"{word} may mean {_either(found)}: write it exactly as it is named.")
        else:
            meant.problems.append(f"{word} is the address of {len(found)} servers: name {_either(found)}.")
        return ""

    def similar(self, word: str) -> str | None:
        """A name much like ``word``, if there is one."""
        low = word.lower()
        near = [name for name in self._names if abs(len(name) - len(low)) <= 3]
        close = difflib.get_close_matches(low, near, n=1, cutoff=0.75) if len(low) <= 100 else []
        return self._names[close[0]][0] if close else None


def _servers_of(word: str, found: dict[str, Server], meant: _Meant, extra: dict[str, Server]) -> list[Server]:
    if word in found:
        return [found[word]]
    return [extra[name] for name in meant.names.get(word, []) if name in extra]


def _either(names: list[str]) -> str:
    return f"{', '.join(names[:3])} or another one" if len(names) > 3 else " or ".join(names)


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


def pick(text: str) -> list[Server]:
    """Servers for words of which each names a server, else a group, else a tag.

    Raises :class:`UnknownNames` with every unknown one.
    """
    words = parse_names(text)
    servers = Server.objects.filter(enabled=True)
    named = set(servers.filter(name__in=words).values_list("name", flat=True))
    groups = set(Group.objects.filter(name__in=words).values_list("name", flat=True)) - named
    tags = set(Tag.objects.filter(name__in=words).values_list("name", flat=True)) - named - groups
    rest = [word for word in words if word not in groups | tags]
    return resolve(servers, names=rest, groups=groups, tags=tags, loosely=True)
