"""Secrets at rest."""

from __future__ import annotations

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from servers import secrets
from servers.models import Credential
from servers.secrets import SecretError

SECRET = "hunter2 and a half"


@pytest.fixture
def key_file(tmp_path: Path, settings: Any) -> Path:
    settings.OPSCONSOLE_SECRET_KEYS = []
    settings.OPSCONSOLE_SECRET_KEY_FILE = tmp_path / "keys" / "encryption.keys"
    return tmp_path / "keys" / "encryption.keys"


def test_what_was_encrypted_comes_back(key_file: Path) -> None:
    token = secrets.encrypt(SECRET, "here")
    assert SECRET not in token
    assert secrets.decrypt(token, "here") == SECRET


def test_the_key_file_is_made_for_its_owner_only(key_file: Path) -> None:
    secrets.encrypt(SECRET, "here")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file.parent.stat().st_mode) == 0o700


def test_a_key_file_that_others_can_read_is_refused_with_what_to_do(key_file: Path) -> None:
    secrets.encrypt(SECRET, "here")
    key_file.chmod(0o640)
    secrets._load.cache_clear()
    with pytest.raises(SecretError, match="chmod 600"):
        secrets.encrypt(SECRET, "here")


def test_threads_that_start_together_agree_on_one_key(key_file: Path) -> None:
    barrier = threading.Barrier(8)

    def start() -> str:
        barrier.wait()
        return secrets._read_or_create(key_file)

    with ThreadPoolExecutor(8) as pool:
        found = [future.result() for future in [pool.submit(start) for _ in range(8)]]
    assert len(set(found)) == 1
    assert [path.name for path in key_file.parent.iterdir()] == [key_file.name]


def test_keys_from_the_environment_come_first(key_file: Path, settings: Any) -> None:
    settings.OPSCONSOLE_SECRET_KEYS = [Fernet.generate_key().decode()]
    assert secrets.decrypt(secrets.encrypt(SECRET, "here"), "here") == SECRET
    assert not key_file.exists()


def test_a_new_key_in_front_still_opens_what_the_old_one_closed(settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.OPSCONSOLE_SECRET_KEYS = [old]
    token = secrets.encrypt(SECRET, "here")
    settings.OPSCONSOLE_SECRET_KEYS = [new, old]
    rotated = secrets.rotate(token)
    assert secrets.decrypt(token, "here") == secrets.decrypt(rotated, "here") == SECRET
    settings.OPSCONSOLE_SECRET_KEYS = [new]
    assert secrets.decrypt(rotated, "here") == SECRET
    with pytest.raises(SecretError, match="enter it again"):
        secrets.decrypt(token, "here")


def test_a_token_moved_to_another_record_does_not_open(key_file: Path) -> None:
    with pytest.raises(SecretError, match="another record") as refused:
        secrets.decrypt(secrets.encrypt(SECRET, "credential:1:password"), "credential:2:password")
    assert SECRET not in str(refused.value)


def test_a_token_copied_between_fields_or_rows_of_the_database_does_not_open(db: None) -> None:
    first = Credential(name="first", user="root")
    first.set_secret("password", SECRET)
    second = Credential(name="second", user="root", password_token=first.password_token)
    first.passphrase_token = first.password_token
    for credential, field in ((second, "password"), (first, "passphrase")):
        with pytest.raises(SecretError):
            credential.secret(field)


def test_nonsense_as_a_key_says_so(settings: Any) -> None:
    settings.OPSCONSOLE_SECRET_KEYS = ["not-a-key"]
    with pytest.raises(SecretError, match="not valid"):
        secrets.encrypt(SECRET, "here")


def test_a_credential_prints_no_secret(db: None) -> None:
    credential = Credential(name="fleet", user="root")
    for field in Credential.SECRET_FIELDS:
        credential.set_secret(field, SECRET)
    assert SECRET not in repr(credential) + str(credential) + repr(vars(credential))


def test_secrets_survive_any_text(key_file: Path) -> None:
    for value in ("é漢😀", "a\0b", "line\nline\r\n", os.urandom(64).hex()):
        assert secrets.decrypt(secrets.encrypt(value, "here"), "here") == value
