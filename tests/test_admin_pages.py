"""Every page of the admin: it answers, obeys the Content-Security-Policy, and works in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from tests.support.browser import NewPage
from tests.support.people import person
from tests.support.server import ServerProcess

NAMES = sorted(f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry)


def script_sources(response: Any) -> str:
    found = re.search(r"script-src ([^;]+)", response.headers["Content-Security-Policy"])
    assert found
    return found[1]


@pytest.mark.parametrize("name", NAMES)
def test_every_list_and_every_form_to_add_answers(name: str, root: User, client: Client) -> None:
    client.force_login(root)
    assert client.get(reverse(f"admin:{name}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:{name}_changelist"), {"q": "a"}).status_code == 200
    assert client.get(reverse(f"admin:{name}_add")).status_code in (200, 403)


@pytest.mark.parametrize("name", NAMES)
def test_staff_without_rights_see_no_list(name: str, client: Client, db: None) -> None:
    client.force_login(person("stan", is_staff=True))
    assert client.get(reverse(f"admin:{name}_changelist")).status_code == 403


@pytest.mark.parametrize("field", ["credential", "groups", "tags"])
def test_staff_without_rights_get_no_names_from_autocompletion(field: str, client: Client, db: None) -> None:
    client.force_login(person("stan", "servers.view_server", is_staff=True))
    query = {"app_label": "servers", "model_name": "server", "field_name": field}
    assert client.get(reverse("admin:autocomplete"), query).status_code == 403


def test_the_sidebar_shows_only_what_somebody_may_see(client: Client, db: None) -> None:
    client.force_login(person("stan", "servers.view_server", is_staff=True))
    page = client.get("/admin/").content.decode()
    assert 'href="/admin/servers/server/"' in page and 'href="/runs/"' in page
    assert 'href="/admin/servers/credential/"' not in page and "/admin/auth/user/" not in page


def test_only_the_admin_may_evaluate_scripts(root: User, client: Client) -> None:
    client.force_login(root)
    assert "'unsafe-eval'" in script_sources(client.get("/admin/servers/server/"))
    for page in ("/runs/", "/login/"):
        sources = script_sources(client.get(page))
        assert "'unsafe-eval'" not in sources and "'unsafe-inline'" not in sources
    assert "'unsafe-inline'" not in script_sources(client.get("/admin/"))


@pytest.mark.parametrize("dark", [False, True])
def test_the_admin_works_in_a_browser_without_breaking_its_policy(
    live_server_process: ServerProcess, new_page: NewPage, dark: bool
) -> None:
    """The fixture fails the test for every error on the console, and a broken policy is one."""
    root = live_server_process.person("root", is_staff=True, is_superuser=True)
    page = new_page(live_server_process, root, dark=dark)
    page.goto("/admin/")
    page.get_by_role("link", name="Credentials").click()
    page.get_by_role("link", name="Servers", exact=True).click()
    page.goto("/admin/servers/credential/add/")
    page.get_by_label("Method").select_option("password")
    expect(page.locator("[name=password]")).to_be_visible()
    assert not page.locator("[name=private_key]").is_visible()
    page.get_by_label("Name", exact=False).first.fill("switches")
    page.get_by_label("User name").fill("admin")
    page.locator("[name=password]").fill("s3cret-of-the-switches")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("switches").first.wait_for()
    assert "s3cret-of-the-switches" not in page.content()


def test_the_admin_and_the_whole_menu_fit_a_narrow_screen(
    live_server_process: ServerProcess, new_page: NewPage
) -> None:
    root = live_server_process.person("root", is_staff=True, is_superuser=True)
    page = new_page(live_server_process, root, width=390, height=844)
    for name in ("servers/server", "servers/hostkey", "consoles/run", "servers/credential/add", "auth/user/1/change"):
        page.goto(f"/admin/{name}/")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    page.goto("/runs/")
    for width in (390, 360):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.locator(".top-nav").evaluate("(menu) => menu.scrollWidth - menu.clientWidth") == 0
