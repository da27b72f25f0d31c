"""Who may act for a HostRun: the process that owns it, while it is alive.

A HostRun names its owner and a time until which the owner's lease lasts, by the database's clock. Where the owner ran
on this machine there is something quicker: each process holds a lock on a file of its own, which the kernel releases
when the process dies, so a start after a crash need not wait for leases to run out.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import IO, TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from consoles import doorbell
from consoles.models import AuditEntry, HostRun, Run, lease_end
from consoles.statuses import ACTIVE, Status

if TYPE_CHECKING:
    from django.db.models import QuerySet

SKIPPED_REASON = "The console stopped before this server was started."
LOST_REASON = (
    "The console stopped while this was running, and what was printed since is not stored: "
    "check on the host how it ended."
)


class Owner:
    """This process as an owner of HostRuns: a name, and the lock that says it is alive."""

    def __init__(self) -> None:
        self.name = f"{os.getpid()}-{secrets.token_hex(8)}"
        folder = Path(settings.OPSCONSOLE_OWNER_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / self.name
        # Named when it is locked: whoever finds a lock file that nobody holds has found a dead owner's.
        draft = folder / f".{self.name}"
        self._lock: IO[str] = draft.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        draft.rename(self._path)

    def renew(self) -> None:
        """Extend the leases of everything this process owns."""
        HostRun.objects.filter(owner=self.name, status__in=ACTIVE).update(lease_until=lease_end())

    def release(self) -> None:
        """Say that this process is over."""
        self._path.unlink(missing_ok=True)
        self._lock.close()


def abandoned() -> QuerySet[HostRun]:
    """What nobody alive owns: the owner has died on this machine, or its lease has run out."""
    rows = HostRun.objects.filter(status__in=ACTIVE)
    owners = rows.order_by().values_list("owner", flat=True).distinct()
    return rows.filter(Q(owner__in=[owner for owner in owners if is_dead(owner)]) | _late())


def take_over(host_run: HostRun, owner: str) -> HostRun | None:
    """Make ``owner`` the owner of a HostRun, as it was read, whose own one is dead or late; of several takers one wins.

    Gives back the HostRun as it is from then on: nobody writes under the former fence any more, so its status, size
    and lines are what a :class:`~consoles.outputlog.Ticket` goes on from. None where there was nothing to take: it is
    over, or somebody (the owner, by renewing; another taker) was faster.
    """
    rows = HostRun.objects.filter(pk=host_run.pk, owner=host_run.owner, fence=host_run.fence, status__in=ACTIVE)
    if not is_dead(host_run.owner):
        rows = rows.filter(_late())
    if not rows.update(owner=owner, fence=host_run.fence + 1, lease_until=lease_end()):
        return None
    return HostRun.objects.select_related("run").filter(owner=owner, fence=host_run.fence + 1, pk=host_run.pk).first()


def _late() -> Q:
    return Q(lease_until__lt=Now()) | Q(lease_until__isnull=True)


def settle_abandoned() -> int:
    """End what nobody alive owns: what had not started is skipped, the rest is lost. Returns how many HostRuns.

    Each is taken by a conditional update that raises its fence, so a paused owner that wakes up writes nothing more.
    """
    settled = [host_run for host_run in abandoned().select_related("run") if _settle(host_run)]
    for run in {host_run.run for host_run in settled}:
        _tell(run)
    forget_dead_owners()
    return len(settled)


def _settle(host_run: HostRun) -> bool:
    queued = host_run.status == Status.QUEUED
    to, reason = (Status.SKIPPED, SKIPPED_REASON) if queued else (Status.LOST, LOST_REASON)
    return host_run.move(to, fence=host_run.fence, new_fence=host_run.fence + 1, reason=reason)


def _tell(run: Run) -> None:
    with transaction.atomic():
        AuditEntry.objects.create(
            actor_name="console", act=AuditEntry.Act.RUN_SETTLED, run=run, detail="Its process was gone."
        )
    doorbell.ring(run.pk)


def is_dead(owner: str) -> bool:
    """Whether the owner was a process of this machine that has ended; False where that cannot be told."""
    path = Path(settings.OPSCONSOLE_OWNER_DIR) / owner
    if not owner or "/" in owner:
        return False
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError:
        # Locked: it lives. Missing: another machine's, and its lease decides.
        return False


def forget_dead_owners() -> None:
    """Remove the lock files of dead processes that own nothing any more: before that they are what says they died."""
    names = {path.name for path in Path(settings.OPSCONSOLE_OWNER_DIR).glob("[!.]*") if is_dead(path.name)}
    busy = HostRun.objects.filter(status__in=ACTIVE, owner__in=names).values_list("owner", flat=True)
    for name in names - set(busy):
        (Path(settings.OPSCONSOLE_OWNER_DIR) / name).unlink(missing_ok=True)
