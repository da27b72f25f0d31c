"""Executes runs in threads of this process: ``fanout`` HostRuns of a run, and ``max_active`` of all, at the most."""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from consoles import lease, ssh
from consoles.connections import renew_connections
from consoles.host_task import HostTask
from consoles.models import LEASE, HostRun, Run
from consoles.outcome import Limits
from consoles.outputlog import Fenced, LogWriter, Ticket
from consoles.program_watch import Work
from consoles.statuses import ACTIVE, Status
from consoles.targets import Prepared, Targets, with_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

#: Seconds between renewals of the leases, and between looks for work that nobody alive owns.
RENEW_EVERY = 10.0
#: Seconds after a renewal began for which this process may act on hosts: with its leases' last third in reserve.
SURE_FOR = LEASE.total_seconds() * 2 / 3
#: Seconds between looks for cancel requests that another process wrote.
LOOK_EVERY = 1.0

STOPPED_REASON = "The console was stopped while this was running attached: check on the host how it ended."
FAULT_REASON = "A fault in the console kept this from being started: see its log, then run again."


class Runner:
    """All that this process executes. It owns HostRuns while it lives, and renews its leases on them."""

    def __init__(self, settles: bool = False) -> None:
        self._owner = lease.Owner()
        self.writer = LogWriter()
        self.kept = ssh.KeptConnections(settings.OPSCONSOLE_KEEP_CONNECTIONS, settings.OPSCONSOLE_KEEP_MOST)
        self._lock = threading.Lock()
        self._tasks: dict[int, HostTask] = {}
        self._executions: set[Execution] = set()
        self._slots = threading.BoundedSemaphore(settings.OPSCONSOLE_MAX_ACTIVE)
        self._nudge = threading.Event()
        self._renewed = threading.Condition()
        self._sure_until = 0.0
        self._stopping = False
        self._settles = settles
        self._keeper = threading.Thread(target=self._keep, name="runner-keeper", daemon=True)
        self._keeper.start()

    @property
    def owner(self) -> str:
        """The name under which this process owns HostRuns."""
        return self._owner.name

    def execute(self, run_id: int) -> None:
        """Start executing a run whose HostRuns this process owns; returns at once."""
        self._start(Execution(run_id, self))

    def go_on(self, host_runs: list[HostRun]) -> None:
        """Go on with HostRuns that this process has taken over from others; returns at once."""
        for run_id in {host_run.run_id for host_run in host_runs}:
            own = frozenset(host_run.pk for host_run in host_runs if host_run.run_id == run_id)
            self._start(Execution(run_id, self, own))

    def _start(self, execution: Execution) -> None:
        with self._lock:
            self._executions.add(execution)
        execution.start()

    def look_for_cancels(self) -> None:
        """Look now, rather than within a second, whether something was canceled."""
        self._nudge.set()

    def stop(self, timeout: float = 8.0) -> None:
        """End: store everything received so far, and leave what can go on to the next process.

        Detached programs run on, and what waits is started by whoever takes it over. Attached ones are lost.
        """
        self._stopping = True
        with self._renewed:
            self._renewed.notify_all()
        self.writer.flush(timeout / 2)
        try:
            self._give_up_rest()
        finally:
            self._abandon_tasks()
            self.kept.close()
            self.writer.stop(timeout / 2)
            self._nudge.set()
            self._owner.release()

    # For executions

    def begin(self, task: HostTask) -> bool:
        """Take a slot for ``task``; False when the runner is stopping."""
        # Known before it waits for the slot: its HostRun may be taken over or canceled meanwhile.
        with self._lock:
            self._tasks[task.host_run.pk] = task
        self._slots.acquire()
        if self._stopping:
            self.end(task)
            return False
        return True

    def end(self, task: HostTask) -> None:
        """Give the slot back."""
        with self._lock:
            if self._tasks.get(task.host_run.pk) is task:
                del self._tasks[task.host_run.pk]
        self._slots.release()

    @contextmanager
    def rest(self) -> Iterator[None]:
        """Give the slot away for a while; it is waited for afterwards."""
        self._slots.release()
        try:
            yield
        finally:
            self._slots.acquire()

    def confirm(self, ticket: Ticket) -> None:
        """Called before something is done to a host: raises :class:`Fenced` where another process acts for it now.

        After a pause (a stopped process, a sleeping laptop, a database that was away) it waits until the leases are
        renewed, and with that known whose each HostRun is.
        """
        with self._renewed:
            self._renewed.wait_for(lambda: ticket.fenced or self._stopping or self._is_sure)
        if ticket.fenced or not self._is_sure:
            raise Fenced

    @property
    def _is_sure(self) -> bool:
        return lease.clock() < self._sure_until

    def finish(self, execution: Execution) -> None:
        with self._lock:
            self._executions.discard(execution)

    # The keeper's thread

    def _keep(self) -> None:
        renew_in = settle_in = 0.0
        while not self._stopping:
            try:
                # Renewed before anything is settled: after a pause (a locked database, a sleeping laptop) our own
                # leases have run out too, and what nobody has taken from us meanwhile is still ours.
                if renew_in <= 0 or not self._is_sure:
                    renew_in = RENEW_EVERY
                    self._renew()
                if settle_in <= 0 and self._settles:
                    settle_in = RENEW_EVERY
                    self.go_on(lease.settle_abandoned(self.owner))
                self._cancel_what_was_asked()
            except Exception as error:
                # Leases outlast several failed renewals, and every write is fenced: keep trying, next time at once.
                renew_in = 0.0
                log.warning("Leases could not be renewed: %s", error)
                renew_connections()
            renew_in, settle_in = renew_in - LOOK_EVERY, settle_in - LOOK_EVERY
            self._nudge.wait(LOOK_EVERY)
            self._nudge.clear()
        connection.close()

    def _renew(self) -> None:
        """Renew the leases, and stop acting for what was taken over: only then this process is sure of the others."""
        with self._lock:
            tasks = dict(self._tasks)
        began = lease.clock()
        self._owner.renew()
        mine = dict(HostRun.objects.filter(owner=self.owner, pk__in=tasks).values_list("pk", "fence"))
        for pk, task in tasks.items():
            if mine.get(pk) != task.fence:
                log.warning("%s was taken over by another process: this one stops acting for it.", task.host_run)
                task.drop()
        with self._renewed:
            self._sure_until = began + SURE_FOR
            self._renewed.notify_all()

    def _cancel_what_was_asked(self) -> None:
        with self._lock:
            if not self._tasks:
                return
        asked = HostRun.objects.filter(owner=self.owner, status__in=ACTIVE, cancel_requested__isnull=False)
        for pk in asked.values_list("pk", flat=True):
            with self._lock:
                task = self._tasks.get(pk)
            if task is not None:
                task.cancel()

    def _abandon_tasks(self) -> None:
        with self._lock:
            tasks = list(self._tasks.values())
        for task in tasks:
            task.abandon()

    def _give_up_rest(self) -> None:
        """Two statements for all, attached ones last: of what starts in between, nothing is forgotten."""
        mine = HostRun.objects.filter(owner=self.owner, status__in=ACTIVE)
        started_attached = Q(mode=Run.Mode.ATTACHED) & ~Q(status=Status.QUEUED)
        lost = {"status": Status.LOST, "reason": STOPPED_REASON, "finished": Now()}
        with transaction.atomic():
            mine.lock()
            mine.exclude(started_attached).update(owner="", lease_until=None, fence=F("fence") + 1)
            mine.filter(started_attached).update(**lost, fence=F("fence") + 1)


