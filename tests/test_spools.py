"""``manage.py spools``: what servers keep of detached programs, which of it is orphaned, and its removal."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command

from consoles import ssh
from consoles.models import HostRun, Run
from consoles.statuses import Status
from consoles.targets import Targets, with_keys
from demo.fleet import Fleet
from servers.models import Server
from tests.support.hosts import add_to_inventory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(small_fleet: Fleet) -> Server:
    return add_to_inventory(small_fleet, 1)[0]


@contextmanager
def started(server: Server, name: str, text: str) -> Iterator[ssh.DetachedProgram]:
    """A detached program that nobody follows any more when the block ends."""
    target = Targets(10).prepare(with_keys([server.pk]))[server.pk].target
    assert target is not None
    with ssh.Connection(target) as connection:
        connection.open()
        yield ssh.DetachedProgram(connection, ssh.Spool(name, 10**9, 10**6), text)


def leave(server: Server, name: str, text: str, until: type[ssh.Exited | ssh.OutputReceived]) -> None:
    """Start a program, wait until it has printed something or has ended, and forget it."""
    with started(server, name, text) as program:
        deadline = time.monotonic() + 20
        while not isinstance(program.next_event(1), until):
            assert time.monotonic() < deadline


def spools(*arguments: str) -> list[str]:
    out = io.StringIO()
    call_command("spools", *arguments, stdout=out)
    return out.getvalue().splitlines()


def host_run(server: Server, status: Status) -> HostRun:
    run = Run.objects.create(title="t", program="true", program_sha256="", output_limit=1, requester_name="alice")
    return HostRun.objects.create(run=run, index=0, server=server, server_name=server.name, status=status)


def test_what_is_kept_is_listed_with_its_run(server: Server, small_fleet: Fleet) -> None:
    assert spools("--on", "h0") == ["h0: nothing"]
    mine = host_run(server, Status.RUNNING)
    leave(server, mine.spool_name, "echo up; sleep 1000", ssh.OutputReceived)
    [line] = spools("--on", "h0")
    assert line.startswith(f"h0: {mine.spool_name} of run #{mine.run_id} (running): running, ")
    assert line.endswith(" KiB, today")


def test_cleaning_removes_orphans_that_are_over_and_nothing_else(server: Server, small_fleet: Fleet) -> None:
    base = small_fleet.home / ".opsconsole"
    active, over = host_run(server, Status.RUNNING), host_run(server, Status.LOST)
    unknown = f"{uuid.uuid4()}-7"
    leave(server, active.spool_name, "echo up", ssh.Exited)
    leave(server, over.spool_name, "echo up; exit 3", ssh.Exited)
    leave(server, unknown, "echo up; sleep 1000", ssh.OutputReceived)
    found = {line.split()[1]: line for line in spools("--on", "h0", "--clean") if " of " in line}
    assert "orphan" not in found[active.spool_name]
    assert ": ended with 3, " in found[over.spool_name] and found[over.spool_name].endswith(", orphan")
    assert " of a run not known here: running, " in found[unknown]
    # What was removed leaves its empty file: the name is not to be used again.
    left = [name for name in (active.spool_name, over.spool_name, unknown) if (base / f"{name}.out").exists()]
    assert left == [active.spool_name, unknown]
    assert [path.name for path in base.glob(f"{over.spool_name}*")] == [over.spool_name]


def test_programs_of_unknown_runs_are_ended_only_when_that_is_asked_for(server: Server, small_fleet: Fleet) -> None:
    unknown = f"{uuid.uuid4()}-0"
    leave(server, unknown, "echo up; sleep 1000", ssh.OutputReceived)
    assert spools("--on", "h0", "--clean", "--end")[-1] == "h0: 0 ended, 0 removed"
    assert spools("--on", "h0", "--clean", "--end", "--unknown")[-1] == "h0: 1 ended, 1 removed"
    assert spools("--on", "h0") == ["h0: nothing"]


def test_server_that_cannot_be_looked_at_is_told_and_the_others_are_looked_at(
    server: Server,
) -> None:
    Server.objects.create(name="away", host="127.0.0.1", port=1, credential=server.credential)
    with pytest.raises(CommandError, match=r"1 of 2 servers could not be looked at"):
        spools("--on", "h0,away")


def test_ending_without_cleaning_is_refused() -> None:
    with pytest.raises(CommandError, match="go with --clean"):
        spools("--on", "h0", "--end")
