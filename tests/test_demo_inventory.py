"""The demo's servers and scripts: loaded once, and an operator's changes are left alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from consoles import demo
from consoles.models import Script
from demo import inventory
from demo.fleet import Fleet
from servers.models import Credential, HostKey, Server

NAMES = [host.name for host in inventory.HOSTS]


@pytest.fixture(scope="module")
def demo_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The demo's hosts, shared by the tests of this file."""
    with Fleet.demo(tmp_path_factory.mktemp("demo"), NAMES) as fleet:
        yield fleet


def everything() -> list[object]:
    rows = (Server, HostKey, Credential, Script)
    return [list(model.objects.order_by("pk").values()) for model in rows]


@pytest.mark.django_db
def test_loads_hosts_with_trusted_keys_groups_tags_and_scripts(demo_fleet: Fleet) -> None:
    assert demo.load(demo_fleet) == NAMES
    db2 = Server.objects.get(name="db2")
    assert [group.name for group in db2.groups.all()] == ["db"]
    assert {tag.name for tag in db2.tags.all()} == {"demo", "replica"}
    assert [key.state for key in db2.host_keys.all()] == [HostKey.State.TRUSTED]
    assert db2.host_keys.get().fingerprint == demo_fleet.host("db2").fingerprint
    assert db2.credential.secret("private_key").startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert {script.name for script in Script.objects.all()} == {script.name for script in inventory.scripts()}
    assert all(script.description for script in Script.objects.all())


@pytest.mark.django_db
def test_loading_again_changes_nothing(demo_fleet: Fleet) -> None:
    demo.load(demo_fleet)
    before = everything()
    demo.load(demo_fleet)
    assert everything() == before


@pytest.mark.django_db
def test_leaves_alone_what_an_operator_made_or_changed(demo_fleet: Fleet) -> None:
    own = Credential.objects.create(name="deploy", user="root")
    Server.objects.create(name="web1", host="web1.example.net", credential=own)
    assert demo.load(demo_fleet) == NAMES[1:]
    Server.objects.filter(name="web2").update(enabled=False, note="mine")
    Server.objects.get(name="web2").groups.clear()
    demo.load(demo_fleet)
    assert Server.objects.get(name="web1").host == "web1.example.net"
    web2 = Server.objects.get(name="web2")
    assert (web2.enabled, web2.note, web2.groups.count()) == (False, "mine", 0)


@pytest.mark.django_db
def test_a_key_an_operator_revoked_stays_revoked(demo_fleet: Fleet) -> None:
    demo.load(demo_fleet)
    HostKey.objects.get(server__name="db1").revoke(by=None)
    demo.load(demo_fleet)
    assert HostKey.objects.get(server__name="db1").state == HostKey.State.REVOKED


@pytest.mark.django_db
def test_follows_a_host_to_another_port(demo_fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    demo.load(demo_fleet)
    host, *others = demo_fleet.hosts
    monkeypatch.setattr(demo_fleet, "hosts", [replace(host, port=4022), *others])
    demo.load(demo_fleet)
    assert Server.objects.get(name=host.name).port == 4022


def run_script(name: str, host: str, path: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a demo script as ``host`` would, with a `sleep` that does not wait but notes for how long it should."""
    sleep = path / "sleep"
    sleep.write_text(f'#!/bin/sh\necho "$1" >>{path}/slept\n')
    sleep.chmod(0o755)
    environment = {"PATH": f"{path}:{os.environ['PATH']}", "OPSC_DEMO_HOST": host}
    text = next(script.text for script in inventory.scripts() if script.name == name)
    return subprocess.run(["sh"], input=text.encode(), env=environment, capture_output=True, timeout=30)


def test_exactly_one_host_fails_the_backup_check(tmp_path: Path) -> None:
    failed = {name: run_script("backup-check", name, tmp_path) for name in NAMES}
    assert [name for name, done in failed.items() if done.returncode] == ["db2"]
    assert b"no snapshot" in failed["db2"].stderr


def test_the_rehearsal_shows_what_terminals_can_do(tmp_path: Path) -> None:
    done = run_script("update-rehearsal", "web1", tmp_path)
    assert done.returncode == 0
    assert done.stdout.count(b"\r") == 50
    assert b"\x1b[32m" in done.stdout
    assert "更新が完了しました" in done.stdout.decode()
    assert done.stderr.count(b"W: ") == 3
    assert [step in done.stdout.decode() for step in ("1/5", "2/5", "3/5", "4/5", "5/5")] == [True] * 5


def test_the_rehearsal_takes_a_minute(tmp_path: Path) -> None:
    run_script("update-rehearsal", "web1", tmp_path)
    slept = [float(line) for line in (tmp_path / "slept").read_text().split()]
    # The rest of the minute is what the programs between the pauses take.
    assert 57 <= sum(slept) <= 61


@pytest.mark.parametrize("name", ["host-facts", "disk-usage"])
def test_facts_and_disk_usage_work_here(name: str, tmp_path: Path) -> None:
    done = run_script(name, "web1", tmp_path)
    assert done.stdout.strip()
    assert done.stderr == b""
