"""Who edits users can give away only what they have themselves."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from opsconsole.sidebar import SECTIONS
from servers.admin.accounts import asked_for
from tests.support.people import person

EDITOR_RIGHTS = (
    "auth.add_user",
    "auth.change_user",
    "auth.delete_user",
    "auth.view_user",
    "auth.add_group",
    "auth.change_group",
    "auth.delete_group",
    "auth.view_group",
    "consoles.view_script",
)


def permission(name: str) -> Permission:
    app, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


@pytest.fixture
def editor(db: None) -> User:
    """May edit users and roles, and see scripts; no superuser."""
    return person("edith", *EDITOR_RIGHTS, is_staff=True)


@pytest.fixture
def editor_client(editor: User, client: Client) -> Client:
    client.force_login(editor)
    return client


def save(client: Client, user: User, **data: Any) -> Any:
    """Save the page of ``user`` with its present values, but for ``data``."""
    fields = {"username": user.username, "is_active": "on", **({"is_staff": "on"} if user.is_staff else {})}
    return client.post(reverse("admin:auth_user_change", args=[user.pk]), {**fields, **data})


def test_an_editor_gives_away_what_they_have(editor_client: Client, bob: User) -> None:
    response = save(editor_client, bob, is_staff="on", user_permissions=[permission("consoles.view_script").pk])
    assert response.status_code == 302
    bob = User.objects.get(pk=bob.pk)
    assert bob.is_staff and bob.has_perm("consoles.view_script")


def test_an_editor_cannot_make_a_superuser(editor_client: Client, editor: User, bob: User) -> None:
    for user in (bob, editor):
        save(editor_client, user, is_superuser="on")
        user.refresh_from_db()
        assert not user.is_superuser


def test_an_editor_cannot_give_a_permission_they_lack(editor_client: Client, editor: User, bob: User) -> None:
    for user in (bob, editor):
        response = save(editor_client, user, user_permissions=[permission("consoles.add_run").pk])
        assert response.status_code == 200
        assert not User.objects.get(pk=user.pk).has_perm("consoles.add_run")


def test_an_editor_cannot_put_anybody_into_a_stronger_role(editor_client: Client, editor: User, bob: User) -> None:
    strong = Group.objects.create(name="strong")
    strong.permissions.add(permission("servers.trust_hostkey"), permission("consoles.view_script"))
    for user in (bob, editor):
        assert save(editor_client, user, groups=[strong.pk]).status_code == 200
        assert not user.groups.exists()


def test_an_editor_puts_people_into_a_role_within_their_own_rights(editor_client: Client, bob: User) -> None:
    role = Group.objects.create(name="readers")
    role.permissions.add(permission("consoles.view_script"))
    assert save(editor_client, bob, groups=[role.pk]).status_code == 302
    assert bob.groups.get() == role


@pytest.mark.parametrize("active", [True, False])
def test_an_editor_cannot_take_over_a_stronger_account(editor_client: Client, alice: User, active: bool) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=active)
    assert save(editor_client, alice).status_code == 403
    url = reverse("admin:auth_user_password_change", args=[alice.pk])
    password = {"usable_password": "true", "password1": "taken-over-123", "password2": "taken-over-123"}
    assert editor_client.post(url, password).status_code == 403
    alice.refresh_from_db()
    assert alice.check_password("alice-password")
    assert editor_client.get(reverse("admin:auth_user_change", args=[alice.pk])).status_code == 200


def test_an_editor_cannot_touch_a_superuser(editor_client: Client, root: User) -> None:
    assert save(editor_client, root).status_code == 403
    assert editor_client.post(reverse("admin:auth_user_delete", args=[root.pk]), {"post": "yes"}).status_code == 403
    data = {"action": "delete_selected", "_selected_action": [root.pk], "post": "yes"}
    editor_client.post("/admin/auth/user/", data)
    assert User.objects.filter(pk=root.pk, is_superuser=True).exists()


def test_nobody_deletes_themselves(root: User, client: Client) -> None:
    client.force_login(root)
    assert client.post(reverse("admin:auth_user_delete", args=[root.pk]), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=root.pk).exists()


def test_an_editor_cannot_strengthen_a_role(editor_client: Client, editor: User) -> None:
    role = Group.objects.create(name="readers")
    editor.groups.add(role)
    url = reverse("admin:auth_group_change", args=[role.pk])
    data = {"name": "readers", "permissions": [permission("consoles.add_run").pk]}
    assert editor_client.post(url, data).status_code == 200
    assert editor_client.post(reverse("admin:auth_group_add"), {**data, "name": "new"}).status_code == 200
    assert not User.objects.get(pk=editor.pk).has_perm("consoles.add_run")
    assert not Group.objects.filter(name="new").exists()


def test_an_editor_cannot_change_or_delete_a_stronger_role(editor_client: Client) -> None:
    strong = Group.objects.create(name="strong")
    strong.permissions.add(permission("servers.trust_hostkey"))
    url = reverse("admin:auth_group_change", args=[strong.pk])
    assert editor_client.post(url, {"name": "weak"}).status_code == 403
    assert editor_client.post(reverse("admin:auth_group_delete", args=[strong.pk]), {"post": "yes"}).status_code == 403


def test_a_new_account_starts_without_rights(editor_client: Client) -> None:
    data = {"username": "new", "usable_password": "true", "password1": "long-enough-1", "password2": "long-enough-1"}
    extra = {"is_superuser": "on", "is_staff": "on", "user_permissions": [permission("consoles.add_run").pk]}
    assert editor_client.post(reverse("admin:auth_user_add"), {**data, **extra}).status_code == 302
    new = User.objects.get(username="new")
    assert not new.is_superuser and not new.is_staff and not new.user_permissions.exists()


def test_a_superuser_gives_away_everything(root: User, bob: User, client: Client) -> None:
    client.force_login(root)
    assert save(client, bob, is_staff="on", is_superuser="on").status_code == 302
    bob.refresh_from_db()
    assert bob.is_superuser


def test_the_page_of_an_account_shows_nothing_of_its_password(
    root: User, editor: User, alice: User, client: Client
) -> None:
    _, salt, digest = alice.password.split("$")
    for user in (root, editor):
        client.force_login(user)
        page = client.get(reverse("admin:auth_user_change", args=[alice.pk])).content.decode()
        assert "alice" in page
        assert salt[:6] not in page and digest[:6] not in page


def test_an_account_with_entries_in_the_change_log_is_kept(root: User, bob: User, client: Client) -> None:
    client.force_login(bob)
    User.objects.filter(pk=bob.pk).update(is_staff=True, is_superuser=True)
    client.post(reverse("admin:servers_tag_add"), {"name": "canary"})
    client.force_login(root)
    client.post(reverse("admin:auth_user_delete", args=[bob.pk]), {"post": "yes"})
    assert User.objects.filter(pk=bob.pk).exists()


def test_the_admin_sends_people_to_the_console_s_login(client: Client, db: None) -> None:
    page = client.get("/admin/servers/server/?q=web", follow=True)
    assert page.redirect_chain[-1][0] == "/login/?next=/admin/servers/server/%3Fq%3Dweb"


def test_who_is_no_staff_gets_nowhere_in_the_admin(alice_client: Client) -> None:
    page = alice_client.get("/admin/servers/server/", follow=True)
    assert b">h0<" not in page.content and page.request["PATH_INFO"] != "/admin/servers/server/"


def test_only_permissions_that_something_asks_about_are_offered(root: User, client: Client) -> None:
    client.force_login(root)
    for url in (reverse("admin:auth_group_add"), reverse("admin:auth_user_change", args=[root.pk])):
        form = client.get(url).context["adminform"].form
        field = form.fields.get("permissions") or form.fields["user_permissions"]
        offered = {f"{one.content_type.app_label}.{one.codename}" for one in field.queryset}
        assert {"consoles.add_run", "consoles.view_all_runs", "servers.trust_hostkey", "auth.change_user"} <= offered
        assert not {name for name in offered if "outputchunk" in name or "session" in name or "contenttype" in name}
        assert "consoles.delete_run" not in offered


def test_every_permission_that_the_console_declares_is_offered(db: None) -> None:
    offered = set(Permission.objects.filter(asked_for()).values_list("codename", flat=True))
    models = [model for app in ("servers", "consoles") for model in apps.get_app_config(app).get_models()]
    assert {codename for model in models for codename, _ in model._meta.permissions} <= offered
    links = [entry.permission for entries in SECTIONS.values() for entry in entries if entry.permission]
    assert {permission.split(".")[1] for permission in links} <= offered
