"""The engine in this process: runs started by the action, executed by real threads, awaited by the doorbell."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import paramiko
import pytest

from consoles import actions, dispatcher, doorbell, outputlog
from consoles.models import HostRun, OutputChunk, Run
from consoles.outputlog import LogWriter
from consoles.statuses import ACTIVE, FINAL
from demo.fleet import Fleet
from servers.models import Server
from tests.support.hosts import add_to_inventory

_OURS = ("run-", "ssh-send", "ssh-probe", "ssh-expire", "ssh-kept", "ending", "log-writer", "runner-keeper")


@dataclass
class Engine:
    """Starts runs on servers of the inventory and reads what became of them."""

    fleet: Fleet
    #: How runs are started whose test does not say.
    mode: str = Run.Mode.AUTO
    earlier: frozenset[threading.Thread] = field(default_factory=lambda: frozenset(threading.enumerate()))

    def servers(self, count: int = 1, **fields: Any) -> list[Server]:
        """The first ``count`` hosts of the shared fleet as servers h0, h1, …"""
        return add_to_inventory(self.fleet, count, **fields)

    def start(self, servers: Iterable[Server], command: str, **wishes: Any) -> Run:
        """Ask for a run, as the command line does."""
        names = tuple(server.name for server in servers)
        wishes = {"mode": self.mode} | wishes
        return actions.request_run(actions.Request(str(uuid.uuid4()), names, command, **wishes), None, "tester")

    def run(self, servers: Iterable[Server], command: str, timeout: float = 30, **wishes: Any) -> list[HostRun]:
        """Start a run and wait for its end; its HostRuns in order."""
        return self.wait_for_end(self.start(servers, command, **wishes), timeout)

    def run_one(self, command: str, timeout: float = 30, **wishes: Any) -> HostRun:
        """Run a command on one server of the shared fleet."""
        servers = list(Server.objects.all()) or self.servers()
        return self.run(servers[:1], command, timeout, **wishes)[0]

    def wait_for_end(self, run: Run, timeout: float = 30) -> list[HostRun]:
        """Wait until every HostRun is final."""
        return self.wait_until(run, lambda rows: all(row.status in FINAL for row in rows), timeout)

    def wait_for_status(self, run: Run, status: str, timeout: float = 30) -> list[HostRun]:
        """Wait until every HostRun has this status."""
        return self.wait_until(run, lambda rows: all(row.status == status for row in rows), timeout)

    def wait_for_output(self, run: Run, last_line: str, timeout: float = 30) -> list[HostRun]:
        """Wait until the last line stored of every HostRun is this one."""
        return self.wait_until(run, lambda rows: all(row.last_line == last_line for row in rows), timeout)

    def wait_until(self, run: Run, seen: Callable[[list[HostRun]], object], timeout: float = 30) -> list[HostRun]:
        """Look at the HostRuns at every ring of the run's doorbell until ``seen`` likes them."""
        deadline = time.monotonic() + timeout
        with doorbell.watch(run.pk) as rung:
            while True:
                rung.clear()
                rows = list(run.host_runs.order_by("index"))
                if seen(rows):
                    return rows
                left = deadline - time.monotonic()
                assert left > 0, [(row.server_name, row.status, row.reason, row.size) for row in rows]
                # A condition may also be about another run, whose bell does not ring here.
                rung.wait(min(left, 1))

    def output(self, host_run: HostRun, only: int | None = None) -> bytes:
        """All that is stored of a HostRun's output, checked to be whole."""
        assert_contiguous(host_run.pk)
        return b"".join(outputlog.stream(host_run.pk, only))

    def settle(self) -> None:
        """End what a failed test left running, and this process's runner, and check that nothing of it is left."""
        owned = HostRun.objects.filter(status__in=ACTIVE).exclude(owner="")
        unfinished = Run.objects.filter(pk__in=owned.values("run")) if dispatcher._runner else Run.objects.none()
        for run in unfinished:
            actions.cancel_run(run, None, "the end of the test")
            # Hosts of the test's own fleet are gone by now, and nobody gives up on a detached program so soon.
            self.wait_until(run, lambda rows: all(row.status in FINAL or row.contact_lost for row in rows))
        dispatcher.stop()
        assert self.leftover_threads(wait=10) == []

    def leftover_threads(self, wait: float = 0) -> list[str]:
        """Threads of runs and connections that are still there after ``wait`` seconds."""
        deadline = time.monotonic() + wait
        for thread in self._threads():
            thread.join(max(deadline - time.monotonic(), 0))
        return [thread.name for thread in self._threads()]

    def _threads(self) -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread not in self.earlier and _is_ours(thread)]


def assert_contiguous(host_run_id: int) -> None:
    """Every byte has one place: no gap, nothing twice, and as many as the HostRun says."""
    end = 0
    chunks = OutputChunk.objects.filter(host_run=host_run_id).order_by("offset")
    for offset, data in chunks.values_list("offset", "data"):
        assert offset == end, f"a chunk begins at {offset} instead of {end}"
        assert data, f"the chunk at {offset} is empty"
        end += len(data)
    assert HostRun.objects.get(pk=host_run_id).size == end


def _is_ours(thread: threading.Thread) -> bool:
    is_connection = isinstance(thread, paramiko.Transport) and not thread.server_mode
    return is_connection or thread.name.startswith(_OURS)


@pytest.fixture(params=["attached", "detached"])
def either_mode(request: pytest.FixtureRequest, engine: Engine) -> str:
    """For what holds in both modes: the one in which the engine starts programs this time."""
    engine.mode = request.param
    return engine.mode


@pytest.fixture
def engine(transactional_db: None, fleet: Fleet, settings: Any) -> Iterator[Engine]:
    """The engine of this process; at the end nothing of it may be left."""
    settings.OPSCONSOLE_KILL_GRACE = 1.0
    # A test without an engine may have asked for a run, and its runner settles nothing.
    dispatcher.stop()
    running = Engine(fleet)
    yield running
    running.settle()


@pytest.fixture(autouse=True)
def runner_ends_with_its_test(_django_db_helper: None) -> Iterator[None]:
    """Asking for a run makes a runner, and its thread would go on to look into the databases of later tests."""
    yield
    dispatcher.stop()


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Released at each time the writer is refused."""
    noted = threading.Semaphore(0)
    note = LogWriter._note_trouble

    def note_and_tell(self: LogWriter, error: Any) -> None:
        note(self, error)
        noted.release()

    monkeypatch.setattr(LogWriter, "_note_trouble", note_and_tell)
    return noted
