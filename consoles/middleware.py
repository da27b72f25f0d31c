"""What every page's answer needs: it is not kept by caches, and a database that does not answer gets a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import OperationalError
from django.shortcuts import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


class ConsoleMiddleware:
    """Answers 503 with a sentence when the database is locked or full, and keeps pages out of caches."""

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
        return None
