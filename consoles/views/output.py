"""Downloads of what was printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponseBadRequest
from django.views.decorators.http import require_GET

from consoles import actions, downloads
from consoles.views import user_of
from consoles.views.runs import visible_host_run, visible_run

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase


@require_GET
def host_output(request: HttpRequest, pk: int, index: int) -> HttpResponseBase:
    """The raw bytes one server printed, or with ``?stream=stdout|stderr`` only those of that stream."""
    host_run = visible_host_run(request, pk, index)
    stream = request.GET.get("stream", "")
    if stream and stream not in downloads.STREAMS:
        return HttpResponseBadRequest("The stream must be stdout or stderr.", content_type="text/plain")
    name = downloads.file_name(host_run, stream)
    actions.note_download(host_run.run, user_of(request), name)
    size = host_run.size if host_run.is_final and not stream else None
    return downloads.respond(request, downloads.host_pieces(host_run, stream), name, size)


@require_GET
def run_output_zip(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The logs of all servers of a run in one zip, with a manifest."""
    run = visible_run(request, pk)
    name = f"run{run.pk}.zip"
    actions.note_download(run, user_of(request), name)
    return downloads.respond(request, downloads.zip_pieces(run), name)
