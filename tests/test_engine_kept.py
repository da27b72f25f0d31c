"""Connections that stay open for the next run: used only where nothing about them has changed, and never a risk."""

from __future__ import annotations

import os
import signal
import threading
from types import SimpleNamespace
from typing import Any

import paramiko
import pytest

from consoles import actions, dispatcher, ssh
from consoles.models import HostRun, Run
from consoles.outputlog import Fenced, Ticket
from consoles.runner import Runner
from consoles.ssh.kept import KeptConnections
from consoles.ssh.target import agent_login
from consoles.targets import Targets, with_keys
from servers.models import Credential, Server
from tests.support.engine import Engine
from tests.support.hosts import fleet_credential

#: The client's end of the connection: another port is another connection.
WHICH = 'set -- $SSH_CONNECTION; echo "$2"'


def port_of(engine: Engine, host_run: HostRun) -> int:
    return int(engine.output(host_run))


class Agent:
    """An SSH agent with these keys."""

    def __init__(self, keys: list[Any]) -> None:
        self._keys = keys

    def get_keys(self) -> tuple[Any, ...]:
        return tuple(self._keys)

    def close(self) -> None:
        """Nothing is open."""


def ssh_key(blob: bytes) -> Any:
    return SimpleNamespace(asbytes=lambda: blob)


def kept_by_this_process() -> KeptConnections:
    assert isinstance(dispatcher._runner, Runner)
    return dispatcher._runner.kept


def join_threads_of(run: Run) -> None:
    """Wait until the run's threads have put their connections away, which is after its last status."""
    for thread in threading.enumerate():
        if thread.name.startswith(f"run-{run.pk}-"):
            thread.join(10)


def open_connection(server: Server) -> ssh.Connection:
    [known] = with_keys([server.pk])
    target = Targets(10).prepare([known])[server.pk].target
    assert target is not None
    connection = ssh.Connection(target)
    connection.open()
    return connection


@pytest.mark.usefixtures("either_mode")
def test_second_run_goes_over_the_connection_of_the_first(engine: Engine) -> None:
    servers = engine.servers(3)
    first = [port_of(engine, row) for row in engine.run(servers, WHICH)]
    second = [port_of(engine, row) for row in engine.run(servers, WHICH)]
    assert first == second and len(set(first)) == 3


@pytest.mark.usefixtures("either_mode")
def test_two_runs_at_once_do_not_share_a_connection(engine: Engine, tmp_path: Any) -> None:
    server = engine.servers()
    engine.run(server, WHICH)
    waiting = engine.start(server, f"{WHICH}; until [ -e {tmp_path}/go ]; do sleep 0.05; done")
    [row] = engine.wait_for_status(waiting, "running")
    [other] = engine.run(server, WHICH)
    (tmp_path / "go").touch()
    [row] = engine.wait_for_end(waiting)
    assert port_of(engine, row) != port_of(engine, other)


def test_new_secret_means_a_new_connection(engine: Engine) -> None:
    [server] = engine.servers()
    [first] = engine.run([server], WHICH)
    credential = fleet_credential(engine.fleet)
    # The same key in another form: what it opens is the same, but nobody can know that without logging in.
    credential.set_secret("private_key", credential.secret("private_key") + "\n\n")
    credential.save()
    [second] = engine.run([server], WHICH)
    assert port_of(engine, first) != port_of(engine, second)


def test_wrong_secret_is_refused_though_a_connection_is_open(engine: Engine) -> None:
    [server] = engine.servers()
    engine.run([server], WHICH)
    wrong = Credential.objects.create(name="wrong", user=fleet_credential(engine.fleet).user, method="password")
    wrong.set_secret("password", "not the password")
    wrong.save()
    Server.objects.filter(pk=server.pk).update(credential=wrong)
    [row] = engine.run([server], WHICH)
    assert row.status == "unreachable"


def test_revoked_host_key_ends_the_use_of_what_it_opened(engine: Engine) -> None:
    [server] = engine.servers()
    engine.run([server], WHICH)
    server.host_keys.update(state="revoked")
    [row] = engine.run([server], WHICH)
    assert row.status == "unreachable" and "no trusted host key" in row.reason


@pytest.mark.usefixtures("either_mode")
def test_connection_that_died_while_kept_costs_nothing_but_a_new_one(engine: Engine) -> None:
    [server] = engine.servers()
    # Attached, its parent is the host's end of the connection: this user's sshd process.
    [first] = engine.run([server], f"{WHICH}; echo $PPID", mode="attached")
    port, parent = engine.output(first).split()
    os.kill(int(parent), signal.SIGKILL)
    [second] = engine.run([server], WHICH)
    assert second.status == "succeeded" and port_of(engine, second) != int(port)


