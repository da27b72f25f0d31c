"""The pages and downloads. Each view asks :mod:`consoles.access` first; what is not visible does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpRequest


def user_of(request: HttpRequest) -> User:
    """Who is logged in. Every view but healthz has somebody: the login middleware lets nobody else through."""
    return cast("User", request.user)
