"""Who may act for a HostRun: the process that owns it, while it is alive.

A HostRun names its owner and a time until which the owner's lease lasts, by the database's clock. Where the owner ran
on this machine there is something quicker: each process holds a lock on a file of its own, which the kernel releases
when the process dies, so a start after a crash need not wait for leases to run out.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Now

from consoles import doorbell
from consoles.models import AuditEntry, HostRun, Run, lease_end
from consoles.statuses import ACTIVE, Status

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

LOST_REASON = (
    "The console stopped while this was running attached, and what was printed since is not stored: "
    "check on the host how it ended."
)
#: Most rows named in one statement.
_MOST_AT_ONCE = 500
#: Seconds without a renewal after which a living owner stands still; it renews every ten.
STILL_AFTER: Final = 15.0
#: For each owner the newest lease that was seen, and when it was first seen.
_looks: dict[str, tuple[datetime | None, float]] = {}
#: A clock that goes on while the machine sleeps, where there is one: leases do, too.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def clock() -> float:
    """Seconds that have passed, whatever was done to the machine's clock, also while this process stood still."""
    return time.clock_gettime(_CLOCK)


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
        mine = HostRun.objects.filter(owner=self.name, status__in=ACTIVE)
        with transaction.atomic():
            mine.lock()
            mine.update(lease_until=lease_end())

    def release(self, owns_nothing: bool) -> None:
        """Own nothing from now on; where something may be left, the file stays and says, unlocked, that nobody acts."""
        if owns_nothing:
            self._path.unlink(missing_ok=True)
        self._lock.close()


def abandoned() -> QuerySet[HostRun]:
    """What nobody alive owns: the owner has died on this machine, or its lease has run out.

    A lease may also seem to have run out because somebody set the clock of the database's machine. So where we see
    that the owner lives, it must have renewed nothing for a while by our own clock, too: then it stands still.
    """
    rows = HostRun.objects.filter(status__in=ACTIVE)
    newest = dict(rows.order_by().values_list("owner").annotate(Max("lease_until")))
    for gone in _looks.keys() - newest.keys():
        del _looks[gone]
    dead = [owner for owner in newest if is_dead(owner)]
    busy = [owner for owner in newest if owner not in dead and _is_seen(owner) and not _stands_still(owner, newest)]
    return rows.filter(Q(owner__in=dead) | (_late() & ~Q(owner__in=busy)))


def _stands_still(owner: str, newest: dict[str, datetime | None]) -> bool:
    """Whether no look for ``STILL_AFTER`` seconds has found a lease of this owner renewed."""
    known, since = _looks.get(owner, (None, 0.0))
    if known is None or known != newest[owner]:
        _looks[owner] = (newest[owner], clock())
        return newest[owner] is None
    return clock() - since >= STILL_AFTER


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


def settle_abandoned(owner: str) -> list[HostRun]:
    """Make ``owner`` the owner of what nobody alive owns, and give that back; what cannot go on is lost.

    Attached programs ended, or went out of reach, with the connection of their process. Everything else goes on: what
    was queued is started, and what was started detached is followed. Each is taken by a conditional update that raises
    its fence, so a paused owner that wakes up writes nothing more.
    """
    found = list(abandoned().exclude(owner=owner).exclude(status=Status.QUEUED).select_related("run"))
    detached = [host_run for host_run in found if host_run.mode == Run.Mode.DETACHED]
    lost = [host_run for host_run in found if host_run not in detached and _lose(host_run, owner)]
    taken = [own for host_run in detached if (own := take_over(host_run, owner))] + _take_queued(owner)
    for run in {host_run.run for host_run in [*taken, *lost]}:
        _tell(run, sum(row.run_id == run.pk for row in taken), sum(row.run_id == run.pk for row in lost))
    forget_dead_owners()
    return taken


def _take_queued(owner: str) -> list[HostRun]:
    """The same for what was never started: thousands of rows may be, so many are taken by one statement."""
    wanted = list(abandoned().exclude(owner=owner).filter(status=Status.QUEUED).values_list("pk", flat=True))
    taken: list[HostRun] = []
    for start in range(0, len(wanted), _MOST_AT_ONCE):
        some = HostRun.objects.filter(pk__in=wanted[start : start + _MOST_AT_ONCE])
        with transaction.atomic():
            some.lock()
            abandoned().exclude(owner=owner).filter(pk__in=some, status=Status.QUEUED).update(
                owner=owner, fence=F("fence") + 1, lease_until=lease_end()
            )
        taken += some.filter(owner=owner, status=Status.QUEUED).select_related("run")
    return taken


def _lose(host_run: HostRun, owner: str) -> bool:
    """Taken over first: its owner may have woken up since we looked, and renewed."""
    own = take_over(host_run, owner)
    return own is not None and own.move(Status.LOST, fence=own.fence, reason=LOST_REASON)


def _tell(run: Run, taken: int, lost: int) -> None:
    detail = f"Its process was gone: {taken} taken over, {lost} lost."
    with transaction.atomic():
        AuditEntry.objects.create(actor_name="console", act=AuditEntry.Act.RUN_SETTLED, run=run, detail=detail)
    doorbell.ring(run.pk)


def _is_seen(owner: str) -> bool:
    """Whether the owner's lock is on this machine."""
    return bool(owner) and "/" not in owner and (Path(settings.OPSCONSOLE_OWNER_DIR) / owner).exists()


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
