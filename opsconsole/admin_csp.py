"""The admin's theme evaluates Alpine expressions, which the site's Content-Security-Policy forbids everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase


class AdminScriptSources:
    """Gives pages of the admin their own ``script-src``. Stands after ``CSPMiddleware``, which writes the header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.resolver_match and "admin" in request.resolver_match.namespaces:
            # Read by CSPMiddleware, as its own decorators set it.
            vars(response)["_csp_replace"] = {"script-src": settings.ADMIN_SCRIPT_SOURCES}
        return response
