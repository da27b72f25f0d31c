"""Alice may run things, Bob may not, Charlie is staff and sees what everybody ran."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.support.rights import RUN_RIGHTS


def person(name: str, *rights: str, **fields: Any) -> User:
    """A user with these rights, whose password is their name and ``-password``."""
    user = User.objects.create_user(name, password=f"{name}-password", **fields)
    for right in rights:
        app, codename = right.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    # Loaded again, because Django keeps the rights a user object once answered for.
    return User.objects.get(pk=user.pk)


@pytest.fixture
def alice(db: None) -> User:
    """May pick servers and scripts and start runs."""
    return person("alice", *RUN_RIGHTS)


@pytest.fixture
def bob(db: None) -> User:
    """May log in, and nothing else."""
    return person("bob")


@pytest.fixture
def charlie(db: None) -> User:
    """Staff: sees and cancels the runs of everybody, and starts none."""
    return person("charlie", "consoles.view_all_runs", "consoles.cancel_run", is_staff=True)


@pytest.fixture
def root(db: None) -> User:
    """A superuser."""
    return person("root", is_staff=True, is_superuser=True)


@pytest.fixture
def alice_client(alice: User) -> Client:
    """A client logged in as Alice."""
    client = Client()
    client.force_login(alice)
    return client
