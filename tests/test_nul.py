"""NUL and half characters in requests: refused with a sentence, or harmless, and never a fault of the server."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.test import Client

from consoles import actions
from consoles.models import Run
from consoles.statuses import Status
from tests.support.people import person
from tests.support.rights import RUN_RIGHTS
from tests.support.runs import add_run, add_server

# Asking for a run makes a runner, whose thread must not wait for a transaction that ends with the test.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice(transactional_db: None) -> User:
    return person("alice", *RUN_RIGHTS, is_staff=True, is_superuser=True)


@pytest.fixture
def asking(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.mark.parametrize(
    "address",
    [
        "/runs/?q=%00",
        "/runs/?search=a%00b&server=%00&requester=%00",
        "/search/?q=%00&server=%00",
        "/search.json?q=a%00b&server=x%00",
        "/runs/new/?servers=a%00b",
        "/runs/{run}/search.json?q=%00",
        "/runs/{run}/merged.json?hosts=%00",
        "/runs/{run}/?q=%00&view=%00",
        "/admin/servers/server/?q=%00",
        "/admin/consoles/run/?q=%00",
        "/admin/auth/user/?q=%00",
    ],
)
def test_no_page_fails_of_it(asking: Client, alice: User, address: str) -> None:
    run = add_run(alice, {"web1": Status.SUCCEEDED})
    answer = asking.get(address.format(run=run.pk), follow=True)
    assert answer.status_code in (200, 400, 404)


@pytest.mark.parametrize("path", ["/login/", "/runs/new/"])
def test_no_form_fails_of_it(asking: Client, path: str) -> None:
    client = Client() if path == "/login/" else asking
    fields = {
        "username": "a\0b",
        "password": "\0",
        "names": "web1\0",
        "command": "true\0",
        "title": "\0",
        "action": "start",
    }
    answer = client.post(path, fields | {"key": str(uuid.uuid4())})
    assert answer.status_code in (200, 400, 422)
    assert not Run.objects.exists()


def test_titles_and_names_hold_none(alice: User) -> None:
    server = add_server("web1")
    run = actions.request_run(
        actions.Request(str(uuid.uuid4()), (server.name,), "true", title="Up\0date \ud800"), None, "tester"
    )
    assert "\0" not in Run.objects.get(pk=run.pk).title


def test_names_with_it_are_unknown_names(alice: User) -> None:
    with pytest.raises(actions.RequestError, match="web1"):
        actions.request_run(actions.Request(str(uuid.uuid4()), ("web1\0",), "true"), alice)
