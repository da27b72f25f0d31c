"""One run being executed by this process: its hosts in order, ``fanout`` at a time."""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection
from django.db.models import F

from consoles.host_task import HostTask
from consoles.models import HostRun, Run
from consoles.outcome import Limits
from consoles.outputlog import Ticket
from consoles.program_watch import Work
from consoles.statuses import ACTIVE, Status
from consoles.targets import Prepared, Targets, with_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consoles.runner import Runner

log = logging.getLogger(__name__)

FAULT_REASON = "A fault in the console kept this from being started: see its log, then run again."


class Execution:
    """One run being executed: ``fanout`` threads take its HostRuns in order.

    ``only`` names the HostRuns that were taken over from another process; else it is all that this one owns.
    """

    def __init__(self, run_id: int, runner: Runner, only: frozenset[int] | None = None) -> None:
        self.run_id = run_id
        self._runner = runner
        self._only = only
        self._queue: deque[HostRun] = deque()
        self._prepared: dict[int, Prepared] = {}
        self._work: Work | None = None
        self._left = 0
        self._handed_on: set[Ticket] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._main, name=f"run-{self.run_id}", daemon=True).start()

    def _main(self) -> None:
        try:
            run = Run.objects.get(pk=self.run_id)
            self._prepare(run)
            self._left = min(run.fanout, len(self._queue))
        except Exception:
            log.exception("Run #%s could not be prepared.", self.run_id)
            with suppress(DatabaseError):
                self._skip_all()
        finally:
            connection.close()
        for number in range(self._left):
            self._start_thread(str(number))
        if not self._left:
            self._runner.finish(self)

    def _start_thread(self, name: str) -> None:
        try:
            threading.Thread(target=self._serve, name=f"run-{self.run_id}-{name}", daemon=True).start()
        except RuntimeError:
            # No more threads can be had. The others do its part; without any, the runner finds the hosts again.
            log.exception("Run #%s got a thread less.", self.run_id)
            self._leave()

    def _prepare(self, run: Run) -> None:
        mine = run.host_runs.filter(owner=self._runner.owner, status__in=ACTIVE).order_by("index")
        wanted = [row for row in mine if self._only is None or row.pk in self._only]
        # What runs already is followed first: it was within the fan-out when it was started.
        self._queue.extend(sorted(wanted, key=lambda row: row.status == Status.QUEUED))
        servers = with_keys(host_run.server_id for host_run in self._queue if host_run.server_id)
        self._prepared = Targets(run.connect_timeout).prepare(servers)
        limits = Limits(idle=run.idle_timeout, total=run.total_timeout, output=run.output_limit)
        self._work = Work(
            run.program,
            limits,
            settings.OPSCONSOLE_KILL_GRACE,
            run.mode,
            settings.OPSCONSOLE_SPOOL_QUOTA,
            self._runner.confirm,
            self._rest,
        )

    def _skip_all(self) -> None:
        """Say that nothing was started. Where even that fails, the runner finds the hosts again."""
        if self._only is not None:
            # Taken over from another process, and some of it runs: left to whoever looks next, perhaps this one.
            rows = HostRun.objects.filter(pk__in=self._only, owner=self._runner.owner, status__in=ACTIVE)
            rows.update(owner="", lease_until=None, fence=F("fence") + 1)
            return
        for host_run in HostRun.objects.filter(run=self.run_id, owner=self._runner.owner, status=Status.QUEUED):
            self._runner.writer.move(Ticket(host_run, host_run.fence), Status.SKIPPED, reason=FAULT_REASON)

    def _serve(self) -> None:
        try:
            while host_run := self._next():
                try:
                    self._execute(host_run)
                except Exception:
                    # The others have their turn; this one the runner finds again.
                    log.exception("%s could not be worked on.", host_run)
        finally:
            connection.close()
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last:
            self._runner.finish(self)

    def _next(self) -> HostRun | None:
        with self._lock:
            return self._queue.popleft() if self._queue else None

    def _execute(self, host_run: HostRun) -> None:
        assert self._work is not None
        task = HostTask(host_run, self._work, self._target_of, self._runner.writer, self._runner.kept)
        # This thread waits for a host from here on, and others may wait for its connection to the database.
        close_old_connections()
        if self._runner.begin(task):
            try:
                task.run()
            finally:
                self._runner.end(task)

    @contextmanager
    def _rest(self, ticket: Ticket, canceled: bool) -> Iterator[None]:
        """A host is waited for: others of this process may have its slot meanwhile, and the run's next host its turn.

        The turn only once somebody has canceled this one: until then it may be in the middle of its work, and the
        fan-out is what keeps the run from breaking more hosts than that.
        """
        with self._lock:
            handed_on = canceled and ticket not in self._handed_on and bool(self._queue)
            if handed_on:
                self._handed_on.add(ticket)
                self._left += 1
        if handed_on:
            self._start_thread("more")
        with self._runner.rest():
            yield

    def _target_of(self, host_run: HostRun) -> Prepared:
        """Where to connect: as prepared for all at once, and from the second time on as the inventory has it now."""
        server_id, run = host_run.server_id or 0, host_run.run
        if (prepared := self._prepared.pop(server_id, None)) is None:
            try:
                prepared = Targets(run.connect_timeout).prepare(with_keys([server_id])).get(server_id)
            except DatabaseError:
                prepared = Prepared(trouble="The console's database does not answer.")
            finally:
                close_old_connections()
        return prepared or Prepared(trouble=f"{host_run.server_name} is no longer in the inventory.")
