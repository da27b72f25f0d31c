"""While a process does not know whether its leases still hold, it starts nothing and ends nothing on any host."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from consoles import dispatcher, lease
from consoles.models import HostRun
from consoles.outputlog import Ticket
from consoles.runner import Runner
from tests.support.engine import Engine


class Doubt:
    """The runner's leases, which cannot be renewed before :meth:`end`; ``asked`` is released by whoever has to wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = threading.Semaphore(0)
        self._over = threading.Event()
        confirm, renew = Runner.confirm, lease.Owner.renew

        def confirm_and_tell(runner: Runner, ticket: Ticket) -> None:
            self.asked.release()
            confirm(runner, ticket)

        def refuse(owner: lease.Owner) -> None:
            if not self._over.is_set():
                raise OperationalError("the database is away")
            renew(owner)

        monkeypatch.setattr(Runner, "confirm", confirm_and_tell)
        monkeypatch.setattr(lease.Owner, "renew", refuse)

    def begin(self) -> None:
        """From now on the last renewal is too long ago."""
        dispatcher._get()._sure_until = 0.0

    def end(self) -> None:
        """The database answers again."""
        self._over.set()
        dispatcher.nudge()


@pytest.fixture
def doubt(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doubt]:
    """For runs from the test's beginning on."""
    made = Doubt(monkeypatch)
    yield made
    made.end()


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe that holds up a program until a test writes to it."""
    os.mkfifo(tmp_path / "go")
    return tmp_path / "go"


def take(host_run: HostRun) -> None:
    """As another process does when the lease has run out."""
    HostRun.objects.filter(pk=host_run.pk).update(owner="another", fence=host_run.fence + 1)


def join_threads(run_id: int) -> None:
    for thread in [one for one in threading.enumerate() if one.name.startswith(f"run-{run_id}-")]:
        thread.join(20)
        assert not thread.is_alive()


@pytest.mark.parametrize("mode", ["attached", "detached"])
def test_nothing_is_started_before_it_is_certain_again(engine: Engine, doubt: Doubt, tmp_path: Path, mode: str) -> None:
    run = engine.start(engine.servers(), f"echo x >>{tmp_path}/starts", mode=mode)
    assert doubt.asked.acquire(timeout=20)
    [row] = run.host_runs.all()
    assert (row.status, (tmp_path / "starts").exists()) == ("starting", False)
    doubt.end()
    assert [one.status for one in engine.wait_for_end(run)] == ["succeeded"]
    assert (tmp_path / "starts").read_text() == "x\n"


def test_what_was_taken_meanwhile_is_never_started(engine: Engine, doubt: Doubt, tmp_path: Path) -> None:
    run = engine.start(engine.servers(), f"echo x >>{tmp_path}/starts", mode="attached")
    assert doubt.asked.acquire(timeout=20)
    [row] = run.host_runs.all()
    take(row)
    doubt.end()
    join_threads(run.pk)
    [row] = run.host_runs.all()
    assert (row.status, row.owner, (tmp_path / "starts").exists()) == ("starting", "another", False)
    # Nobody acts for it any more, so nothing may be waited for at the end of the test.
    run.delete()


@pytest.mark.databases
def test_a_program_that_another_follows_is_not_ended(
    engine: Engine, doubt: Doubt, pipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its total time was up by the clock of the process that slept; by the other one's it may go on."""
    doubt._over.set()
    program = f"echo up; read -r x <{pipe}; echo done >{tmp_path}/done.new; mv {tmp_path}/done.new {tmp_path}/done"
    run = engine.start(engine.servers(), program, mode="detached")
    [row] = engine.wait_for_output(run, "up")
    while doubt.asked.acquire(blocking=False):
        pass
    doubt._over.clear()
    doubt.begin()
    task: Any = dispatcher._get()._tasks[row.pk]
    task.cancel()
    assert doubt.asked.acquire(timeout=20)
    take(row)
    doubt.end()
    join_threads(run.pk)
    pipe.write_text("go\n")
    for _ in range(2000):
        if (tmp_path / "done").exists():
            break
        threading.Event().wait(0.01)
    assert (tmp_path / "done").read_text() == "done\n"
    row.refresh_from_db()
    assert (row.status, row.size) == ("running", 3)
    run.delete()
