"""The host keys that a host shows to anybody who asks: for review, before one is trusted."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import paramiko

from consoles.ssh.connection import brief, connect_socket
from consoles.ssh.events import ConnectError
from consoles.ssh.target import Deadlines, Target, fingerprint, password_login


@dataclass(frozen=True, slots=True)
class OfferedKey:
    """A host key as a host showed it, before anybody trusts it."""

    key_type: str
    key_base64: str
    fingerprint: str


def offered_keys(host: str, port: int, timeout: float = 10.0) -> list[OfferedKey]:
    """The host keys a host shows, one per kind it has, without logging in or trusting any.

    Asks once per kind of key, one connection after another. Raises :class:`ConnectError` when it shows none.
    """
    found: dict[str, OfferedKey] = {}
    trouble: ConnectError | None = None
    for algorithms in (
        ("ssh-ed25519",),
        ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
        ("rsa-sha2-512", "rsa-sha2-256"),
    ):
        try:
            offered = _offered_key(host, port, timeout, algorithms)
        except ConnectError as error:
            trouble = error
            if not found and algorithms[0] == "ssh-ed25519" and not isinstance(error, _NoSuchKey):
                raise
            continue
        found[offered.key_type] = offered
    if not found and trouble:
        raise trouble
    return list(found.values())


class _NoSuchKey(ConnectError):
    """The host has no key of the kind that was asked for."""


def _offered_key(host: str, port: int, timeout: float, algorithms: tuple[str, ...]) -> OfferedKey:
    sock = connect_socket(_anonymous(host, port, timeout), timeout)
    transport = paramiko.Transport(sock)
    transport.daemon = True
    transport.banner_timeout = transport.handshake_timeout = timeout
    try:
        transport.get_security_options().key_types = algorithms
        transport.start_client(timeout=timeout)
        if not transport.initial_kex_done:
            raise ConnectError(f"{host} port {port} stayed silent for {timeout:g} s: check what listens there.")
        key = transport.get_remote_server_key()
    except paramiko.ssh_exception.IncompatiblePeer:
        raise _NoSuchKey(f"{host} port {port} offers no {algorithms[0]} key.") from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise ConnectError(f"{host} port {port} does not answer as an SSH server: {brief(error)}.") from None
    finally:
        transport.close()
    return OfferedKey(key.get_name(), base64.b64encode(key.asbytes()).decode(), fingerprint(key.asbytes()))


def _anonymous(host: str, port: int, timeout: float) -> Target:
    return Target(host, host, port, password_login("nobody", ""), (), deadlines=Deadlines(connect=timeout))
