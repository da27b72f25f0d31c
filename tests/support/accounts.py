"""Users made directly in the database. Helpers of servers use it, so it loads nothing of pytest or Django's client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Permission, User

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
    named = Permission.objects.filter(codename__in=[codename for _, codename in wanted])
    keys = {(app, name): key for app, name, key in named.values_list("content_type__app_label", "codename", "pk")}
    return [keys[app, codename] for app, codename in wanted]
