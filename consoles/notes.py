"""Reading the notes of a run: all of them, or those that somebody was not told yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from consoles.models import RunNote
from consoles.presenting import iso
from consoles.shared_reads import SharedReads

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Notes told at a time: one frame of them has 200 kB at most.
AT_A_TIME: Final = 100


def note_row(note: RunNote) -> dict[str, Any]:
    """One note as frames, addresses and the page have it: NOTE in docs/protocol.md."""
    return {
        "id": note.pk,
        "key": str(note.key),
        "author": note.author_name,
        "text": note.text,
        "created": iso(note.created),
    }


def note_rows(run_id: int) -> list[dict[str, Any]]:
    """All notes of a run, oldest first."""
    return [note_row(note) for note in RunNote.objects.filter(run=run_id).order_by("pk")]


class NoteFeed:
    """The notes of a run for one who wants each of them once.

    It remembers every id it gave out: a transaction that began earlier may commit later, so the largest says nothing.
    """

    def __init__(self, run_id: int) -> None:
        self._run_id = run_id
        self._told: set[int] = set()

    def new(self, since: float) -> Iterator[list[dict[str, Any]]]:
        """What was not given out before, a batch at a time, as it stood at ``since`` (``time.monotonic``) or later."""
        fresh = sorted(_ids.get(self._run_id, since) - self._told)
        for start in range(0, len(fresh), AT_A_TIME):
            notes = RunNote.objects.filter(pk__in=fresh[start : start + AT_A_TIME]).order_by("pk")
            rows = [note_row(note) for note in notes]
            self._told.update(row["id"] for row in rows)
            yield rows


def _read_ids(run_id: int) -> frozenset[int]:
    return frozenset(RunNote.objects.filter(run=run_id).order_by().values_list("pk", flat=True))


_ids = SharedReads(_read_ids)
