"""The history and the scripts in the admin: read-only, and nothing that ``access`` does not show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from consoles.models import AuditEntry, HostRun, Run, Script, ScriptVersion, text_sha256
from consoles.statuses import Status
from tests.support.people import person

RUNS = "/admin/consoles/run/"
HOST_RUNS = "/admin/consoles/hostrun/"
AUDIT = "/admin/consoles/auditentry/"
SCRIPT = "/admin/consoles/script/"
VIEW = ("consoles.view_run", "consoles.view_hostrun", "consoles.view_auditentry", "consoles.view_script")


@pytest.fixture
def root_client(root: User, client: Client) -> Client:
    client.force_login(root)
    return client


def add_run(requester: User, program: str = "uptime", *statuses: Status, **fields: Any) -> Run:
    """A run with one host per status, named h0, h1, …"""
    run = Run.objects.create(
        requester=requester,
        requester_name=requester.username,
        title=program[:40],
        program=program,
        program_sha256=text_sha256(program),
        output_limit=1024,
        **fields,
    )
    for index, status in enumerate(statuses):
        HostRun.objects.create(
            run=run, index=index, server_name=f"h{index}", address=f"h{index}:22", status=status.value
        )
    AuditEntry.objects.create(actor=requester, actor_name=requester.username, act="run.requested", run=run)
    return run


def found(client: Client, url: str) -> list[Any]:
    """The rows of a list."""
    page = client.get(url)
    assert page.status_code == 200
    return list(page.context["cl"].result_list)


def test_runs_are_found_by_text_server_requester_and_status(root_client: Client, root: User, alice: User) -> None:
    update = add_run(root, "apt-get -y upgrade", Status.SUCCEEDED, Status.FAILED)
    uptime = add_run(alice, "uptime", Status.SUCCEEDED)
    HostRun.objects.filter(run=uptime).update(server_name="db7")
    assert found(root_client, f"{RUNS}?q=upgrade") == [update]
    assert found(root_client, f"{RUNS}?q=db7") == [uptime]
    assert found(root_client, f"{RUNS}?q=alice") == [uptime]
    assert found(root_client, f"{RUNS}?server=h1") == [update]
    assert found(root_client, f"{RUNS}?who=ali") == [uptime]
    assert found(root_client, f"{RUNS}?status=failed") == [update]
    assert found(root_client, f"{RUNS}?status=succeeded") == [uptime]
    assert found(root_client, RUNS) == [uptime, update]
    assert found(root_client, f"{HOST_RUNS}?q=upgrade&status__exact=failed") == [update.host_runs.get(index=1)]
    assert found(root_client, f"{AUDIT}?q=upgrade") == [update.audit_entries.get()]


def test_a_run_on_many_matching_servers_is_listed_once_with_true_counts(root_client: Client, root: User) -> None:
    run = add_run(root, "uptime", *[Status.SUCCEEDED] * 3, Status.FAILED)
    (row,) = found(root_client, f"{RUNS}?q=h&server=h")
    assert (row, row.hosts, row.n_succeeded) == (run, 4, 3)
    page = root_client.get(RUNS).content.decode()
    assert "3 of 4 succeeded" in page and run.get_absolute_url() in page


def test_the_list_of_runs_asks_the_database_seldom(
    root_client: Client, root: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        add_run(root, f"echo {number}", Status.SUCCEEDED)
    with django_assert_max_num_queries(12):
        assert len(found(root_client, RUNS)) == 30


def test_shows_how_a_run_was_started_and_since_when_contact_is_lost(root_client: Client, root: User) -> None:
    run = add_run(root, "uptime", Status.RUNNING, mode="attached")
    add_run(root, "uptime", Status.RUNNING)
    assert found(root_client, f"{RUNS}?mode__exact=attached") == [run]
    page = root_client.get(reverse("admin:consoles_run_change", args=[run.pk])).content.decode()
    assert "attached: ends with the connection" in page
    run.host_runs.update(mode="detached", contact_lost=datetime(2026, 11, 21, 14, 3, tzinfo=UTC))
    page = root_client.get(reverse("admin:consoles_hostrun_change", args=[run.host_runs.get().pk])).content.decode()
    assert "reconnecting" in page and "Contact lost" in page and "2026-11-21 14:03" in page


def test_only_visible_runs_are_shown_to_staff(client: Client, root: User) -> None:
    stan = person("stan", *VIEW, is_staff=True)
    own, other = add_run(stan, "uptime", Status.SUCCEEDED), add_run(root, "cat /etc/shadow", Status.SUCCEEDED)
    client.force_login(stan)
    assert found(client, RUNS) == [own]
    assert [row.run for row in found(client, HOST_RUNS)] == [own]
    assert [row.run for row in found(client, AUDIT)] == [own]
    for url in (
        reverse("admin:consoles_run_change", args=[other.pk]),
        reverse("admin:consoles_hostrun_change", args=[other.host_runs.get().pk]),
        reverse("admin:consoles_auditentry_change", args=[other.audit_entries.get().pk]),
    ):
        page = client.get(url, follow=True)
        assert b"/etc/shadow" not in page.content
    assert b"/etc/shadow" not in client.get("/admin/").content


@pytest.mark.parametrize("model", ["run", "hostrun", "auditentry", "scriptversion"])
def test_nobody_adds_changes_or_deletes_history(root_client: Client, root: User, model: str) -> None:
    run = add_run(root, "uptime", Status.SUCCEEDED)
    version = Script.objects.create(name="facts").add_version("uname -a\n")
    row = {"run": run, "hostrun": run.host_runs.get(), "auditentry": run.audit_entries.get(), "scriptversion": version}
    args = [row[model].pk]
    assert root_client.get(reverse(f"admin:consoles_{model}_change", args=args)).status_code == 200
    assert root_client.post(reverse(f"admin:consoles_{model}_change", args=args), {}).status_code == 403
    assert root_client.post(reverse(f"admin:consoles_{model}_delete", args=args), {"post": "yes"}).status_code == 403
    assert root_client.get(reverse(f"admin:consoles_{model}_add")).status_code == 403


def test_a_program_is_shown_as_text(root_client: Client, root: User) -> None:
    run = add_run(root, "echo '<script>alert(1)</script>' $(id)", Status.SUCCEEDED)
    for url in (RUNS, reverse("admin:consoles_run_change", args=[run.pk]), AUDIT, "/admin/"):
        assert b"<script>alert" not in root_client.get(url).content


def test_saving_a_changed_script_adds_a_version(root_client: Client, root: User) -> None:
    root_client.post(f"{SCRIPT}add/", {"name": "facts", "enabled": "on", "text": "uname -a\r\nuptime"})
    script = Script.objects.get()
    first = script.versions.get()
    assert (first.number, first.text, first.author) == (1, "uname -a\nuptime\n", root)
    url = reverse("admin:consoles_script_change", args=[script.pk])
    inline = {"versions-TOTAL_FORMS": 0, "versions-INITIAL_FORMS": 0}
    same = {"name": "facts", "enabled": "on", "description": "what a host is", "text": "uname -a\r\nuptime\r\n"}
    root_client.post(url, same | inline)
    script.refresh_from_db()
    assert script.description == "what a host is" and script.versions.count() == 1
    page = root_client.post(url, same | inline | {"text": "uptime\n"}, follow=True).content.decode()
    assert "saved as version 2" in page
    assert [version.text for version in script.versions.all()] == ["uptime\n", "uname -a\nuptime\n"]


def test_a_script_keeps_quotes_newlines_and_substitutions(root_client: Client) -> None:
    text = "\t'a' \"b\" $(id) `id` %s é漢😀 \\\n\n  <b>&amp;\n"
    root_client.post(f"{SCRIPT}add/", {"name": "odd", "enabled": "on", "text": text.replace("\n", "\r\n")})
    assert ScriptVersion.objects.get().text == text


def test_an_empty_script_is_refused(root_client: Client) -> None:
    page = root_client.post(f"{SCRIPT}add/", {"name": "empty", "text": " \r\n\t"}).content.decode()
    assert "Enter the program." in page or "This field is required." in page
    assert not Script.objects.exists()


def test_scripts_are_found_by_their_text(root_client: Client) -> None:
    script = Script.objects.create(name="facts")
    script.add_version("uname -a\n")
    script.add_version("uname -r\n")
    assert found(root_client, f"{SCRIPT}?q=uname") == [script]


def test_who_may_only_look_reads_the_program(client: Client, db: None) -> None:
    script = Script.objects.create(name="facts")
    script.add_version("uname -a\n")
    client.force_login(person("rita", "consoles.view_script", "consoles.view_scriptversion", is_staff=True))
    url = reverse("admin:consoles_script_change", args=[script.pk])
    page = client.get(url).content
    assert b"uname -a" in page and b'name="text"' not in page
    assert client.post(url, {"name": "facts", "text": "rm -rf /"}).status_code == 403
    assert script.versions.count() == 1


def test_a_script_that_was_run_is_kept_and_one_that_was_not_is_deleted(root_client: Client, root: User) -> None:
    used, unused = Script.objects.create(name="used"), Script.objects.create(name="unused")
    add_run(root, "uptime\n", Status.SUCCEEDED, script_version=used.add_version("uptime\n"))
    unused.add_version("uptime\n")
    for script in (used, unused):
        root_client.post(reverse("admin:consoles_script_delete", args=[script.pk]), {"post": "yes"})
    assert list(Script.objects.all()) == [used]


def test_the_audit_says_who_did_what_and_when_to_the_second(root_client: Client, root: User) -> None:
    entry = add_run(root).audit_entries.get()
    page = root_client.get(AUDIT).content.decode()
    assert f"{entry.time:%Y-%m-%d %H:%M:%S} UTC" in page
    assert ">Who<" in "".join(page.split()) and ">What<" in "".join(page.split())
