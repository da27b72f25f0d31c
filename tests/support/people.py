"""Alice may run things, Bob may not, Charlie is staff and sees what everybody ran."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.accounts import person
from tests.support.rights import RUN_RIGHTS

__all__ = ["person"]


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
