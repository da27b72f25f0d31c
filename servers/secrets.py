"""Secrets at rest: encrypted with keys that are kept outside the database.

The keys are a list, newest first (``MultiFernet``): the first encrypts, any decrypts, so a key can be replaced
without losing what was written under the old one. They come from ``settings.OPSCONSOLE_SECRET_KEYS`` or from the
file ``settings.OPSCONSOLE_SECRET_KEY_FILE``, which is created with mode 0600 on first use.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SecretError(Exception):
    """A stored secret cannot be read; the message says what to do and contains no secret."""


def encrypt(value: str, binding: str) -> str:
    """Encrypt ``value``; ``binding`` names the row and field it belongs to and is checked on the way back.

    Fernet has no associated data, so the binding stands inside the plaintext.
    """
    return _keys().encrypt(f"{binding}\0{value}".encode()).decode()


def decrypt(token: str, binding: str) -> str:
    """Give back what :func:`encrypt` took. Raises :class:`SecretError` for a wrong key or a moved token."""
    try:
        plain = _keys().decrypt(token.encode()).decode()
    except InvalidToken:
        raise SecretError("A stored secret does not open with the console's keys: enter it again.") from None
    found, _, value = plain.partition("\0")
    if found != binding:
        raise SecretError("A stored secret belongs to another record: enter it again.")
    return value


def rotate(token: str) -> str:
    """Encrypt a token again under the newest key."""
    return _keys().rotate(token.encode()).decode()


def _keys() -> MultiFernet:
    return _load(tuple(settings.OPSCONSOLE_SECRET_KEYS), str(settings.OPSCONSOLE_SECRET_KEY_FILE))


@lru_cache(maxsize=4)
def _load(keys: tuple[str, ...], path: str) -> MultiFernet:
    found = keys or tuple(line for line in _read_or_create(Path(path)).split() if line)
    try:
        return MultiFernet([Fernet(key) for key in found])
    except ValueError:
        raise SecretError("The console's encryption keys are not valid Fernet keys: see the README.") from None


def _read_or_create(path: Path) -> str:
    if not path.exists():
        _create(path)
    _refuse_open_permissions(path)
    return path.read_text()


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # with mode 0600
    with os.fdopen(handle, "w") as file:
        file.write(Fernet.generate_key().decode() + "\n")
    # link, not rename: of two that start together the first one's key must stay, and stay whole.
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    os.unlink(draft)


def _refuse_open_permissions(path: Path) -> None:
    if path.stat().st_mode & 0o077:
        raise SecretError(f"The key file {path} can be read by others: run chmod 600 on it.")
