"""Where programs can run detached and where not, and what is said of those that vanish. On real OpenSSH."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from consoles import dispatcher
from consoles.models import HostRun, Run
from demo.fleet import Fleet
from servers.models import Server
from tests.support.engine import Engine
from tests.support.hosts import MakeFleet, add_to_inventory


@pytest.fixture
def one_host(tmp_path: Path) -> Iterator[Fleet]:
    """A host with a home directory of its own."""
    with Fleet.demo(tmp_path / "fleet", ["one"], own_homes=True) as fleet:
        yield fleet


@pytest.fixture
def without_setsid(make_fleet: MakeFleet, tmp_path: Path) -> Fleet:
    """A host with few tools."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "head", "cat", "mkfifo", "tail", "dd", "touch"):
        (tools / name).symlink_to(str(shutil.which(name)))
    return make_fleet(1, SetEnv=f"PATH={tools}")


def file_of(fleet: Fleet, host_run: HostRun, kind: str) -> Path:
    return fleet.home_of("one") / ".opsconsole" / f"{host_run.spool_name}.{kind}"


def wrapper_of(fleet: Fleet, host_run: HostRun) -> int:
    return int(file_of(fleet, host_run, "pid").read_text().split()[2])


def group_of(fleet: Fleet, host_run: HostRun) -> int:
    return int(file_of(fleet, host_run, "pid").read_text().split()[0])


def kill_all_of(fleet: Fleet, host_run: HostRun) -> None:
    """Kill who watches over a program, and then its process group."""
    os.kill(wrapper_of(fleet, host_run), signal.SIGKILL)
    os.killpg(group_of(fleet, host_run), signal.SIGKILL)


def start_on(engine: Engine, fleet: Fleet, text: str) -> tuple[Run, HostRun]:
    run = engine.start(add_to_inventory(fleet, 1), text, mode="detached")
    [row] = engine.wait_for_output(run, "up")
    return run, row


def test_host_that_cannot_detach_says_why_or_is_attached(engine: Engine, without_setsid: Fleet, tmp_path: Path) -> None:
    servers = add_to_inventory(without_setsid, 1)
    [strict] = engine.run(servers, f"touch {tmp_path}/never", mode="detached")
    assert (strict.status, strict.mode) == ("unreachable", "detached")
    assert strict.reason == "h0 cannot run it detached: it has no setsid. Mend that, or run it attached."
    assert not (tmp_path / "never").exists()
    [row] = engine.run(servers, "echo $PPID; exit 3")
    assert (row.status, row.mode, row.exit_status) == ("failed", "attached", 3)
    [row] = engine.run(servers, "echo hi", mode="attached")
    assert (row.status, row.mode) == ("succeeded", "attached")


def test_appliance_is_attached_unless_it_must_not_be(engine: Engine) -> None:
    servers = engine.servers(1, shell=Server.Shell.NONE)
    [strict] = engine.run(servers, "echo hi", mode="detached")
    assert strict.status == "unreachable"
    assert strict.reason == "h0 cannot run it detached: it has no POSIX shell. Mend that, or run it attached."
    [row] = engine.run(servers, "echo hi")
    assert (row.status, row.mode, engine.output(row)) == ("succeeded", "attached", b"hi\n")


def test_what_the_host_kept_is_removed_when_everything_is_stored(engine: Engine, one_host: Fleet) -> None:
    [row] = engine.run(add_to_inventory(one_host, 1), "seq 1 1000")
    assert (row.status, row.mode) == ("succeeded", "detached")
    engine.wait_until(row.run, lambda rows: not file_of(one_host, row, "out").exists())


def test_host_looks_after_the_limits_of_what_runs_for_longer_than_a_second(engine: Engine, one_host: Fleet) -> None:
    run, row = start_on(engine, one_host, f"echo up; until [ -e {one_host.directory}/go ]; do sleep 0.05; done")
    engine.wait_until(run, lambda rows: file_of(one_host, row, "watch").exists())
    (one_host.directory / "go").touch()
    [row] = engine.wait_for_end(run)
    assert row.status == "succeeded"


