"""Pages for what goes wrong say what to do next, and who may not see something learns nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.template.loader import render_to_string
from django.test import Client

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = pytest.mark.django_db


def test_health_is_told_to_anybody_without_a_database() -> None:
    response = Client().get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")


def test_an_address_that_does_not_exist_says_so(alice_client: Client) -> None:
    response = alice_client.get("/runs/abc/")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_a_missing_right_is_named(client: Client, bob: User) -> None:
    client.force_login(bob)
    response = client.get("/runs/new/")
    assert response.status_code == 403
    assert "ask an administrator for the right to add runs" in response.content.decode()


def test_the_page_for_our_own_faults_needs_nothing_that_may_be_broken() -> None:
    page = render_to_string("500.html")
    assert "Something broke in the console" in page and "Traceback" not in page


def test_a_wrong_password_is_told_apart_from_nothing_else(bob: User) -> None:
    wrong = Client().post("/login/", {"username": "bob", "password": "x"}).content.decode()
    unknown = Client().post("/login/", {"username": "nobody", "password": "x"}).content.decode()
    assert "Please enter a correct username and password" in wrong
    assert "Please enter a correct username and password" in unknown
    assert 'value="bob"' in wrong


def test_login_leads_to_the_page_that_was_asked_for_and_never_to_another_site(bob: User) -> None:
    right = {"username": "bob", "password": "bob-password"}
    assert Client().post("/login/", {**right, "next": "/runs/?q=x"})["Location"] == "/runs/?q=x"
    assert Client().post("/login/", {**right, "next": "https://evil.example/"})["Location"] == "/runs/"


def test_who_is_logged_in_and_may_not_enter_the_admin_is_told_so(client: Client, bob: User) -> None:
    client.force_login(bob)
    page = client.get("/admin/", follow=True).content.decode()
    assert "Your account may not use the administration: ask an administrator." in page
