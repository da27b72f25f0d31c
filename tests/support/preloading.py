"""What is loaded once so that programs forked from there start fast; none of it reads settings or the environment."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType

#: What the console's processes import and what needs no settings.
LIBRARIES = [
    "django.contrib.admin",
    "django.contrib.auth.apps",
    "django.contrib.auth.checks",
    "django.contrib.auth.hashers",
    "django.contrib.auth.tokens",
    "django.contrib.contenttypes.apps",
    "django.contrib.messages.storage.fallback",
    "django.contrib.postgres.fields",
    "django.contrib.postgres.forms",
    "django.contrib.postgres.search",
    "django.contrib.sessions.backends.db",
    "django.contrib.staticfiles.storage",
    "django.core.asgi",
    "django.core.management.commands.migrate",
    "django.core.serializers.json",
    "django.db.backends.sqlite3.base",
    "django.db.models.sql.compiler",
    "django.template.defaulttags",
    "django.template.loader_tags",
    "django.views.decorators.http",
    "django.views.generic",
    "autobahn.twisted.websocket",
    "axes.apps",
    "channels.auth",
    "channels.generic.websocket",
    "channels.layers",
    "channels.routing",
    "channels.security.websocket",
    "channels_redis.pubsub",
    "cryptography.fernet",
    "csp.apps",
    "csp.checks",
    "csp.middleware",
    "daphne.ws_protocol",
    "django_filters.filterset",
    "packaging.version",
    "paramiko",
    "psycopg",
    "re2",
    "redis.asyncio",
    "twisted.internet.asyncioreactor",
    "twisted.internet.endpoints",
    "twisted.web.http",
    "unfold.dataclasses",
    "unfold.sections",
    "whitenoise.middleware",
]

#: Packages of which the rest needs settings, and our own: each program runs their modules itself, but to read and
#: unmarshal them was four tenths of its start.
_PACKAGES = [
    "axes",
    "consoles",
    "daphne",
    "demo",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "opsconsole",
    "servers",
    "unfold",
]
_codes: dict[tuple[str, str], CodeType] = {}


def load() -> None:
    """Import the libraries, and read the code of what programs import beside them."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for spec in _not_imported():
        assert isinstance(spec.loader, SourceFileLoader)
        if code := spec.loader.get_code(spec.name):
            _codes[spec.name, spec.loader.path] = code
    SourceFileLoader.get_code = _get_code  # type: ignore[method-assign,assignment]


_read_code = SourceFileLoader.get_code


def _get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
    """The code that was read before. Where the module of this name is another file, such as a copy, it is read now."""
    return _codes.get((name, loader.path)) or _read_code(loader, name)


def _not_imported() -> Iterator[ModuleSpec]:
    for package in _PACKAGES:
        folder = _folder(package)
        for file in folder.rglob("*.py"):
            inner = file.relative_to(folder).with_suffix("").parts
            name = ".".join([package, *inner]).removesuffix(".__init__")
            if name not in sys.modules and "locale" not in inner:
                spec = importlib.util.spec_from_file_location(name, file)
                assert spec is not None
                yield spec


def _folder(package: str) -> Path:
    """Where a package is, found without importing it."""
    first, *inner = package.split(".")
    spec = importlib.util.find_spec(first)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent.joinpath(*inner)
