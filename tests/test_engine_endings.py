"""How programs end that do not end by themselves: cancels, limits, and connections that break. On real OpenSSH."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest

from consoles import actions, program_watch
from consoles.models import HostRun
from consoles.protocol import STDOUT
from consoles.ssh import Deadlines
from consoles.statuses import FINAL
from demo.fleet import Fleet
from servers.models import Credential, Server
from tests.support.bad_hosts import Behaviour, Listener
from tests.support.engine import Engine
from tests.support.hosts import MakeFleet, add_to_inventory


def cancel(host_run: HostRun) -> None:
    assert actions.cancel_host_run(HostRun.objects.get(pk=host_run.pk), None, "tester")


def is_alive(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pids_in(output: bytes) -> list[int]:
    return [int(word) for word in output.split()]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Probe silent hosts soon and give channels and endings little time."""
    settings.OPSCONSOLE_DEAD_PEER = 1.0
    monkeypatch.setattr(program_watch, "PROBE_AFTER", 0.3)
    monkeypatch.setattr(program_watch, "DRAIN", 0.3)
    monkeypatch.setattr(Deadlines, "__init__", partialmethod(Deadlines.__init__, channel=1.0))


def test_cancel_ends_the_whole_process_group(engine: Engine, either_mode: str) -> None:
    run = engine.start(engine.servers(), "sleep 1001 & (sleep 1002 & wait) & echo $$ $!; echo up; wait")
    [host_run] = engine.wait_for_output(run, "up")
    pids = pids_in(engine.output(host_run).partition(b"up")[0])
    assert len(pids) == 2 and all(map(is_alive, pids))
    cancel(host_run)
    [host_run] = engine.wait_for_end(run)
    assert host_run.status == "canceled"
    assert re.fullmatch(r"Ended after TERM in \d+\.\d s\.", host_run.reason)
    # A detached program's shell reports the signal as a status, as shells do.
    ended = (None, "TERM") if either_mode == "attached" else (143, "")
    assert (host_run.exit_status, host_run.exit_signal) == ended
    assert not any(map(is_alive, pids))


def test_cancel_kills_what_ignores_term(engine: Engine, either_mode: str) -> None:
    text = "trap '' TERM; echo $$; echo up; while :; do sleep 0.05; done"
    run = engine.start(engine.servers(), text)
    [host_run] = engine.wait_for_output(run, "up")
    [pid] = pids_in(engine.output(host_run).partition(b"up")[0])
    cancel(host_run)
    [host_run] = engine.wait_for_end(run)
    # What would write down a detached program's exit status is killed with it.
    assert (host_run.status, host_run.exit_signal) == ("canceled", "KILL" if either_mode == "attached" else "")
    assert host_run.reason.startswith("Killed after it ignored TERM, in ")
    assert not is_alive(pid)


@pytest.mark.usefixtures("either_mode")
def test_last_words_after_a_cancel_are_kept(engine: Engine) -> None:
    run = engine.start(engine.servers(), "trap 'echo cleaning up; exit 5' TERM; echo up; sleep 1000 & wait")
    [host_run] = engine.wait_for_output(run, "up")
    cancel(host_run)
    [host_run] = engine.wait_for_end(run)
    assert engine.output(host_run, STDOUT) == b"up\ncleaning up\n"
    assert (host_run.status, host_run.exit_status) == ("canceled", 5)


def test_cancel_of_a_run_reaches_running_and_waiting_hosts_alike(engine: Engine) -> None:
    run = engine.start(engine.servers(3), "echo up; sleep 1003", fanout=1)
    engine.wait_until(run, lambda rows: rows[0].last_line == "up")
    assert actions.cancel_run(run, None, "tester") == 3
    rows = engine.wait_for_end(run)
    assert [row.status for row in rows] == ["canceled"] * 3
    assert [row.reason for row in rows[1:]] == ["Canceled before it was started."] * 2
    assert [row.started is None for row in rows] == [False, True, True]


