"""Host keys: nothing is trusted silently, and every decision is an act with the fingerprint in view."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from servers.admin.key_state import KeyState, with_key_state
from servers.models import Credential, HostKey, Server
from tests.support.people import person
from tests.test_servers_keys import public_line

LIST = "/admin/servers/hostkey/"
State = HostKey.State


@pytest.fixture
def server(db: None) -> Server:
    credential = Credential.objects.create(name="fleet", user="root", method="agent")
    return Server.objects.create(name="web1", host="10.0.0.1", credential=credential)


@pytest.fixture
def reviewer_client(client: Client, db: None) -> Client:
    rights = ("servers.view_hostkey", "servers.add_hostkey", "servers.trust_hostkey", "servers.view_server")
    client.force_login(person("rita", *rights, is_staff=True))
    return client


def offer(server: Server, key: str, key_type: str = "ssh-ed25519") -> HostKey:
    return server.record_offered_key(key_type, key, f"SHA256:of-{key}")


def state(server: Server) -> str:
    return str(with_key_state(Server.objects.all()).get(pk=server.pk).key_state)


def choose(client: Client, act: str, *keys: HostKey, **more: str) -> Any:
    """Pick keys in the list and run an action on them."""
    return client.post(LIST, {"action": act, "_selected_action": [key.pk for key in keys], **more}, follow=True)


def test_an_offered_key_waits_for_a_decision(server: Server) -> None:
    assert state(server) == KeyState.UNKNOWN
    key = offer(server, "A")
    assert (key.state, key.conflict) == (State.PENDING, False)
    assert state(server) == KeyState.PENDING


def test_an_offered_key_that_is_trusted_stays_trusted(server: Server) -> None:
    offer(server, "A").trust(None)
    assert offer(server, "A").state == State.TRUSTED
    assert state(server) == KeyState.TRUSTED


def test_another_key_of_a_trusted_type_is_shown_as_changed(server: Server) -> None:
    offer(server, "A").trust(None)
    assert offer(server, "B").conflict
    assert state(server) == KeyState.CHANGED


def test_a_first_key_of_another_type_is_no_change(server: Server) -> None:
    offer(server, "A").trust(None)
    assert not offer(server, "B", "ssh-rsa").conflict
    assert state(server) == KeyState.TRUSTED


def test_a_revoked_key_that_comes_back_is_shown_as_changed(server: Server) -> None:
    offer(server, "A").revoke(None)
    assert state(server) == KeyState.REVOKED
    assert offer(server, "A").conflict
    assert state(server) == KeyState.CHANGED


def test_trusting_shows_every_fingerprint_first(server: Server, reviewer_client: Client) -> None:
    key = offer(server, "A")
    page = choose(reviewer_client, "trust_selected", key).content.decode()
    assert "SHA256:of-A" in page and "web1" in page and "10.0.0.1:22" in page and "ssh-ed25519" in page
    key.refresh_from_db()
    assert key.state == State.PENDING


def test_confirming_trusts_and_is_written_down(server: Server, reviewer_client: Client) -> None:
    key = offer(server, "A")
    page = choose(reviewer_client, "trust_selected", key, confirmed="yes").content.decode()
    assert "1 host key trusted." in page
    key.refresh_from_db()
    assert key.state == State.TRUSTED and key.decided_by == User.objects.get(username="rita") and key.decided
    entry = LogEntry.objects.get(object_id=str(key.pk))
    assert entry.get_change_message() == "Trusted for web1: SHA256:of-A"


def test_trusting_a_changed_key_shows_the_old_one_and_revokes_it(server: Server, reviewer_client: Client) -> None:
    old = offer(server, "A")
    old.trust(None)
    new = offer(server, "B")
    page = choose(reviewer_client, "trust_selected", new).content.decode()
    assert "different key than" in page and "SHA256:of-A" in page and "SHA256:of-B" in page
    choose(reviewer_client, "trust_selected", new, confirmed="yes")
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.state, new.state, new.conflict) == (State.REVOKED, State.TRUSTED, False)
    assert state(server) == KeyState.TRUSTED


def test_revoking_a_changed_key_keeps_the_trusted_one(server: Server, reviewer_client: Client) -> None:
    offer(server, "A").trust(None)
    stranger = offer(server, "B")
    choose(reviewer_client, "revoke_selected", stranger, confirmed="yes")
    stranger.refresh_from_db()
    assert (stranger.state, stranger.conflict) == (State.REVOKED, False)
    assert state(server) == KeyState.TRUSTED


def test_two_keys_of_one_type_cannot_be_trusted_at_once(server: Server, reviewer_client: Client) -> None:
    keys = [offer(server, "A"), offer(server, "B")]
    page = choose(reviewer_client, "trust_selected", *keys, confirmed="yes").content.decode()
    assert "Select one key per server and key type, not several as for web1 (ssh-ed25519)." in page
    assert not HostKey.objects.filter(state=State.TRUSTED).exists()


def test_trusting_what_is_trusted_says_so(server: Server, reviewer_client: Client) -> None:
    key = offer(server, "A")
    key.trust(None)
    assert "trusted already" in choose(reviewer_client, "trust_selected", key).content.decode()


def test_without_the_right_nobody_trusts_revokes_or_deletes(server: Server, client: Client) -> None:
    rights = ("servers.view_hostkey", "servers.change_hostkey", "servers.delete_hostkey")
    client.force_login(person("eve", *rights, is_staff=True))
    key = offer(server, "A")
    for act in ("trust_selected", "revoke_selected", "delete_selected"):
        choose(client, act, key, confirmed="yes", post="yes")
    assert client.post(reverse("admin:servers_hostkey_delete", args=[key.pk]), {"post": "yes"}).status_code == 403
    key.refresh_from_db()
    assert key.state == State.PENDING


def test_nobody_edits_a_key(server: Server, root: User, client: Client) -> None:
    client.force_login(root)
    key = offer(server, "A")
    url = reverse("admin:servers_hostkey_change", args=[key.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, {"key": "EVIL", "state": "trusted"}).status_code == 403


def test_a_pasted_line_is_stored_and_not_trusted(server: Server, reviewer_client: Client) -> None:
    page = reviewer_client.post(
        f"{LIST}add/", {"server": server.pk, "line": f"10.0.0.1 {public_line()} root@web1"}, follow=True
    )
    assert "The key is stored, not trusted" in page.content.decode()
    key = HostKey.objects.get()
    assert (f"{key.key_type} {key.key}", key.state, key.conflict) == (public_line(), State.PENDING, False)


def test_a_pasted_line_beside_a_trusted_key_does_not_block_the_server(server: Server, reviewer_client: Client) -> None:
    offer(server, "A").trust(None)
    reviewer_client.post(f"{LIST}add/", {"server": server.pk, "line": public_line()})
    assert state(server) == KeyState.TRUSTED


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"10.9.9.9 {public_line()}", "This line is not for web1 (10.0.0.1:22)"),
        ("nonsense", "not a known_hosts line"),
        ("", "This field is required"),
    ],
)
def test_a_line_that_does_not_fit_gets_a_sentence(
    server: Server, reviewer_client: Client, line: str, words: str
) -> None:
    page = reviewer_client.post(f"{LIST}add/", {"server": server.pk, "line": line})
    assert page.status_code == 200 and words in page.content.decode()
    page = reviewer_client.post(f"{LIST}add/", {"server": "", "line": line})
    assert page.status_code == 200 and "This field is required" in page.content.decode()


def test_a_key_is_not_added_twice(server: Server, reviewer_client: Client) -> None:
    line = public_line(ed25519.Ed25519PrivateKey.generate())
    for _ in range(2):
        page = reviewer_client.post(f"{LIST}add/", {"server": server.pk, "line": line})
    assert "known already, as pending" in page.content.decode()
    assert HostKey.objects.count() == 1


def test_a_changed_key_is_loud_on_the_server(server: Server, root: User, client: Client) -> None:
    client.force_login(root)
    offer(server, "A").trust(None)
    offer(server, "B")
    page = client.get(reverse("admin:servers_server_change", args=[server.pk])).content.decode()
    assert "shows a different host key" in page
    assert "Changed" in client.get("/admin/servers/server/").content.decode()
    assert "1 host key changed" in client.get("/admin/").content.decode()


def decide(act: str, key: HostKey) -> str:
    return reverse(f"admin:servers_hostkey_{act}", args=[key.pk])


def test_a_waiting_key_is_decided_from_its_row_and_the_filters_stay(server: Server, reviewer_client: Client) -> None:
    key = offer(server, "A")
    page = reviewer_client.get(LIST, {"state__exact": "pending"}).content.decode()
    url = f"{decide('trust', key)}?_changelist_filters=state__exact%3Dpending"
    assert url in page and decide("revoke", key) in page
    page = reviewer_client.get(url, {"confirmed": "yes"}).content.decode()
    assert "SHA256:of-A" in page
    assert "SHA256:of-A" in reviewer_client.post(url).content.decode()
    key.refresh_from_db()
    assert key.state == State.PENDING
    done = reviewer_client.post(url, {"confirmed": "yes"}, follow=True)
    assert done.redirect_chain[-1][0] == f"{LIST}?state__exact=pending"
    key.refresh_from_db()
    assert key.state == State.TRUSTED and LogEntry.objects.filter(object_id=str(key.pk)).exists()
    assert decide("trust", key) not in reviewer_client.get(LIST).content.decode()


def test_a_key_decided_from_its_server_leads_back_to_the_server(server: Server, root: User, client: Client) -> None:
    client.force_login(root)
    key = offer(server, "A")
    page = reverse("admin:servers_server_change", args=[server.pk])
    url = f"{decide('revoke', key)}?from_server={server.pk}"
    assert url in client.get(page).content.decode()
    assert f'href="{page}"' in client.get(url).content.decode()
    assert client.post(url, {"confirmed": "yes"}).headers["Location"] == page
    key.refresh_from_db()
    assert key.state == State.REVOKED


def test_without_the_right_no_row_offers_a_decision(server: Server, client: Client) -> None:
    client.force_login(person("eve", "servers.view_hostkey", "servers.view_server", is_staff=True))
    key = offer(server, "A")
    pages = [client.get(url).content for url in (LIST, reverse("admin:servers_server_change", args=[server.pk]))]
    assert not any("Trust…".encode() in page for page in pages)
    for act in ("trust", "revoke"):
        assert client.get(decide(act, key)).status_code == 403
        assert client.post(decide(act, key), {"confirmed": "yes"}).status_code == 403
    key.refresh_from_db()
    assert key.state == State.PENDING


def test_the_right_to_trust_without_the_right_to_look_decides_nothing(server: Server, client: Client) -> None:
    client.force_login(person("eve", "servers.trust_hostkey", is_staff=True))
    key = offer(server, "A")
    assert client.post(decide("trust", key), {"confirmed": "yes"}).status_code == 403
    key.refresh_from_db()
    assert key.state == State.PENDING
