"""Readers of environment variables for the settings: a value that makes no sense stops the start with one sentence."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

_FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def text(name: str, default: str) -> str:
    """The variable's text. ``NAME_FILE`` names a file to read it from instead, as container secrets come."""
    if file := os.environ.get(f"{name}_FILE"):
        try:
            return Path(file).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names {file}, which cannot be read: {error.strerror}.") from None
    return os.environ.get(name, default)


def flag(name: str, default: bool) -> bool:
    """A yes-or-no variable: 1, true, yes, on and their opposites."""
    raw = os.environ.get(name, "")
    if not raw:
        return default
    if raw.lower() not in _FLAGS:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {raw!r}.")
    return _FLAGS[raw.lower()]


def integer(name: str, default: int) -> int:
    """A whole number of at least 0."""
    return int(number(name, default))


def number(name: str, default: float) -> float:
    """A number of at least 0."""
    raw = os.environ.get(name, "")
    try:
        value = float(raw) if raw else default
    except ValueError:
        value = -1
    if value < 0:
        raise ImproperlyConfigured(f"{name} must be a number of at least 0, not {raw!r}.")
    return value


def words(name: str, default: list[str]) -> list[str]:
    """A list separated by commas or spaces. A lone ``*`` is refused: it would let any site in."""
    found = text(name, "").replace(",", " ").split() or default
    if "*" in found:
        raise ImproperlyConfigured(f"{name} must name hosts or origins one by one: * would let any site in.")
    return found


def path(name: str, default: Path) -> Path:
    """A file system path, made absolute."""
    return Path(os.environ.get(name) or default).expanduser().absolute()


def secret_file(file: Path) -> str:
    """The secret kept in ``file``, created with mode 0600 on first use."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not file.exists():
        handle, draft = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)  # with mode 0600
        with os.fdopen(handle, "w") as out:
            out.write(get_random_secret_key())
        # link, not rename: of two processes starting together the first one's secret must stay.
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
        os.unlink(draft)
    return file.read_text().strip()


def private_directory(folder: Path) -> None:
    """Create ``folder``, or close an existing one to other accounts: the database in it holds sessions and output.

    Raises ``ImproperlyConfigured`` where this account may not write, as in a directory that root mounted for it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data directory {folder} cannot be made ({error.strerror}): choose another with OPSCONSOLE_DATA."
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ImproperlyConfigured(
            f"The account that runs the console may not write to its data directory {folder}: give it to that account "
            f"(chown -R {os.getuid()}:{os.getgid()}), or choose another with OPSCONSOLE_DATA."
        )
    if folder.stat().st_mode & 0o077 and folder.stat().st_uid == os.getuid():
        folder.chmod(0o700)
