"""From inventory records to what the SSH side needs. Secrets are decrypted here and nowhere else."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import Error as DatabaseError

from consoles import ssh
from servers.models import Credential, HostKey, Server
from servers.secrets import SecretError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A server ready to be connected to, or the sentence why it is not."""

    target: ssh.Target | None = None
    trouble: str = ""


class Targets:
    """Makes targets for the servers of one run; each credential is decrypted and its key parsed once."""

    def __init__(self, connect_timeout: float) -> None:
        self._deadlines = ssh.Deadlines(connect=connect_timeout, dead_peer=settings.OPSCONSOLE_DEAD_PEER)
        self._logins: dict[int, ssh.Login | str] = {}

    def prepare(self, servers: Iterable[Server]) -> dict[int, Prepared]:
        """Targets by server id. The servers want ``credential`` and ``host_keys`` fetched along."""
        return {server.pk: self._prepare(server) for server in servers}

    def _prepare(self, server: Server) -> Prepared:
        keys = list(server.host_keys.all())
        if any(key.conflict and key.state == HostKey.State.PENDING for key in keys):
            return Prepared(
                trouble=f"The host key of {server.name} has changed: trust or revoke the new one in the inventory."
            )
        login = self._login(server.credential)
        if isinstance(login, str):
            return Prepared(trouble=login)
        pins = tuple(ssh.HostKeyPin(key.key_type, key.key) for key in keys if key.state == HostKey.State.TRUSTED)
        if not pins:
            return Prepared(
                trouble=f"{server.name} has no trusted host key: fetch its host keys, compare and trust one."
            )
        posix = server.shell == Server.Shell.POSIX
        return Prepared(ssh.Target(server.name, server.host, server.port, login, pins, posix, self._deadlines))

    def _login(self, credential: Credential) -> ssh.Login | str:
        if credential.pk not in self._logins:
            try:
                self._logins[credential.pk] = login_for(credential)
            except (ssh.ConnectError, SecretError) as error:
                self._logins[credential.pk] = f"Credential {credential.name}: {error}"
        return self._logins[credential.pk]


def login_for(credential: Credential) -> ssh.Login:
    """How to log in with a credential. Raises :class:`ssh.ConnectError` or :class:`SecretError`."""
    makers: dict[str, Callable[[], ssh.Login]] = {
        Credential.Method.KEY: lambda: ssh.key_login(
            credential.user, credential.secret("private_key"), credential.secret("passphrase")
        ),
        Credential.Method.PASSWORD: lambda: ssh.password_login(credential.user, credential.secret("password")),
        Credential.Method.AGENT: lambda: ssh.agent_login(credential.user),
    }
    return makers[credential.method]()


def with_keys(servers: Iterable[int]) -> list[Server]:
    """Servers by id with what :class:`Targets` wants, in few queries."""
    wanted = Server.objects.filter(pk__in=list(servers))
    # Most share a credential: fetched along with each, it would be parsed for each.
    return list(wanted.prefetch_related("credential", "host_keys"))


def check_server(server: Server, connect_timeout: float = 10.0) -> str:
    """Connect, verify the host key and log in; a sentence that says how it went.

    Raises :class:`ssh.ConnectError`. A changed host key is remembered and blocks the server.
    """
    prepared = Targets(connect_timeout).prepare(with_keys([server.pk]))[server.pk]
    if prepared.target is None:
        raise ssh.ConnectError(prepared.trouble)
    began = time.monotonic()
    with ssh.Connection(prepared.target) as connection:
        try:
            connection.open()
        except ssh.HostKeyMismatch as error:
            remember_mismatch(server.pk, error)
            raise
        took = time.monotonic() - began
        return f"Logged in as {prepared.target.login.user} in {took:.1f} s; {connection.server_version}."


def remember_mismatch(server_id: int, error: ssh.HostKeyMismatch) -> None:
    """Store a key that a server showed instead of its trusted one: it blocks the server until somebody decides."""
    try:
        server = Server.objects.filter(pk=server_id).first()
        if server is not None:
            server.record_offered_key(error.key_type, error.key_base64, error.fingerprint)
    except DatabaseError as refusal:
        # The key stays refused, and is offered again at the next attempt.
        log.warning("The key that a server showed instead of its trusted one could not be stored: %s", refusal)