def test_watcher_that_is_killed_leaves_the_outcome_unknown_and_names_what_is_left(
    engine: Engine, one_host: Fleet
) -> None:
    run, row = start_on(engine, one_host, "echo up; sleep 1021; echo never")
    os.kill(wrapper_of(one_host, row), signal.SIGKILL)
    [row] = engine.wait_for_end(run)
    assert (row.status, row.exit_status) == ("lost", None)
    assert row.reason.startswith(
        "What kept watch over it on h0 was killed, so nobody knows how it ended. 2 processes of it are left: "
    )
    assert row.reason.endswith("sleep 1021.")
    assert engine.output(row) == b"up\n"
    # It stays for somebody to look at.
    assert file_of(one_host, row, "out").read_bytes() == b"up\n"


def test_watcher_and_program_that_are_killed_together_are_told(engine: Engine, one_host: Fleet) -> None:
    run, row = start_on(engine, one_host, "echo up; sleep 1022")
    kill_all_of(one_host, row)
    [row] = engine.wait_for_end(run)
    assert row.status == "lost" and row.reason.endswith("None of its processes is left.")


def test_reboot_is_recognised_and_the_output_kept(engine: Engine, one_host: Fleet) -> None:
    run, row = start_on(engine, one_host, "echo up; sleep 1023")
    one_host.kill("one")
    engine.wait_until(run, lambda rows: rows[0].contact_lost)
    kill_all_of(one_host, row)
    # In a boot before this one.
    pid = file_of(one_host, row, "pid")
    pid.write_text(pid.read_text().replace(row.boot_id, "00000000-0000-0000-0000-000000000000"))
    one_host.revive("one")
    [row] = engine.wait_for_end(run)
    assert row.status == "lost"
    assert row.reason == "h0 was rebooted while it ran: what it printed until then is stored here."
    assert engine.output(row) == b"up\n"


def test_reboot_that_took_the_output_with_it_is_recognised(engine: Engine, one_host: Fleet) -> None:
    run, row = start_on(engine, one_host, "echo up; sleep 1024")
    one_host.kill("one")
    engine.wait_until(run, lambda rows: rows[0].contact_lost)
    kill_all_of(one_host, row)
    # At once: who watches over the program may be making a file in it.
    (one_host.home_of("one") / ".opsconsole").rename(one_host.home_of("one") / "removed")
    dispatcher.stop()
    HostRun.objects.filter(pk=row.pk).update(boot_id="an earlier boot")
    one_host.revive("one")
    dispatcher.start()
    [row] = engine.wait_for_end(run)
    assert row.status == "lost"
    assert row.reason == "h0 was rebooted while it ran, and its last output went with that."


def test_removed_spool_is_told(engine: Engine, one_host: Fleet) -> None:
    run, row = start_on(engine, one_host, "echo up; sleep 1025")
    group = group_of(one_host, row)
    one_host.kill("one")
    engine.wait_until(run, lambda rows: rows[0].contact_lost)
    # At once: who watches over the program may be making a file in it.
    (one_host.home_of("one") / ".opsconsole").rename(one_host.home_of("one") / "removed")
    one_host.revive("one")
    [row] = engine.wait_for_end(run)
    assert row.status == "lost"
    assert row.reason == ("h0 knows nothing of it: its directory ~/.opsconsole was removed. Check there how it ended.")
    os.killpg(group, signal.SIGKILL)


def test_output_limit_of_the_host_is_told_when_it_is_back(engine: Engine, one_host: Fleet, settings: object) -> None:
    settings.OPSCONSOLE_OUTPUT_LIMIT = 100_000  # type: ignore[attr-defined]  # pytest-django's
    folder = one_host.directory
    text = f"echo up; until [ -e {folder}/go ]; do sleep 0.05; done; head -c 50000 /dev/zero; echo; sleep 1026"
    run, row = start_on(engine, one_host, text)
    one_host.kill("one")
    engine.wait_until(run, lambda rows: rows[0].contact_lost)
    file_of(one_host, row, "stopped").write_text("quota\n")
    (folder / "go").touch()
    os.killpg(group_of(one_host, row), signal.SIGTERM)
    one_host.revive("one")
    [row] = engine.wait_for_end(run)
    assert (row.status, row.exit_status) == ("failed", 143)
    assert row.reason.startswith("h0 stopped it: what detached programs keep there ")
