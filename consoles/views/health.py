"""Whether the server answers, for whatever watches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.views.decorators.http import require_safe

if TYPE_CHECKING:
    from django.http import HttpRequest


@require_safe
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Says ok to anybody, and nothing else."""
    return HttpResponse("ok", content_type="text/plain")
