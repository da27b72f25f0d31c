"""Detached programs whose host is out of contact for a while: they go on, and so does their output, once and whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from consoles import actions, host_task, program_watch
from consoles.models import HostRun, Run
from consoles.ssh import Deadlines
from consoles.statuses import FINAL
from demo.fleet import Fleet
from servers.models import HostKey, Server
from tests.support.engine import Engine
from tests.support.hosts import add_to_inventory, fleet_credential
from tests.support.network import Network

NetworkOf = Callable[[Server], Network]
PRINTED = b"".join(b"%d\n" % number for number in range(1, 20_001)) + b"up\n"
PRINTED += b"".join(b"%d\n" % number for number in range(20_001, 40_001))


@pytest.fixture(autouse=True)
def restless(monkeypatch: pytest.MonkeyPatch, engine: Engine, settings: Any) -> None:
    """Try again soon, and notice soon that a host is silent."""
    engine.mode = "detached"
    settings.OPSCONSOLE_DEAD_PEER = 1.0
    monkeypatch.setattr(host_task, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(host_task, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(program_watch, "PROBE_AFTER", 0.3)


@pytest.fixture
def one_host(tmp_path: Path) -> Any:
    """A host with a server process of its own, to be killed."""
    with Fleet.demo(tmp_path / "fleet", ["one"], own_homes=True) as fleet:
        yield fleet


class Gate:
    """A program that prints, waits until it is let go on, prints the rest and ends with 7."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wait = f"until [ -e {folder}/go ]; do sleep 0.05; done"
        self.text = f"echo x >>{folder}/starts; seq 1 20000; echo $$ >{folder}/pid; echo up; {self.wait}; "
        self.text += "seq 20001 40000; exit 7"

    def open(self) -> None:
        (self.folder / "go").touch()

    @property
    def starts(self) -> str:
        return (self.folder / "starts").read_text()

    @property
    def is_alive(self) -> bool:
        pid = int((self.folder / "pid").read_text())
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        return False

    def wait_for_end(self, engine: Engine, run: Run) -> None:
        engine.wait_until(run, lambda rows: not self.is_alive)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def cut_off(engine: Engine, network_of: NetworkOf, gate: Gate) -> tuple[Server, Network, Run]:
    """A run whose only host has printed up to the gate, and cannot be reached any more."""
    [server] = engine.servers()
    network = network_of(server)
    run = engine.start([server], gate.text)
    engine.wait_for_output(run, "up")
    network.go_away()
    out_of_contact(engine, run)
    return server, network, run


def out_of_contact(engine: Engine, run: Run, words: str = "") -> HostRun:
    [row] = engine.wait_until(run, lambda rows: rows[0].contact_lost is not None and words in rows[0].reason)
    assert row.status == "running"
    return row


def assert_whole(engine: Engine, run: Run, gate: Gate) -> None:
    [row] = engine.wait_for_end(run)
    assert (row.status, row.exit_status, row.contact_lost) == ("failed", 7, None)
    assert row.reason == "The program ended with exit status 7."
    is_whole = engine.output(row) == PRINTED
    assert is_whole
    assert gate.starts == "x\n"


def test_refused_and_broken_connections_are_told_and_made_up_for(
    engine: Engine, network_of: NetworkOf, gate: Gate
) -> None:
    [server] = engine.servers()
    network = network_of(server)
    run = engine.start([server], gate.text)
    engine.wait_for_output(run, "up")
    network.go_away()
    row = out_of_contact(engine, run, "refused the connection")
    assert row.reason.endswith("no SSH server listens there. It may go on there; trying again.")
    gate.open()
    gate.wait_for_end(engine, run)
    network.come_back()
    assert_whole(engine, run, gate)


def test_contact_that_is_back_is_told(engine: Engine, network_of: NetworkOf, gate: Gate) -> None:
    server, network, run = cut_off(engine, network_of, gate)
    network.come_back()
    [row] = engine.wait_until(run, lambda rows: rows[0].contact_lost is None)
    assert (row.status, row.reason) == ("running", "")
    gate.open()
    assert_whole(engine, run, gate)


def test_network_that_swallows_everything_is_noticed(engine: Engine, network_of: NetworkOf, gate: Gate) -> None:
    [server] = engine.servers()
    network = network_of(server)
    run = engine.start([server], gate.text, connect_timeout=1)
    engine.wait_for_output(run, "up")
    network.swallow()
    out_of_contact(engine, run, "stayed silent")
    gate.open()
    network.carry()
    assert_whole(engine, run, gate)


