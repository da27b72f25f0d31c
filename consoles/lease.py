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
from typing import IO

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from consoles import doorbell
from consoles.models import AuditEntry, HostRun, Run, lease_end
from consoles.statuses import ACTIVE, Status

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
        self._lock: IO[str] = self._path.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def renew(self) -> None:
        """Extend the leases of everything this process owns."""
        HostRun.objects.filter(owner=self.name, status__in=ACTIVE).update(lease_until=lease_end())

    def release(self) -> None:
        """Say that this process is over."""
        self._path.unlink(missing_ok=True)
        self._lock.close()


def settle_abandoned() -> int:
    """End what nobody alive owns: what had not started is skipped, the rest is lost. Returns how many HostRuns.

    Each is taken by a conditional update that raises its fence, so a paused owner that wakes up writes nothing more.
    """
    rows = HostRun.objects.filter(status__in=ACTIVE)
    owners = set(rows.order_by().values_list("owner", flat=True).distinct())
    dead = Q(owner__in=[owner for owner in owners if _is_dead(owner)])
    late = Q(lease_until__lt=Now()) | Q(lease_until__isnull=True)
    settled = [host_run for host_run in rows.filter(dead | late).select_related("run") if _settle(host_run)]
    for run in {host_run.run for host_run in settled}:
        _tell(run)
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


def _is_dead(owner: str) -> bool:
    """Whether the owner was a process of this machine that has ended; False where that cannot be told."""
    path = Path(settings.OPSCONSOLE_OWNER_DIR) / owner
    if not owner or "/" in owner:
        return False
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
            return True
    except OSError:
        # Locked: it lives. Missing: another machine's, and its lease decides.
        return False
