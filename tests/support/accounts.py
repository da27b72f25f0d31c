"""Users made directly in the database. Helpers of servers use it, so it loads nothing of pytest or Django's client."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Permission, User
from django.db.models import Q

if TYPE_CHECKING:
    from collections.abc import Iterable


def person(name: str, *rights: str, **fields: Any) -> User:
    """A user with these rights, whose password is their name and ``-password``."""
    user = User.objects.create_user(name, password=f"{name}-password", **fields)
    if rights:
        user.user_permissions.add(*_permissions(rights))
    # Loaded again, because Django keeps the rights a user object once answered for.
    return User.objects.get(pk=user.pk)


def _permissions(rights: Iterable[str]) -> list[int]:
    """The keys of ``app.codename``, all in one query; raises ``KeyError`` for a right that does not exist."""
    wanted = [right.split(".") for right in rights]
    either = reduce(or_, (Q(content_type__app_label=app, codename=codename) for app, codename in wanted))
    found = Permission.objects.filter(either).values_list("content_type__app_label", "codename", "pk")
    keys = {(app, codename): key for app, codename, key in found}
    return [keys[app, codename] for app, codename in wanted]
