"""Who gets what at every address. An address that nobody has thought about here fails the test."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from consoles.models import HostRun, Run
from consoles.statuses import Status
from tests.support.people import RUN_RIGHTS, person
from tests.support.runs import add_output, add_run, add_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponseBase

pytestmark = pytest.mark.django_db

OK, LOGIN, TO_RUNS, FORBIDDEN, MISSING, WRONG_METHOD, WRONG_FORM = "ok", "login", "runs", 403, 404, 405, 422

#: alice owns the run and may start runs; dora may start runs too, but this one is not hers; bob may log in only;
#: charlie is staff who sees and cancels everything and starts nothing; root may do everything.
PEOPLE = ("nobody", "alice", "dora", "bob", "charlie", "root")

#: method, address, what each of PEOPLE gets.
MATRIX: dict[str, list[tuple[Any, ...]]] = {
    "home": [("get", "/", LOGIN, TO_RUNS, TO_RUNS, TO_RUNS, TO_RUNS, TO_RUNS)],
    "run-list": [("get", "/runs/", LOGIN, OK, OK, OK, OK, OK), ("post", "/runs/", LOGIN, *[WRONG_METHOD] * 5)],
    "run-new": [
        ("get", "/runs/new/", LOGIN, OK, OK, FORBIDDEN, FORBIDDEN, OK),
        ("get", "/runs/new/?rerun={run}", LOGIN, OK, MISSING, FORBIDDEN, FORBIDDEN, OK),
        ("post", "/runs/new/?action=start", LOGIN, OK, OK, FORBIDDEN, FORBIDDEN, OK),
    ],
    "run-review": [
        ("get", "/runs/review/", LOGIN, *[WRONG_METHOD] * 5),
        ("post", "/runs/review/", LOGIN, OK, OK, FORBIDDEN, FORBIDDEN, OK),
    ],
    "run-detail": [
        ("get", "/runs/{run}/", LOGIN, OK, MISSING, MISSING, OK, OK),
        ("get", "/runs/99999999/", LOGIN, *[MISSING] * 5),
        ("get", "/runs/99999999999999999999999999/", LOGIN, *[MISSING] * 5),
    ],
    "run-cancel": [
        ("get", "/runs/{run}/cancel/", LOGIN, *[WRONG_METHOD] * 5),
        ("post", "/runs/{run}/cancel/", LOGIN, TO_RUNS, MISSING, MISSING, TO_RUNS, TO_RUNS),
    ],
    "host-output": [
        ("get", "/runs/{run}/hosts/0/output", LOGIN, OK, MISSING, MISSING, OK, OK),
        ("get", "/runs/{run}/hosts/1/output", LOGIN, *[MISSING] * 5),
        ("get", "/runs/{run}/hosts/99999999999999999999999999/output", LOGIN, *[MISSING] * 5),
    ],
    "host-lines": [
        ("get", "/runs/{run}/hosts/0/lines", LOGIN, OK, MISSING, MISSING, OK, OK),
        ("get", "/runs/{run}/hosts/1/lines", LOGIN, *[MISSING] * 5),
        ("post", "/runs/{run}/hosts/0/lines", LOGIN, *[WRONG_METHOD] * 5),
    ],
    "host-folds": [
        ("get", "/runs/{run}/hosts/0/folds", LOGIN, OK, MISSING, MISSING, OK, OK),
        ("get", "/runs/{run}/hosts/1/folds", LOGIN, *[MISSING] * 5),
        ("post", "/runs/{run}/hosts/0/folds", LOGIN, *[WRONG_METHOD] * 5),
    ],
    "run-notes": [
        ("get", "/runs/{run}/notes.json", LOGIN, OK, MISSING, MISSING, OK, OK),
        ("post", "/runs/{run}/notes.json", LOGIN, *[WRONG_METHOD] * 5),
    ],
    "run-note": [
        ("get", "/runs/{run}/notes/", LOGIN, *[WRONG_METHOD] * 5),
        ("post", "/runs/{run}/notes/", LOGIN, TO_RUNS, MISSING, MISSING, TO_RUNS, TO_RUNS),
    ],
    "run-output-zip": [("get", "/runs/{run}/output.zip", LOGIN, OK, MISSING, MISSING, OK, OK)],
    "run-merged": [
        ("get", "/runs/{run}/merged.json?hosts=0", LOGIN, OK, MISSING, MISSING, OK, OK),
        ("get", "/runs/99999999999999999999999999/merged.json?hosts=0", LOGIN, *[MISSING] * 5),
        ("post", "/runs/{run}/merged.json?hosts=0", LOGIN, *[WRONG_METHOD] * 5),
    ],
    "run-groups": [
        ("get", "/runs/{run}/groups.json", LOGIN, OK, MISSING, MISSING, OK, OK),
        ("get", "/runs/99999999999999999999999999/groups.json", LOGIN, *[MISSING] * 5),
        ("post", "/runs/{run}/groups.json", LOGIN, *[WRONG_METHOD] * 5),
    ],
    "host-diff": [
        ("get", "/runs/{run}/hosts/0/diff?against=0", LOGIN, OK, MISSING, MISSING, OK, OK),
        ("get", "/runs/{run}/hosts/0/diff?against=last-good", LOGIN, OK, MISSING, MISSING, OK, OK),
        ("get", "/runs/{run}/hosts/0/diff?against=1", LOGIN, *[MISSING] * 5),
        ("get", "/runs/{run}/hosts/99999999999999999999999999/diff?against=0", LOGIN, *[MISSING] * 5),
    ],
    "host-end": [
        ("get", "/runs/{run}/hosts/0/end", LOGIN, OK, MISSING, MISSING, OK, OK),
        ("get", "/runs/{run}/hosts/1/end", LOGIN, *[MISSING] * 5),
    ],
    "run-search": [
        ("get", "/runs/{run}/search.json?q=output", LOGIN, OK, MISSING, MISSING, OK, OK),
        ("get", "/runs/{run}/search.json?q=(", LOGIN, OK, MISSING, MISSING, OK, OK),
        ("get", "/runs/99999999999999999999999999/search.json?q=output", LOGIN, *[MISSING] * 5),
        ("post", "/runs/{run}/search.json?q=output", LOGIN, *[WRONG_METHOD] * 5),
    ],
    "search": [
        ("get", "/search/", LOGIN, OK, OK, OK, OK, OK),
        ("get", "/search/?q=output", LOGIN, OK, OK, OK, OK, OK),
        ("post", "/search/", LOGIN, *[WRONG_METHOD] * 5),
    ],
    "search-data": [
        ("get", "/search.json?q=output", LOGIN, OK, OK, OK, OK, OK),
        ("post", "/search.json?q=output", LOGIN, *[WRONG_METHOD] * 5),
    ],
    "server-options": [("get", "/servers.json", LOGIN, OK, OK, OK, OK, OK)],
    "healthz": [("get", "/healthz", *[OK] * 6)],
    "login": [("get", "/login/", *[OK] * 6)],
    "logout": [("post", "/logout/", LOGIN, *[LOGIN] * 5), ("get", "/logout/", LOGIN, *[WRONG_METHOD] * 5)],
}

#: What staff without any rights in the admin may open there; everything else in the admin is refused to them.
ADMIN_FOR_ALL_STAFF = {
    "admin:index",
    "admin:logout",
    "admin:password_change",
    "admin:password_change_done",
    "admin:jsi18n",
    "admin:search",
    "admin:login",
}


def routes(resolver: URLResolver, prefix: str = "", namespace: str = "") -> Iterator[tuple[str, str]]:
    """Name and pattern of every address; a route without a name is called by its pattern."""
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{entry.namespace}:" if entry.namespace else ""
            yield from routes(entry, pattern, namespace + inner)
        elif isinstance(entry, URLPattern):
            yield (f"{namespace}{entry.name}" if entry.name else pattern), pattern


ADMIN_ROUTES = [
    (name, pattern) for name, pattern in routes(get_resolver()) if pattern.startswith("admin/") and name not in MATRIX
]


@pytest.fixture
def run() -> Run:
    add_server("web1")
    run = add_run(person("alice", *RUN_RIGHTS), {"web1": Status.SUCCEEDED})
    add_output(run, 0, b"secret output\n")
    return run


#: Rights and fields of those whom the run does not need.
OTHERS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "dora": (RUN_RIGHTS, {}),
    "bob": ((), {}),
    "charlie": (("consoles.view_all_runs", "consoles.cancel_run"), {"is_staff": True}),
    "root": ((), {"is_staff": True, "is_superuser": True}),
}


class Clients(dict[str, Client]):
    """The clients of all PEOPLE by name. Each is made when it is first asked for: most tests ask for one of six."""

    def __missing__(self, name: str) -> Client:
        if name in OTHERS:
            rights, fields = OTHERS[name]
            person(name, *rights, **fields)
        self[name] = client_of(name)
        return self[name]


@pytest.fixture
def people(run: Run) -> Clients:
    return Clients()


def client_of(name: str) -> Client:
    client = Client(raise_request_exception=True)
    if name != "nobody":
        client.force_login(User.objects.get(username=name))
    return client


def outcome(response: HttpResponseBase) -> object:
    if response.status_code == 302:
        return LOGIN if response["Location"].startswith(("/login/", "/admin/login/")) else TO_RUNS
    return OK if response.status_code in (200, WRONG_FORM) else response.status_code


def test_every_address_is_in_the_matrix() -> None:
    known = {name for name, pattern in routes(get_resolver()) if not pattern.startswith("admin/") or name in MATRIX}
    assert known == set(MATRIX)


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("name", MATRIX)
def test_everybody_gets_what_the_matrix_says(name: str, who: str, run: Run, people: Clients) -> None:
    for method, address, *expected in MATRIX[name]:
        client = people[who]
        if name == "logout":
            client = client_of(who)
        response = getattr(client, method)(address.format(run=run.pk))
        assert outcome(response) == expected[PEOPLE.index(who)], f"{method} {address} for {who}"


@pytest.mark.parametrize("who", ["nobody", "alice"])
def test_who_is_not_staff_gets_nothing_in_the_admin(who: str, run: Run) -> None:
    client = client_of(who)
    for name, pattern in ADMIN_ROUTES:
        if name == "admin:logout":
            continue
        for method in ("get", "post"):
            response = getattr(client, method)(admin_address(pattern, run))
            assert outcome(response) in (LOGIN, MISSING, FORBIDDEN, WRONG_METHOD), f"{method} {name} for {who}"


def test_staff_without_rights_gets_nothing_of_the_data_in_the_admin(run: Run) -> None:
    frank = client_of(person("frank", is_staff=True).username)
    for name, pattern in ADMIN_ROUTES:
        response = frank.get(admin_address(pattern, run))
        if name not in ADMIN_FOR_ALL_STAFF:
            assert response.status_code in (302, FORBIDDEN, MISSING), name
        assert not shows_anything(response), name


@pytest.mark.parametrize("who", ["dora", "bob", "nobody"])
def test_a_run_of_somebody_else_leaves_no_trace_on_the_pages(who: str, run: Run, people: Clients) -> None:
    run.title = "very private title"
    run.save()
    for address in ("/runs/", "/runs/?q=uptime", f"/runs/{run.pk}/", "/runs/?who=alice", f"/runs/new/?rerun={run.pk}"):
        response = people[who].get(address, follow=True)
        assert b"very private" not in response.content, address


def test_cancel_reaches_only_the_runs_one_may_cancel(run: Run, people: Clients) -> None:
    HostRun.objects.update(status=Status.QUEUED, finished=None)
    for who in ("nobody", "bob", "dora"):
        people[who].post(f"/runs/{run.pk}/cancel/")
        assert HostRun.objects.get().status == Status.QUEUED, who
    people["charlie"].post(f"/runs/{run.pk}/cancel/")
    assert HostRun.objects.get().status == Status.CANCELED


def test_seeing_a_run_is_not_yet_the_right_to_cancel_it(run: Run, people: Clients) -> None:
    person("eve", "consoles.view_all_runs")
    response = client_of("eve").post(f"/runs/{run.pk}/cancel/")
    assert response.status_code == 403
    assert "ask alice or an administrator" in response.content.decode()


def test_servers_are_listed_only_for_who_may_pick_them(run: Run, people: Clients) -> None:
    assert [row["name"] for row in people["alice"].get("/servers.json").json()] == ["web1"]
    assert people["bob"].get("/servers.json").json() == []


def test_pages_are_posted_to_only_with_a_token(run: Run) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(run.requester)  # type: ignore[arg-type]
    for address in ("/runs/new/", "/runs/review/", f"/runs/{run.pk}/cancel/", f"/runs/{run.pk}/notes/", "/logout/"):
        response = client.post(address)
        assert response.status_code == 403
        assert b"This form has expired" in response.content


def admin_address(pattern: str, run: Run) -> str:
    """An address of an admin route, with this run's id wherever one is wanted."""
    pattern = re.sub(r"\^\(\?P<app_label>(\w+).*", r"\1/", pattern).replace("(?P<url>.*)$", "nothing-here")
    return "/" + re.sub(r"<[^>]*>", str(run.pk), pattern)


def shows_anything(response: HttpResponseBase) -> bool:
    """Whether a page holds anything of the data made above."""
    text = getattr(response, "content", b"")
    return any(word in text for word in (b"web1", b"uptime", b"secret output"))
