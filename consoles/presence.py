"""Who watches a run: a row for each socket, kept by one thread per process.

Sockets only say that they came and went, in memory; the thread writes, so that a locked database holds up nobody's
output. A process that dies leaves its rows behind: they expire, as nobody renews them.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from consoles import doorbell
from consoles.connections import renew_connections
from consoles.models import Run, Watcher
from consoles.presenting import iso
from consoles.shared_reads import SharedReads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.contrib.auth.models import User

log = logging.getLogger(__name__)

#: People listed by name; of the others only the number is told.
MOST_LISTED: Final = 50
#: Sockets of one run that are looked at.
MOST_SOCKETS: Final = 2_000
#: Seconds between two writes: who comes and goes meanwhile is written together.
WRITE_EVERY: Final = 0.5
#: Rows named in one statement; databases limit it.
_AT_A_TIME: Final = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One socket on one run."""

    run_id: int
    user_id: int
    name: str
    key: uuid.UUID = field(default_factory=uuid.uuid4)
    since: datetime = field(default_factory=timezone.now)


class Keeper:
    """Keeps the rows of this process's sockets as things are. ``step`` does the work; a thread calls it when due."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._here: dict[uuid.UUID, Entry] = {}
        self._gone: dict[uuid.UUID, Entry] = {}
        self._stored: set[uuid.UUID] = set()
        self._renew_at = 0.0
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def enter(self, run_id: int, user: User) -> uuid.UUID:
        """A socket shows the run to ``user`` from now on. Gives back what to :meth:`leave` with."""
        entry = Entry(run_id, user.pk, user.get_username())
        with self._lock:
            self._here[entry.key] = entry
        self._changed.set()
        return entry.key

    def leave(self, key: uuid.UUID) -> None:
        """The socket is gone, or shows the run no longer. Saying it twice does no harm."""
        with self._lock:
            if (entry := self._here.pop(key, None)) is not None:
                self._gone[key] = entry
        self._changed.set()

    def local(self, run_id: int) -> tuple[list[Entry], set[uuid.UUID]]:
        """This process's sockets on a run, and the keys of those that left and are not deleted yet."""
        with self._lock:
            return [entry for entry in self._here.values() if entry.run_id == run_id], set(self._gone)

    def step(self) -> None:
        """Write who came and who went, renew the others when it is time, and ring for the runs it concerns."""
        with self._lock:
            here, gone = dict(self._here), dict(self._gone)
        renewing = time.monotonic() >= self._renew_at
        if not renewing and not gone and here.keys() <= self._stored:
            return
        with transaction.atomic():
            known = _renew(here) if renewing else self._stored
            new = [entry for key, entry in here.items() if key not in known]
            concerned = {entry.run_id for entry in [*new, *gone.values()]}
            _insert(new)
            _delete(gone)
            if renewing:
                concerned |= _delete_vanished()
        self._stored = set(here)
        if renewing:
            self._renew_at = time.monotonic() + settings.OPSCONSOLE_WATCHER_EXPIRY / 3
        with self._lock:
            for key in gone:
                del self._gone[key]
        for run_id in concerned:
            doorbell.ring(run_id, people=True)

    def start(self) -> None:
        """Start the thread; its first step deletes what dead processes left behind."""
        self._stopping.clear()
        self._changed.set()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and say that this process's sockets are gone."""
        self._stopping.set()
        self._changed.set()
        if self._thread is not None:
            self._thread.join(5)
        with self._lock:
            self._gone |= self._here
            self._here.clear()
        _attempt(self.step)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._changed.wait(max(0.0, self._renew_at - time.monotonic()) if self._here else None)
            self._changed.clear()
            if not _attempt(self.step):
                self._changed.set()
            self._stopping.wait(WRITE_EVERY)
        connection.close()


def enter(run_id: int, user: User) -> uuid.UUID:
    """A socket shows a run to ``user``; see :meth:`Keeper.enter`."""
    return keeper.enter(run_id, user)


def leave(key: uuid.UUID) -> None:
    """It does so no longer; see :meth:`Keeper.leave`."""
    keeper.leave(key)


def people(run_id: int, since: float) -> dict[str, Any]:
    """Who watches a run: ``people`` as the frame ``presence`` lists them, and ``count``, as it stood at ``since``."""
    return _people.get(run_id, since)


def crowd(sockets: Iterable[tuple[str, datetime]]) -> dict[str, Any]:
    """Sockets (name, since) as people: who has watched longest first, the first ones by name, and how many."""
    found: dict[str, tuple[datetime, int]] = {}
    for name, since in sockets:
        earliest, count = found.get(name, (since, 0))
        found[name] = (min(earliest, since), count + 1)
    ordered = sorted(found.items(), key=lambda item: (item[1][0], item[0]))
    listed = [{"name": name, "since": iso(since), "sockets": count} for name, (since, count) in ordered[:MOST_LISTED]]
    return {"people": listed, "count": len(found)}


def _read_people(run_id: int) -> dict[str, Any]:
    rows = Watcher.objects.filter(run=run_id, seen__gt=_expired()).order_by("since").values_list("key", "name", "since")
    stored = {key: (name, since) for key, name, since in rows[:MOST_SOCKETS]}
    # What this process knows of its own sockets is newer than their rows.
    here, gone = keeper.local(run_id)
    sockets = stored | {entry.key: (entry.name, entry.since) for entry in here}
    return crowd(socket for key, socket in sockets.items() if key not in gone)


def _renew(here: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Renew these rows. Gives back which there are: another process deletes them while this one stands still."""
    known: set[uuid.UUID] = set()
    for keys in _batches(here):
        rows = Watcher.objects.filter(key__in=keys)
        known.update(rows.values_list("key", flat=True))
        rows.update(seen=Now())
    return known


def _insert(entries: list[Entry]) -> None:
    """Write rows for these, except where the run or the user was deleted meanwhile."""
    users = _existing(get_user_model(), {entry.user_id for entry in entries})
    runs = _existing(Run, {entry.run_id for entry in entries})
    wanted = [entry for entry in entries if entry.user_id in users and entry.run_id in runs]
    Watcher.objects.bulk_create(Watcher(**asdict(entry), seen=Now()) for entry in wanted)


def _existing(model: Any, ids: set[int]) -> set[int]:
    found: set[int] = set()
    for some in _batches(ids):
        found.update(model.objects.filter(pk__in=some).values_list("pk", flat=True))
    return found


def _delete(keys: Iterable[uuid.UUID]) -> None:
    for some in _batches(keys):
        Watcher.objects.filter(key__in=some).delete()


def _delete_vanished() -> set[int]:
    """Delete watchers of all runs who were not seen for long. Gives back the runs they watched."""
    vanished = Watcher.objects.filter(seen__lte=_expired())
    runs = set(vanished.order_by().values_list("run_id", flat=True))
    if runs:
        vanished.delete()
    return runs


def _batches(keys: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(keys)
    while some := list(islice(left, _AT_A_TIME)):
        yield some


def _expired() -> Any:
    """The database's time before which a watcher had to be seen."""
    return Now() - timedelta(seconds=settings.OPSCONSOLE_WATCHER_EXPIRY)


def _attempt(step: Any) -> bool:
    try:
        step()
    except DatabaseError as error:
        # Whoever watches is told from memory; the rows come when the database answers again.
        log.info("Who watches could not be written: %s", error)
        renew_connections()
        return False
    return True


keeper = Keeper()
_people = SharedReads(_read_people)
