"""The credential form: secrets go in, are checked, and never come back out."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import ssh as ssh_form
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from servers.forms import CredentialForm
from servers.models import Credential
from tests.support.people import person
from tests.test_servers_keys import PASSPHRASE, RSA, text_of

ADD = "/admin/servers/credential/add/"
PASSWORD = "s3cret-of-the-switches"


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual 16 rounds take a fifth of a second, each time a key is written or read."""
    monkeypatch.setattr(ssh_form, "_DEFAULT_ROUNDS", 1)


@pytest.fixture
def root_client(root: User, client: Client) -> Client:
    client.force_login(root)
    return client


def saved(credential: Credential | None = None, **data: str) -> Credential:
    """A credential saved through the form with ``data``."""
    form = filled(credential, **data)
    assert form.is_valid(), form.errors
    return form.save()


def filled(credential: Credential | None = None, **data: str) -> CredentialForm:
    return CredentialForm({"name": "fleet", "user": "root", "method": "key", **data}, instance=credential)


@pytest.fixture
def keyed(db: None) -> Credential:
    """A credential with a key under a passphrase."""
    return saved(private_key=text_of(RSA, passphrase=PASSPHRASE), passphrase=PASSPHRASE)


def test_stores_key_and_passphrase_encrypted_and_shows_the_public_half(keyed: Credential) -> None:
    keyed.refresh_from_db()
    assert "PRIVATE KEY" not in keyed.private_key_token and PASSPHRASE not in keyed.passphrase_token
    assert keyed.secret("private_key").startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert keyed.secret("passphrase") == PASSPHRASE
    assert keyed.public_key.startswith("ssh-rsa ") and keyed.fingerprint.startswith("SHA256:")


def test_empty_secret_fields_keep_what_is_stored(keyed: Credential) -> None:
    before = keyed.private_key_token, keyed.passphrase_token, keyed.fingerprint
    again = saved(keyed, user="deploy")
    assert (again.private_key_token, again.passphrase_token, again.fingerprint) == before


def test_a_new_key_without_passphrase_drops_the_old_passphrase(keyed: Credential) -> None:
    again = saved(keyed, private_key=text_of(ed25519.Ed25519PrivateKey.generate()))
    assert again.public_key.startswith("ssh-ed25519 ")
    assert not again.has_secret("passphrase")


def test_a_passphrase_alone_is_checked_against_the_stored_key(keyed: Credential) -> None:
    saved(keyed, passphrase=PASSPHRASE)
    form = filled(keyed, passphrase="wrong horse")
    assert "does not open" in form.errors["passphrase"][0]


def test_a_passphrase_without_any_key_asks_for_the_key(db: None) -> None:
    assert "Paste the private key" in filled(passphrase=PASSPHRASE).errors["private_key"][0]


@pytest.mark.parametrize(("method", "field"), [("key", "private_key"), ("password", "password")])
def test_a_method_without_its_secret_is_refused(db: None, method: str, field: str) -> None:
    assert "choose another method" in filled(method=method).errors[field][0]


def test_the_agent_needs_no_secret(db: None) -> None:
    assert not saved(method="agent").has_secret("private_key")


def test_removing_the_key_removes_its_passphrase_and_public_half(keyed: Credential) -> None:
    again = saved(keyed, method="password", password=PASSWORD, remove_private_key="on")
    assert not again.has_secret("private_key") and not again.has_secret("passphrase")
    assert again.public_key == again.fingerprint == ""
    assert again.secret("password") == PASSWORD


def test_removing_what_the_method_needs_is_refused(keyed: Credential) -> None:
    assert "choose another method" in filled(keyed, remove_private_key="on").errors["private_key"][0]


def test_entering_and_removing_at_once_is_refused(keyed: Credential) -> None:
    form = filled(keyed, remove_private_key="on", private_key=text_of(RSA))
    assert "not both" in form.errors["remove_private_key"][0]
    form = filled(keyed, method="password", remove_password="on", password=PASSWORD)
    assert "not both" in form.errors["remove_password"][0]


def test_spaces_around_a_password_are_kept(db: None) -> None:
    assert saved(method="password", password="  two spaces ").secret("password") == "  two spaces "


def test_a_refused_form_shows_no_secret_again(root_client: Client) -> None:
    data = {"name": "n", "user": "-oops", "method": "key", "private_key": text_of(RSA), "passphrase": PASSPHRASE}
    page = root_client.post(ADD, {**data, "password": PASSWORD}).content.decode()
    assert "leave the passphrase empty" in page
    assert text_of(RSA).splitlines()[1] not in page
    assert PASSPHRASE not in page and PASSWORD not in page


