"""What one function decides about runs, servers and scripts holds for Alice, Bob, Charlie and strangers."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User

from consoles import access
from consoles.models import HostRun, Run, Script
from servers.models import Credential, Server
from tests.support.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def alices_run(alice: User) -> Run:
    run = Run.objects.create(
        requester=alice, requester_name="alice", title="uptime", program="uptime", program_sha256="0", output_limit=1000
    )
    HostRun.objects.create(run=run, index=0, server_name="web1", address="192.0.2.1:22")
    return run


def test_everybody_sees_their_own_runs(alices_run: Run, alice: User) -> None:
    assert list(access.runs_for(alice)) == [alices_run]
    assert access.access_run(alice, alices_run.pk) == alices_run
    assert access.access_host_run(alice, alices_run.pk, 0).server_name == "web1"


def test_a_run_of_somebody_else_does_not_exist(alices_run: Run, bob: User) -> None:
    assert not access.runs_for(bob).exists()
    with pytest.raises(Run.DoesNotExist):
        access.access_run(bob, alices_run.pk)
    with pytest.raises(HostRun.DoesNotExist):
        access.access_host_run(bob, alices_run.pk, 0)


def test_view_all_runs_shows_the_runs_of_others(alices_run: Run, charlie: User) -> None:
    assert access.access_run(charlie, alices_run.pk) == alices_run


def test_a_host_run_of_another_run_is_not_reached_by_its_index(alices_run: Run, alice: User) -> None:
    with pytest.raises(HostRun.DoesNotExist):
        access.access_host_run(alice, alices_run.pk + 1, 0)
    with pytest.raises(HostRun.DoesNotExist):
        access.access_host_run(alice, alices_run.pk, 1)


def test_nobody_who_is_not_logged_in_sees_or_does_anything(alices_run: Run) -> None:
    nobody = AnonymousUser()
    assert not access.runs_for(nobody).exists()
    assert not access.can_start(nobody)
    assert not access.can_cancel(nobody, alices_run)
    assert not access.servers_for(nobody).exists()
    assert not access.scripts_for(nobody).exists()


def test_a_run_without_requester_belongs_to_nobody(alices_run: Run, bob: User) -> None:
    Run.objects.update(requester=None)
    alices_run.refresh_from_db()
    assert not access.runs_for(AnonymousUser()).exists()
    assert not access.can_cancel(AnonymousUser(), alices_run)
    assert not access.can_cancel(bob, alices_run)


def test_an_account_that_is_no_longer_active_sees_nothing(alices_run: Run, alice: User) -> None:
    alice.is_active = False
    assert not access.runs_for(alice).exists()
    assert not access.can_cancel(alice, alices_run)
    assert not access.can_start(alice)


def test_starting_needs_add_run(alice: User, bob: User) -> None:
    assert access.can_start(alice)
    assert not access.can_start(bob)


def test_own_runs_can_be_canceled_and_those_of_others_with_cancel_run(
    alices_run: Run, alice: User, bob: User, charlie: User
) -> None:
    assert access.can_cancel(alice, alices_run)
    assert access.can_cancel(charlie, alices_run)
    assert not access.can_cancel(bob, alices_run)


def test_cancel_run_without_seeing_the_run_cancels_nothing(alices_run: Run) -> None:
    assert not access.can_cancel(person("dora", "consoles.cancel_run"), alices_run)


def test_picking_servers_needs_view_server_and_leaves_out_those_not_enabled(alice: User, bob: User) -> None:
    credential = Credential.objects.create(name="deploy", user="root")
    Server.objects.create(name="web1", host="192.0.2.1", credential=credential)
    Server.objects.create(name="old1", host="192.0.2.2", credential=credential, enabled=False)
    assert [server.name for server in access.servers_for(alice)] == ["web1"]
    assert not access.servers_for(bob).exists()


def test_picking_scripts_needs_view_script_and_leaves_out_those_not_enabled(alice: User, bob: User) -> None:
    Script.objects.create(name="update")
    Script.objects.create(name="old", enabled=False)
    assert [script.name for script in access.scripts_for(alice)] == ["update"]
    assert not access.scripts_for(bob).exists()
