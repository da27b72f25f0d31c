"""Addresses of static files that change with their content, so that browsers may keep the files for good."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage

if TYPE_CHECKING:
    from wsgiref.headers import Headers

#: What pages ask for by a versioned address only; fonts and images are asked for by style sheets, too.
_VERSIONED = (".css", ".js", ".mjs")


class VersionedStaticFiles(StaticFilesStorage):
    """``/static/js/views.js?v=1f3a…``: nothing is copied or rewritten, and ``make run`` needs no build step."""

    def url(self, name: str | None) -> str:
        """The address of a file, with a version made from its content where there is such a file."""
        return self._versioned(name) if settings.DEBUG else self._known(name)

    # Every page asks for a hundred of them.
    @cache  # noqa: B019 - there is one storage
    def _known(self, name: str | None) -> str:
        return self._versioned(name)

    def _versioned(self, name: str | None) -> str:
        address = super().url(name)
        version = _version(name) if name and name.endswith(_VERSIONED) else ""
        return f"{address}?v={version}" if version else address


def add_headers(headers: Headers, path: str, url: str) -> None:
    """What goes with each file; WhiteNoise asks this at the start. Browsers may keep versioned files for good."""
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = settings.SECURE_REFERRER_POLICY
    headers["Cross-Origin-Opener-Policy"] = settings.SECURE_CROSS_ORIGIN_OPENER_POLICY
    # A picture can be opened as a document of its own: it runs and loads nothing.
    headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    if path.endswith(_VERSIONED) and not settings.DEBUG:
        headers["Cache-Control"] = "public, max-age=31536000, immutable"


def _version(name: str) -> str:
    collected = Path(settings.STATIC_ROOT) / name
    found = str(collected) if collected.is_file() else finders.find(name)
    return hashlib.sha256(Path(str(found)).read_bytes()).hexdigest()[:12] if found else ""