def test_the_page_of_a_credential_shows_what_is_stored_but_no_secret(root_client: Client, keyed: Credential) -> None:
    keyed.set_secret("password", PASSWORD)
    keyed.save()
    page = root_client.get(reverse("admin:servers_credential_change", args=[keyed.pk])).content.decode()
    assert "A private key is stored. Leave empty to keep it." in page
    assert keyed.public_key in page and keyed.fingerprint in page
    for hidden in (PASSPHRASE, PASSWORD, keyed.private_key_token, keyed.password_token):
        assert hidden not in page


def test_the_change_log_names_the_fields_and_not_the_secrets(root_client: Client, db: None) -> None:
    data = {"name": "n", "user": "root", "method": "password", "password": PASSWORD}
    assert root_client.post(ADD, data).status_code == 302
    credential = Credential.objects.get()
    data["password"] = "another-" + PASSWORD
    root_client.post(reverse("admin:servers_credential_change", args=[credential.pk]), data)
    entries = LogEntry.objects.filter(object_id=str(credential.pk))
    assert entries.count() == 2
    assert not any(PASSWORD in entry.change_message + entry.object_repr for entry in entries)


def test_an_error_page_shows_no_secret_even_in_debug_mode(
    root_client: Client, monkeypatch: pytest.MonkeyPatch, settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DEBUG = True  # type: ignore[attr-defined]

    def fail(self: Credential, *args: object, **kwargs: object) -> None:
        entered = self.secret("private_key") + self.secret("password")
        raise RuntimeError(f"disk full after {len(entered)} characters")

    monkeypatch.setattr(Credential, "save", fail)
    root_client.raise_request_exception = False
    key = text_of(RSA)
    data = {"name": "n", "user": "root", "method": "key", "private_key": key, "password": PASSWORD}
    page = root_client.post(ADD, data)
    assert page.status_code == 500
    text = page.content.decode() + caplog.text
    assert "disk full after" in text
    assert PASSWORD not in text
    assert key.splitlines()[1] not in text and key.splitlines()[3] not in text


def test_who_may_only_look_gets_no_fields_to_write(client: Client, keyed: Credential) -> None:
    client.force_login(person("dora", "servers.view_credential", is_staff=True))
    url = reverse("admin:servers_credential_change", args=[keyed.pk])
    page = client.get(url)
    assert page.status_code == 200
    assert b'name="private_key"' not in page.content and b'name="password"' not in page.content
    assert client.post(url, {"name": "stolen", "user": "root", "method": "agent"}).status_code == 403


def test_a_credential_in_use_is_not_deleted(root_client: Client, keyed: Credential) -> None:
    keyed.servers.create(name="web1", host="10.0.0.1")
    root_client.post(reverse("admin:servers_credential_delete", args=[keyed.pk]), {"post": "yes"})
    assert Credential.objects.filter(pk=keyed.pk).exists()


@pytest.mark.parametrize("mistake", [{"passphrase": "wrong horse"}, {"passphrase": PASSPHRASE, "name": ""}])
def test_any_mistake_says_that_the_pasted_key_is_gone(db: None, mistake: dict[str, str]) -> None:
    form = filled(None, private_key=text_of(RSA, passphrase=PASSPHRASE), **mistake)
    assert form.errors["private_key"] == [
        "The pasted key was not kept: paste it again, with its passphrase if it has one."
    ]
    assert "-----BEGIN" not in str(form)


def test_a_mistake_says_that_the_password_is_gone_only_where_one_was_entered(db: None) -> None:
    assert "enter it again" in filled(method="password", password=PASSWORD, user="").errors["password"][-1]
    assert "password" not in filled(method="agent", user="").errors


def test_after_a_new_key_its_public_line_is_shown(root_client: Client) -> None:
    data = {"name": "fleet", "user": "deploy", "method": "key", "private_key": text_of(RSA)}
    page = root_client.post(ADD, data, follow=True)
    credential = Credential.objects.get()
    assert page.redirect_chain[-1][0] == reverse("admin:servers_credential_change", args=[credential.pk])
    assert credential.public_key in page.content.decode()
    page = root_client.post(ADD, {"name": "other", "user": "root", "method": "agent"}, follow=True)
    assert page.redirect_chain[-1][0] == "/admin/servers/credential/"