class Execution:
    """One run being executed: ``fanout`` threads take its HostRuns in order.

    ``only`` names the HostRuns that were taken over from another process; else it is all that this one owns.
    """

    def __init__(self, run_id: int, runner: Runner, only: frozenset[int] | None = None) -> None:
        self._run_id = run_id
        self._runner = runner
        self._only = only
        self._queue: deque[HostRun] = deque()
        self._prepared: dict[int, Prepared] = {}
        self._work: Work | None = None
        self._left = 0
        self._handed_on: set[Ticket] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._main, name=f"run-{self._run_id}", daemon=True).start()

    def _main(self) -> None:
        try:
            run = Run.objects.get(pk=self._run_id)
            self._prepare(run)
            self._left = min(run.fanout, len(self._queue))
        except Exception:
            log.exception("Run #%s could not be prepared.", self._run_id)
            self._skip_all()
        finally:
            connection.close()
        for number in range(self._left):
            name = f"run-{self._run_id}-{number}"
            threading.Thread(target=self._serve, name=name, daemon=True).start()
        if not self._left:
            self._runner.finish(self)

    def _prepare(self, run: Run) -> None:
        mine = run.host_runs.filter(owner=self._runner.owner, status__in=ACTIVE).select_related("run").order_by("index")
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
        """Say that nothing was started. Where even that fails, the next start of the console says it."""
        if self._only is not None:
            # Taken over from another process, and some of it runs: left to whoever looks next, perhaps this one.
            rows = HostRun.objects.filter(pk__in=self._only, owner=self._runner.owner, status__in=ACTIVE)
            rows.update(owner="", lease_until=None, fence=F("fence") + 1)
            return
        for host_run in HostRun.objects.filter(run=self._run_id, owner=self._runner.owner, status=Status.QUEUED):
            self._runner.writer.move(Ticket(host_run, host_run.fence), Status.SKIPPED, reason=FAULT_REASON)

    def _serve(self) -> None:
        try:
            while host_run := self._next():
                self._execute(host_run)
        finally:
            connection.close()
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
            threading.Thread(target=self._serve, name=f"run-{self._run_id}-more", daemon=True).start()
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
