"""The inventory in the admin, and its actions that go out over SSH."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from consoles import inventory_checks, ssh, targets
from demo.fleet import Fleet
from servers.models import Credential, Group, HostKey, Server, Tag
from tests.support.hosts import AddServers
from tests.support.people import person

LIST = "/admin/servers/server/"
REVIEW = "/admin/servers/hostkey/"


@pytest.fixture
def root_client(root: User, client: Client) -> Client:
    client.force_login(root)
    return client


@pytest.fixture
def credential(db: None) -> Credential:
    return Credential.objects.create(name="fleet", user="root", method="agent")


@pytest.fixture
def add(credential: Credential) -> Any:
    """Add servers by name."""
    return lambda *names, **fields: Server.objects.bulk_create(
        Server(name=name, host=f"{name}.example", credential=credential, **fields) for name in names
    )


def choose(client: Client, act: str, servers: list[Server], **more: str) -> Any:
    """Pick servers in the list and run an action on them."""
    return client.post(LIST, {"action": act, "_selected_action": [s.pk for s in servers], **more}, follow=True)


def listed(client: Client, query: str) -> set[str]:
    """The names in the list under a query."""
    page = client.get(f"{LIST}?{query}")
    assert page.status_code == 200 and not page.redirect_chain if hasattr(page, "redirect_chain") else True
    return {server.name for server in page.context["cl"].result_list}


def test_filters_and_search_find_servers(root_client: Client, add: Any) -> None:
    web, db, cache = add("web1", "db1", "cache1")
    web.groups.add(Group.objects.create(name="front"))
    db.tags.add(Tag.objects.create(name="pci"))
    cache.enabled = False
    cache.save()
    web.record_test(False, "It refused.")
    db.record_test(True, "Logged in.")
    db.record_offered_key("ssh-ed25519", "A", "SHA256:A").trust(None)
    assert listed(root_client, f"groups__id__exact={web.groups.get().pk}") == {"web1"}
    assert listed(root_client, f"tags__id__exact={db.tags.get().pk}") == {"db1"}
    assert listed(root_client, "test=failed") == {"web1"}
    assert listed(root_client, "test=passed") == {"db1"}
    assert listed(root_client, "test=never") == {"cache1"}
    assert listed(root_client, "keys=trusted") == {"db1"}
    assert listed(root_client, "keys=unknown") == {"web1", "cache1"}
    assert listed(root_client, "enabled__exact=0") == {"cache1"}
    assert listed(root_client, "q=front") == {"web1"}
    assert listed(root_client, "q=db1.example") == {"db1"}


def test_the_list_asks_the_database_as_often_for_many_servers_as_for_few(
    root_client: Client, add: Any, django_assert_max_num_queries: Any
) -> None:
    for server in add(*(f"web{number}" for number in range(40))):
        server.groups.add(Group.objects.get_or_create(name="front")[0])
        server.record_offered_key("ssh-ed25519", "A", "SHA256:A")
    with django_assert_max_num_queries(16):
        assert len(listed(root_client, "")) == 40


def test_state_is_told_in_words(root_client: Client, add: Any) -> None:
    (web,) = add("web1")
    web.record_test(False, "web1 refused the private key of root: check the credential.")
    page = root_client.get(LIST).content.decode()
    for word in ("Failed", "No key yet", "web1 refused the private key of root"):
        assert word in page


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "-oProxyCommand=x", "a b", "a\nb"])
def test_names_that_a_shell_or_page_could_take_for_more_are_refused(
    root_client: Client, credential: Credential, name: str
) -> None:
    for field in ("name", "host"):
        data = {"name": "ok", "host": "10.0.0.1", "port": "22", "credential": credential.pk, "shell": "posix"}
        page = root_client.post(f"{LIST}add/", {**data, field: name})
        assert page.status_code == 200
        assert b"<script>alert" not in page.content
    assert not Server.objects.exists()


def test_text_in_notes_and_results_is_not_taken_for_markup(root_client: Client, add: Any) -> None:
    (web,) = add("web1", note="<script>alert(1)</script>")
    web.record_test(False, "<img src=x onerror=alert(2)>")
    for url in (LIST, reverse("admin:servers_server_change", args=[web.pk])):
        page = root_client.get(url).content
        assert b"<script>alert" not in page and b"<img src=x" not in page


def test_actions_are_applied_because_only_programs_are_run(root_client: Client, add: Any) -> None:
    add("web1")
    page = "".join(root_client.get(LIST).content.decode().split())
    assert ">Apply</button>" in page and ">Run</button>" not in page


def test_enabling_and_disabling_is_written_down(root_client: Client, add: Any) -> None:
    servers = add("web1", "web2")
    assert "2 servers disabled" in choose(root_client, "disable_selected", servers).content.decode()
    assert not Server.objects.filter(enabled=True).exists()
    history = root_client.get(reverse("admin:servers_server_history", args=[servers[0].pk])).content.decode()
    assert "Disabled for runs." in history


def test_who_may_not_see_credentials_cannot_swap_or_pick_one(client: Client, add: Any, credential: Credential) -> None:
    (web,) = add("web1")
    other = Credential.objects.create(name="other", user="admin", method="agent")
    client.force_login(
        person("eve", "servers.view_server", "servers.change_server", "servers.add_server", is_staff=True)
    )
    data = {"name": "web1", "host": "evil.example", "port": "22", "credential": other.pk, "shell": "posix"}
    inline = {f"host_keys-{part}": 0 for part in ("TOTAL_FORMS", "INITIAL_FORMS")}
    client.post(reverse("admin:servers_server_change", args=[web.pk]), {**data, **inline})
    web.refresh_from_db()
    assert web.credential == credential
    assert client.post(f"{LIST}add/", {**data, "name": "web2"}).status_code == 200
    assert not Server.objects.filter(name="web2").exists()


@pytest.mark.parametrize("act", ["test_selected", "fetch_selected"])
def test_who_may_only_look_cannot_make_the_console_connect(
    client: Client, add: Any, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(targets, "check_server", refuse)
    monkeypatch.setattr(ssh, "offered_keys", refuse)
    client.force_login(person("eve", "servers.view_server", is_staff=True))
    assert choose(client, act, add("web1")).status_code in (200, 403)


def test_selected_servers_go_to_the_new_run_page(root_client: Client, add: Any) -> None:
    servers = [*add("web1", "web2"), *add("off1", enabled=False)]
    page = choose(root_client, "run_on_selected", servers)
    assert page.redirect_chain[-1][0] == "/runs/new/?servers=web1%2Cweb2"
    assert "None of the selected" in choose(root_client, "run_on_selected", servers[2:]).content.decode()
    many = add(*(f"a-rather-long-name-{number}" for number in range(300)))
    assert "Too many servers" in choose(root_client, "run_on_selected", many).content.decode()


@pytest.mark.django_db(transaction=True)
def test_testing_servers_tells_each_trouble_in_its_sentence(
    root_client: Client, add: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(server: Server) -> str:
        if server.name == "web2":
            raise ssh.ConnectError("web2 did not answer within 10 s.")
        if server.name == "web3":
            raise RuntimeError("something unforeseen")
        return "Logged in as root in 0.2 s."

    monkeypatch.setattr(targets, "check_server", check)
    page = choose(root_client, "test_selected", add("web1", "web2", "web3")).content.decode()
    assert "1 server can be logged in to." in page
    assert "2 servers failed." in page and "<strong>web2</strong> did not answer within 10 s." in page
    assert "see the console&#x27;s log" in page or "see the console's log" in page
    web1, web2 = Server.objects.get(name="web1"), Server.objects.get(name="web2")
    assert (web1.test_ok, web1.test_result) == (True, "Logged in as root in 0.2 s.")
    assert web2.test_ok is False and web2.tested


@pytest.mark.django_db(transaction=True)
def test_silent_servers_do_not_hold_the_page_and_are_recorded_later(
    root_client: Client, add: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, recorded = threading.Event(), threading.Event()
    record_test = Server.record_test

    def check(server: Server) -> str:
        if server.name == "silent":
            assert answered.wait(30)
        return "Logged in."

    def record_and_tell(self: Server, ok: bool, result: str) -> None:
        record_test(self, ok, result)
        if self.name == "silent":
            recorded.set()

    monkeypatch.setattr(targets, "check_server", check)
    monkeypatch.setattr(Server, "record_test", record_and_tell)
    monkeypatch.setattr(inventory_checks, "PATIENCE", 0.5)
    page = choose(root_client, "test_selected", add("quick", "silent")).content.decode()
    assert "1 server still being tried" in page
    answered.set()
    assert recorded.wait(30)
    assert Server.objects.get(name="silent").test_ok


@pytest.mark.django_db(transaction=True)
def test_fetched_keys_lead_to_their_review(root_client: Client, add: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    web, old = add("web1", "old1")
    old.record_offered_key("ssh-ed25519", "K", "SHA256:K").trust(None)
    offered = [ssh.OfferedKey("ssh-ed25519", "K", "SHA256:K")]
    monkeypatch.setattr(ssh, "offered_keys", lambda host, port, timeout: offered)
    page = choose(root_client, "fetch_selected", [web, old])
    url, _ = page.redirect_chain[-1]
    assert url == f"{REVIEW}?state__exact=pending&server__id__exact={web.pk}"
    assert [key.server for key in page.context["cl"].result_list] == [web]
    assert "1 host key to review" in page.content.decode()
    page = choose(root_client, "fetch_selected", [old], from_page=str(old.pk))
    assert page.redirect_chain[-1][0] == reverse("admin:servers_server_change", args=[old.pk])
    assert "no key that is not trusted already" in page.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_real_server_is_fetched_reviewed_trusted_and_logged_in_to(
    root_client: Client, fleet: Fleet, add_servers: AddServers
) -> None:
    first, second = add_servers(fleet, 2)
    HostKey.objects.all().delete()
    page = choose(root_client, "test_selected", [first]).content.decode()
    assert "<strong>h0</strong> has no trusted host key" in page
    page = choose(root_client, "fetch_selected", [first, second])
    keys = list(HostKey.objects.filter(server__in=[first, second]))
    assert {key.fingerprint for key in keys} >= {fleet.hosts[0].fingerprint}
    assert all(key.fingerprint in page.content.decode() for key in keys)
    data = {"action": "trust_selected", "_selected_action": [key.pk for key in keys], "confirmed": "yes"}
    root_client.post(REVIEW, data)
    page = choose(root_client, "test_selected", [first, second]).content.decode()
    assert "2 servers can be logged in to." in page
    first.refresh_from_db()
    assert first.test_ok and "Logged in as" in first.test_result


@pytest.mark.django_db(transaction=True)
def test_a_real_server_with_another_key_than_the_trusted_one_is_shown_as_changed(
    root_client: Client, fleet: Fleet, add_servers: AddServers
) -> None:
    (server,) = add_servers(fleet, 1)
    HostKey.objects.filter(server=server).update(
        key="AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    )
    choose(root_client, "test_selected", [server])
    server.refresh_from_db()
    assert server.test_ok is False
    assert HostKey.objects.filter(server=server, conflict=True).exists()
    assert listed(root_client, "keys=changed") == {"h0"}