def test_cancel_of_one_host_leaves_the_others_alone(engine: Engine, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    text = f"echo up; read -r x <{tmp_path}/go; echo done"
    run = engine.start(engine.servers(2), text)
    rows = engine.wait_for_output(run, "up")
    cancel(rows[0])
    engine.wait_until(run, lambda rows: rows[0].status == "canceled")
    (tmp_path / "go").write_text("go\n")
    rows = engine.wait_for_end(run)
    assert [row.status for row in rows] == ["canceled", "succeeded"]
    assert engine.output(rows[1]) == b"up\ndone\n"


def test_cancel_while_connecting_does_not_wait_for_the_deadline(
    engine: Engine, listen: Callable[[Behaviour], Listener]
) -> None:
    silent = listen(lambda connection: None)
    [server] = engine.servers()
    Server.objects.filter(pk=server.pk).update(host="127.0.0.1", port=silent.port)
    run = engine.start([server], "echo never", connect_timeout=100)
    [host_run] = engine.wait_for_status(run, "starting")
    assert silent.connected.wait(10)
    began = time.monotonic()
    cancel(host_run)
    [host_run] = engine.wait_for_end(run)
    assert (host_run.status, host_run.reason) == ("canceled", "Canceled before the program was started.")
    assert time.monotonic() - began < 10


@pytest.mark.usefixtures("either_mode")
def test_cancel_that_races_the_end_leaves_one_true_outcome(engine: Engine) -> None:
    """Whatever comes first, a final status never changes, and an exit status is the program's own."""
    run = engine.start(engine.servers(24), "echo up; exit 3")
    seen: dict[int, str] = {}
    for index in range(24):
        rows = engine.wait_until(run, lambda rows: rows[index].size > 0 or rows[index].status in FINAL)  # noqa: B023
        actions.cancel_host_run(rows[index], None, "tester")
        seen |= {row.pk: row.status for row in rows if row.status in FINAL}
    rows = engine.wait_for_end(run)
    assert {pk: status for pk, status in seen.items()} == {row.pk: row.status for row in rows if row.pk in seen}
    for row in rows:
        assert row.status in ("failed", "canceled")
        assert (row.status == "failed") == (row.exit_status == 3), (row.status, row.reason)


@pytest.mark.usefixtures("impatient", "either_mode")
def test_cancel_says_when_the_host_allows_no_second_session(engine: Engine, make_fleet: MakeFleet) -> None:
    servers = add_to_inventory(make_fleet(1, MaxSessions="1"), 1)
    run = engine.start(servers, "echo up; sleep 1004", total_timeout=600)
    [host_run] = engine.wait_for_output(run, "up")
    cancel(host_run)
    [host_run] = engine.wait_for_end(run)
    assert host_run.status == "canceled"
    assert host_run.reason.startswith("Not confirmed: h0 refused a session")
    assert "MaxSessions" in host_run.reason


@pytest.mark.usefixtures("either_mode")
def test_cancel_reaches_a_program_behind_a_forced_command(engine: Engine, make_fleet: MakeFleet) -> None:
    """The wrapper leads the process group there, not the shell that announced itself."""
    wrapped = make_fleet(1, ForceCommand='sh -c "$SSH_ORIGINAL_COMMAND"; exit $?')
    run = engine.start(add_to_inventory(wrapped, 1), "echo $$; echo up; sleep 1005; true")
    [host_run] = engine.wait_for_output(run, "up")
    [pid] = pids_in(engine.output(host_run).partition(b"up")[0])
    cancel(host_run)
    [host_run] = engine.wait_for_end(run)
    assert host_run.reason.startswith("Ended after TERM in ")
    assert not is_alive(pid)


def test_cancel_on_an_appliance_promises_nothing(engine: Engine) -> None:
    run = engine.start(engine.servers(1, shell=Server.Shell.NONE), "echo up; exec sleep 2")
    [host_run] = engine.wait_for_output(run, "up")
    cancel(host_run)
    [host_run] = engine.wait_for_end(run)
    assert host_run.status == "canceled"
    assert host_run.reason == "Its session was closed; this host cannot confirm that the program ended."


@pytest.mark.usefixtures("either_mode")
def test_limits_of_time_end_programs(engine: Engine) -> None:
    silent, chatty = engine.servers(2)
    idle = engine.start([silent], "echo up; sleep 1006", idle_timeout=1)
    total = engine.start([chatty], "while :; do echo tick; sleep 0.1; done", total_timeout=1, idle_timeout=1)
    [idle_run], [total_run] = engine.wait_for_end(idle), engine.wait_for_end(total)
    assert (idle_run.status, total_run.status) == ("timed_out", "timed_out")
    assert idle_run.reason.startswith("Stopped after 1 s without output. Ended after TERM in ")
    assert total_run.reason.startswith("Stopped after 1 s in all. Ended after TERM in ")
    assert engine.output(idle_run) == b"up\n"
    assert set(engine.output(total_run).split(b"\n")) == {b"tick", b""}


@pytest.mark.usefixtures("either_mode")
def test_endless_output_is_stopped_loudly_at_the_limit(engine: Engine, settings: Any) -> None:
    settings.OPSCONSOLE_OUTPUT_LIMIT = 1_000_000
    run = engine.start(engine.servers(), "echo $$; exec yes")
    [host_run] = engine.wait_for_end(run)
    output = engine.output(host_run)
    assert host_run.status == "failed"
    assert len(output) == host_run.size == 1_000_000
    assert host_run.dropped > 0
    assert host_run.reason.startswith("Stopped at the output limit: the first 1,000,000 bytes are stored, ")
    assert f" {host_run.dropped:,} bytes after them are not." in host_run.reason
    assert "Ended after TERM" in host_run.reason
    assert not is_alive(int(output.split(b"\n")[0]))
    assert output.partition(b"\n")[2] == (b"y\n" * 500_000)[: len(output.partition(b"\n")[2])]


@pytest.mark.usefixtures("either_mode")
def test_program_that_ends_by_itself_beyond_the_limit_fails_with_every_byte_counted(
    engine: Engine, settings: Any
) -> None:
    settings.OPSCONSOLE_OUTPUT_LIMIT = 1_000_000
    host_run = engine.run_one("trap '' TERM; head -c 1500000 /dev/zero")
    assert (host_run.status, host_run.size, host_run.dropped) == ("failed", 1_000_000, 500_000)
    assert "500,000 bytes after them are not" in host_run.reason
    exactly = engine.run_one("head -c 1000000 /dev/zero")
    assert (exactly.status, exactly.size, exactly.dropped) == ("succeeded", 1_000_000, 0)


def test_attached_program_whose_connection_is_cut_in_the_middle_of_a_line_keeps_the_half(
    engine: Engine, small_fleet: Fleet
) -> None:
    run = engine.start(add_to_inventory(small_fleet, 1), "echo whole; printf half; sleep 1007", mode="attached")
    engine.wait_for_output(run, "half")
    small_fleet.cut("one")
    [host_run] = engine.wait_for_end(run)
    assert (host_run.status, host_run.exit_status) == ("lost", None)
    assert host_run.reason == (
        "Contact to h0 ended before the program did (the connection was lost): check on the host whether it went on."
    )
    assert engine.output(host_run) == b"whole\nhalf"


@pytest.mark.usefixtures("impatient")
def test_frozen_host_is_noticed_and_costs_only_itself(engine: Engine, small_fleet: Fleet) -> None:
    run = engine.start(add_to_inventory(small_fleet, 2), "echo up; sleep 1009", mode="attached")
    engine.wait_for_output(run, "up")
    small_fleet.freeze("one")
    try:
        rows = engine.wait_until(run, lambda rows: rows[0].status in FINAL)
        assert (rows[0].status, rows[1].status) == ("lost", "running")
        assert "the connection was lost" in rows[0].reason
    finally:
        small_fleet.thaw("one")
    cancel(rows[1])
    rows = engine.wait_for_end(run)
    assert (rows[0].status, rows[1].status) == ("lost", "canceled")
    assert engine.output(rows[0]) == engine.output(rows[1]) == b"up\n"


@pytest.mark.usefixtures("impatient")
def test_limit_and_cancel_do_not_wait_for_a_frozen_host(engine: Engine, small_fleet: Fleet, settings: Any) -> None:
    """A probe that gets no answer must not hold up what a person or a limit asks for."""
    settings.OPSCONSOLE_DEAD_PEER = 60.0
    servers = add_to_inventory(small_fleet, 2)
    run = engine.start(servers, "echo up; sleep 1008", total_timeout=2, mode="attached")
    rows = engine.wait_for_output(run, "up")
    small_fleet.freeze("one")
    small_fleet.freeze("two")
    try:
        cancel(rows[0])
        rows = engine.wait_for_end(run, timeout=15)
    finally:
        small_fleet.thaw("one")
        small_fleet.thaw("two")
    assert [row.status for row in rows] == ["canceled", "timed_out"]
    assert all("Not confirmed: " in row.reason for row in rows)


def test_secrets_are_in_no_reason_and_no_log(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    credential = Credential(name="typed", user=engine.fleet.user, method=Credential.Method.PASSWORD)
    credential.set_secret("password", "s3cret-word")
    credential.save()
    [server] = engine.servers()
    Server.objects.filter(pk=server.pk).update(credential=credential)
    host_run = engine.run_one("echo hi")
    assert host_run.status == "unreachable"
    assert host_run.reason == f"h0 does not accept a password for {engine.fleet.user}: it accepts publickey."
    assert "s3cret-word" not in host_run.reason + caplog.text + repr(credential) + repr(vars(credential))
