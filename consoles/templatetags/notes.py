"""The notes of a run for its page: what scripts begin with, and all there is without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from consoles.notes import note_rows

if TYPE_CHECKING:
    from consoles.models import Run

register = template.Library()


@register.simple_tag
def notes_of(run: Run) -> list[dict[str, Any]]:
    """All notes of a run, oldest first."""
    return note_rows(run.pk)


@register.filter
def utc_second(created: str) -> str:
    """The time of a note (ISO, UTC) for where no script writes it shorter: ``2026-11-21 14:03:40 UTC``."""
    return f"{created[:19].replace('T', ' ')} UTC"
