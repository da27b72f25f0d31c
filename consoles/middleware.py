"""What every page's answer needs: it is not kept by caches, and a database that does not answer gets a sentence."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import DataError, OperationalError
from django.shortcuts import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

log = logging.getLogger(__name__)


class ConsoleMiddleware:
    """Answers with a sentence when the database is locked or full, or refuses a text; keeps pages out of caches."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A view could not read or write: nothing of what it did is kept, so the request may be sent again."""
        if isinstance(exception, OperationalError):
            return render(request, "503.html", status=503)
        if isinstance(exception, DataError):
            # NUL in a text, as a rule: nobody types it, and PostgreSQL neither stores it nor looks for it.
            log.info("A request held what the database does not take: %s", exception)
            return render(request, "400.html", status=400)
        return None
