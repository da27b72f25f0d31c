"""Notes without a socket: to read as JSON, and to write with a form."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from consoles import access, actions
from consoles.notes import note_row, note_rows
from consoles.views import user_of
from consoles.views.runs import visible_run

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
def run_notes(request: HttpRequest, pk: int) -> HttpResponse:
    """All notes of the run, oldest first."""
    run = visible_run(request, pk)
    return JsonResponse({"notes": note_rows(run.pk)})


@require_POST
def run_note(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a note: ``text``, and optionally ``key``. A browser is led back to the run, others get the note as JSON."""
    run = visible_run(request, pk)
    if not access.can_note(request.user, run):
        raise PermissionDenied("You may see this run but not write into it: ask an administrator.")
    wants_page = request.accepts("text/html")
    try:
        note = actions.add_note(run, user_of(request), _key(request), request.POST.get("text", ""))
    except actions.NoteError as error:
        if not wants_page:
            return JsonResponse({"error": str(error)}, status=400)
        messages.error(request, str(error))
    else:
        if not wants_page:
            return JsonResponse({"note": note_row(note)})
    return redirect(run)


def _key(request: HttpRequest) -> str:
    return request.POST.get("key") or str(uuid.uuid4())
