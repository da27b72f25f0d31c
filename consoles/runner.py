"""Executes runs in threads of this process: ``fanout`` HostRuns of a run, and ``max_active`` of all, at the most."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from consoles import lease, ssh
from consoles.connections import renew_connections
from consoles.execution import Execution
from consoles.models import LEASE, HostRun, Run
from consoles.outputlog import Fenced, LogWriter, Ticket
from consoles.statuses import ACTIVE, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consoles.host_task import HostTask

log = logging.getLogger(__name__)

#: Seconds between renewals of the leases, and between looks for work that nobody alive owns.
RENEW_EVERY = 10.0
#: Seconds after a renewal began for which this process may act on hosts: with its leases' last third in reserve.
SURE_FOR = LEASE.total_seconds() * 2 / 3
#: Seconds to wait for a slot once contact to a host may be there again.
SLOT_PATIENCE = 1.0
#: Seconds between looks for cancel requests that another process wrote.
LOOK_EVERY = 1.0

_STARTED_ATTACHED: Final = Q(mode=Run.Mode.ATTACHED) & ~Q(status=Status.QUEUED)
STOPPED_REASON = "The console was stopped while this was running attached: check on the host how it ended."


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
        self._owed = 0
        self._strays: set[int] = set()
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

    def stop(self, timeout: float = 8.0, for_good: bool = False) -> None:
        """End: store everything received so far, and leave what can go on to the next process.

        Detached programs run on, and what waits is started by whoever takes it over. Attached ones are lost. With
        ``for_good`` the process is about to end, too, and its end alone says that it is dead: until then something of
        it may still write.
        """
        self._stopping = True
        with self._renewed:
            self._renewed.notify_all()
        self.writer.flush(timeout / 2)
        self._nudge.set()
        # Not beyond its time: it may be waiting for a database that somebody holds locked, to take over from others.
        self._keeper.join(timeout / 8)
        takes_nothing, gave_up = not self._keeper.is_alive(), False
        try:
            self._give_up()
            # What came from attached programs while the database was locked is stored before they are lost.
            self.writer.flush(timeout / 8)
            self._lose_attached()
            gave_up = True
        finally:
            self._abandon_tasks()
            self.kept.close()
            self.writer.stop(timeout / 2)
            if not for_good:
                self._owner.release(owns_nothing=takes_nothing and gave_up)

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
        self._give_slot()

    @contextmanager
    def rest(self) -> Iterator[None]:
        """Give the slot away for a while. Afterwards it may be one too many: a program that runs must be followed."""
        self._give_slot()
        try:
            yield
        finally:
            if not self._slots.acquire(timeout=SLOT_PATIENCE):
                with self._lock:
                    self._owed += 1

    def _give_slot(self) -> None:
        with self._lock:
            if self._owed:
                self._owed -= 1
                return
        self._slots.release()

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
                if settle_in <= 0 and self._settles and not self._stopping:
                    self.go_on(lease.settle_abandoned(self.owner) + self._lost_sight_of())
                    settle_in = RENEW_EVERY
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

    def _lost_sight_of(self) -> list[HostRun]:
        """What this process owns and nothing of it works on, since before the last look: a fault came in between.

        Its leases are renewed like all others, so nobody else would ever take it.
        """
        with self._lock:
            known = set(self._tasks)
            busy = {execution.run_id for execution in self._executions}
        rows = HostRun.objects.filter(owner=self.owner, status__in=ACTIVE).exclude(run__in=busy).select_related("run")
        found = [row for row in rows if row.pk not in known]
        again, self._strays = [row for row in found if row.pk in self._strays], {row.pk for row in found}
        return [row for row in again if row.status == Status.QUEUED or row.mode == Run.Mode.DETACHED]

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

    def _give_up(self) -> None:
        """All but the attached ones that were started."""
        mine = HostRun.objects.filter(owner=self.owner, status__in=ACTIVE)
        with transaction.atomic():
            mine.lock()
            mine.exclude(_STARTED_ATTACHED).update(owner="", lease_until=None, fence=F("fence") + 1)

    def _lose_attached(self) -> None:
        """After the others were given up: of what starts in between, nothing is forgotten."""
        mine = HostRun.objects.filter(_STARTED_ATTACHED, owner=self.owner, status__in=ACTIVE)
        lost = {"status": Status.LOST, "reason": STOPPED_REASON, "finished": Now()}
        with transaction.atomic():
            mine.lock()
            mine.update(**lost, fence=F("fence") + 1)