@pytest.mark.usefixtures("either_mode")
def test_frozen_kept_connection_is_given_up_and_the_program_starts_once(
    engine: Engine, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consoles.ssh.connection.REUSE_PATIENCE", 0.3)
    [server] = engine.servers()
    [first] = engine.run([server], "echo $PPID", mode="attached")
    parent = int(engine.output(first))
    os.kill(parent, signal.SIGSTOP)
    try:
        [second] = engine.run([server], f"echo ran >>{tmp_path}/ran; cat {tmp_path}/ran")
        assert second.status == "succeeded" and engine.output(second) == b"ran\n"
    finally:
        os.kill(parent, signal.SIGCONT)


@pytest.mark.usefixtures("either_mode")
def test_kept_connection_is_closed_where_another_process_took_the_server_over(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken out to serve a program that may not be started after all: it must not stay open for ever."""
    server = engine.servers()
    [first] = engine.run(server, WHICH)
    join_threads_of(first.run)
    taken: list[ssh.Connection | None] = []
    take = KeptConnections.take

    def note(kept: KeptConnections, target: ssh.Target) -> ssh.Connection | None:
        taken.append(take(kept, target))
        return taken[-1]

    def refuse(runner: Runner, ticket: Ticket) -> None:
        raise Fenced

    monkeypatch.setattr(KeptConnections, "take", note)
    monkeypatch.setattr(Runner, "confirm", refuse)
    run = engine.start(server, WHICH)
    engine.wait_until(run, lambda _: bool(taken))
    join_threads_of(run)
    assert [connection is not None and connection.is_active for connection in taken] == [False]
    assert taken[0] is not None
    HostRun.objects.filter(run=run).update(status="lost")


def test_connection_of_a_program_that_was_ended_with_proof_is_kept(engine: Engine) -> None:
    run = engine.start(engine.servers(), "echo up; sleep 1020")
    engine.wait_for_output(run, "up")
    actions.cancel_run(run, None, "tester")
    engine.wait_for_end(run)
    join_threads_of(run)
    assert len(kept_by_this_process()) == 1


def test_program_that_left_something_behind_does_not_hand_its_connection_on(engine: Engine, either_mode: str) -> None:
    run = engine.start(engine.servers(), "sleep 20 & echo done")
    [row] = engine.wait_for_end(run)
    assert row.status == "succeeded"
    join_threads_of(run)
    # Detached, what it left holds nothing of the connection: its output is a file.
    assert len(kept_by_this_process()) == (1 if either_mode == "detached" else 0)


def test_program_on_a_kept_connection_is_ended_as_patiently_as_any_other(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    [server] = engine.servers()
    connection = open_connection(server)
    patience = connection.channel_deadline
    monkeypatch.setattr("consoles.ssh.connection.REUSE_PATIENCE", 0.3)
    connection.reuse_for(connection.target)
    assert connection.channel_deadline == 0.3
    program = ssh.Program(connection, "true")
    # A busy host may need longer to open the second channel, from which a cancel ends the program.
    assert connection.channel_deadline == patience
    program.close()
    connection.close()


def test_more_dead_connections_than_python_nests_calls_are_passed_over(engine: Engine) -> None:
    [server] = engine.servers()
    connection = open_connection(server)
    kept = KeptConnections(60, most=2_000)
    for _ in range(1_500):
        kept.give(connection)
    connection.close()
    assert kept.take(connection.target) is None and len(kept) == 0
    kept.close()
    assert engine.leftover_threads(wait=10) == []


def test_other_keys_in_the_agent_mean_a_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    held = [ssh_key(b"one"), ssh_key(b"two")]
    monkeypatch.setattr("paramiko.Agent", lambda: Agent(held))
    before, same = agent_login("root"), agent_login("root")
    held.pop()
    assert before.identity == same.identity != agent_login("root").identity


def test_an_agent_that_does_not_answer_opens_nothing_that_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise paramiko.SSHException("could not get keys from ssh-agent")

    monkeypatch.setattr("paramiko.Agent", refuse)
    assert agent_login("root").identity != agent_login("root").identity


def test_keeps_no_more_than_it_may_and_closes_all_at_the_end(engine: Engine) -> None:
    connections = [open_connection(server) for server in engine.servers(3)]
    kept = KeptConnections(60, most=2)
    for connection in connections:
        kept.give(connection)
    assert [connection.is_active for connection in connections] == [False, True, True]
    assert kept.take(connections[2].target) is connections[2]
    assert kept.take(connections[2].target) is None
    kept.give(connections[2])
    kept.close()
    assert not any(connection.is_active for connection in connections)
    assert engine.leftover_threads(wait=10) == []


def test_kept_connection_is_closed_when_its_time_is_up(engine: Engine) -> None:
    [server] = engine.servers()
    connection = open_connection(server)
    KeptConnections(0.05, most=2).give(connection)
    assert engine.leftover_threads(wait=10) == []
    assert not connection.is_active


def test_zero_seconds_keep_nothing(engine: Engine, settings: Any) -> None:
    settings.OPSCONSOLE_KEEP_CONNECTIONS = 0
    servers = engine.servers()
    [first], [second] = engine.run(servers, WHICH), engine.run(servers, WHICH)
    assert port_of(engine, first) != port_of(engine, second)