def test_connection_that_is_reset_again_and_again_loses_and_repeats_nothing(
    engine: Engine, network_of: NetworkOf, gate: Gate
) -> None:
    [server] = engine.servers()
    network = network_of(server)
    run = engine.start([server], gate.text.replace("seq", "sleep 0.1; seq"))
    gate.open()
    for size in range(0, len(PRINTED), len(PRINTED) // 8):
        engine.wait_until(run, lambda rows: rows[0].size >= size or rows[0].status in FINAL)  # noqa: B023
        network.reset()
    assert_whole(engine, run, gate)


@pytest.mark.parametrize("fault", ["connections", "server"])
def test_sshd_that_is_killed_and_restarted_costs_nothing(
    engine: Engine, one_host: Fleet, gate: Gate, fault: str
) -> None:
    run = engine.start(add_to_inventory(one_host, 1), gate.text)
    engine.wait_for_output(run, "up")
    if fault == "connections":
        one_host.cut("one")
    else:
        one_host.kill("one")
        out_of_contact(engine, run, "refused the connection")
        one_host.revive("one")
    gate.open()
    assert_whole(engine, run, gate)
    kept = one_host.home_of("one") / ".opsconsole"
    engine.wait_until(run, lambda rows: not list(kept.glob("*.*")))


def test_host_key_that_changed_meanwhile_blocks_until_it_is_trusted(
    engine: Engine, network_of: NetworkOf, gate: Gate
) -> None:
    server, network, run = cut_off(engine, network_of, gate)
    server.host_keys.update(key="AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43, fingerprint="SHA256:old")
    network.come_back()
    row = out_of_contact(engine, run, "trust or revoke the new one in the inventory")
    assert row.reason.endswith("It may go on there; trying again.")
    gate.open()
    server.host_keys.get(state=HostKey.State.PENDING).trust(None)
    assert_whole(engine, run, gate)


def test_credential_that_was_changed_meanwhile_is_the_one_that_is_used(
    engine: Engine, network_of: NetworkOf, gate: Gate
) -> None:
    [server] = engine.servers()
    network = network_of(server)
    credential = fleet_credential(engine.fleet)
    right = credential.secret("private_key")
    run = engine.start([server], gate.text)
    engine.wait_for_output(run, "up")
    network.go_away()
    out_of_contact(engine, run)
    credential.set_secret("private_key", "no key")
    credential.save()
    network.come_back()
    out_of_contact(engine, run, "The private key cannot be read")
    credential.set_secret("private_key", right)
    credential.save()
    gate.open()
    assert_whole(engine, run, gate)


def test_cancel_while_out_of_contact_ends_it_when_the_host_is_back(
    engine: Engine, network_of: NetworkOf, gate: Gate
) -> None:
    server, network, run = cut_off(engine, network_of, gate)
    actions.cancel_run(run, None, "tester")
    row = out_of_contact(engine, run, "Canceled, but not confirmed: ")
    assert row.reason.endswith("It is ended as soon as the host answers.")
    assert gate.is_alive
    network.come_back()
    [row] = engine.wait_for_end(run)
    assert row.status == "canceled" and row.reason.startswith("Ended after TERM in ")
    assert not gate.is_alive


def test_program_that_ended_while_out_of_contact_keeps_its_outcome_though_canceled(
    engine: Engine, network_of: NetworkOf, gate: Gate
) -> None:
    server, network, run = cut_off(engine, network_of, gate)
    gate.open()
    gate.wait_for_end(engine, run)
    actions.cancel_run(run, None, "tester")
    out_of_contact(engine, run, "Canceled, but not confirmed: ")
    network.come_back()
    assert_whole(engine, run, gate)


def test_total_timeout_that_passes_while_out_of_contact_ends_it_when_the_host_is_back(
    engine: Engine, network_of: NetworkOf, gate: Gate
) -> None:
    [server] = engine.servers()
    network = network_of(server)
    run = engine.start([server], gate.text, total_timeout=2)
    engine.wait_for_output(run, "up")
    network.go_away()
    row = out_of_contact(engine, run)
    assert row.started is not None
    # The time is counted by this process's clock, so that is what is waited for.
    engine.wait_until(run, lambda rows: age(rows[0]) > 2.5)
    assert gate.is_alive
    network.come_back()
    [row] = engine.wait_for_end(run)
    assert row.status == "timed_out"
    assert row.reason.startswith("Stopped after 2 s in all. Ended after TERM in ")
    assert not gate.is_alive


def age(host_run: HostRun) -> float:
    assert host_run.started is not None
    return (timezone.now() - host_run.started).total_seconds()


def test_output_limit_counts_right_across_connections(
    engine: Engine, network_of: NetworkOf, gate: Gate, settings: Any
) -> None:
    settings.OPSCONSOLE_OUTPUT_LIMIT = 1_000_000
    [server] = engine.servers()
    network = network_of(server)
    text = f"trap '' TERM; head -c 600000 /dev/zero; {gate.wait}; head -c 900000 /dev/zero"
    run = engine.start([server], text)
    engine.wait_until(run, lambda rows: rows[0].size == 600_000)
    network.reset()
    engine.wait_until(run, lambda rows: rows[0].contact_lost is None)
    gate.open()
    [row] = engine.wait_for_end(run)
    assert (row.status, row.size, row.dropped) == ("failed", 1_000_000, 500_000)
    assert "the first 1,000,000 bytes are stored, 500,000 bytes after them are not" in row.reason


@pytest.mark.parametrize("why", ["canceled", "timed out"])
def test_host_that_does_not_answer_when_a_program_is_to_be_ended_is_asked_again(
    engine: Engine, small_fleet: Fleet, monkeypatch: pytest.MonkeyPatch, settings: Any, gate: Gate, why: str
) -> None:
    settings.OPSCONSOLE_DEAD_PEER = 60.0
    monkeypatch.setattr(Deadlines, "__init__", partialmethod(Deadlines.__init__, channel=1.0))
    monkeypatch.setattr(program_watch, "DRAIN", 0.1)
    timeout = 2 if why == "timed out" else 600
    run = engine.start(add_to_inventory(small_fleet, 1), gate.text, total_timeout=timeout, connect_timeout=1)
    engine.wait_for_output(run, "up")
    small_fleet.freeze("one")
    try:
        if why == "canceled":
            actions.cancel_run(run, None, "tester")
        out_of_contact(engine, run)
    finally:
        small_fleet.thaw("one")
    [row] = engine.wait_for_end(run)
    assert row.status == ("canceled" if why == "canceled" else "timed_out")
    assert "Ended after TERM in " in row.reason
    assert not gate.is_alive
