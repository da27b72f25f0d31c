"""Where to connect, as whom, and what the host must prove."""

from __future__ import annotations

import base64
import hashlib
import io
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import paramiko

from consoles.ssh.events import ConnectError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class HostKeyPin:
    """A trusted host key: its type, such as ``ssh-ed25519``, and the key in base64."""

    key_type: str
    key_base64: str


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds each step may take. ``connect`` covers TCP, the SSH banner and the key exchange."""

    connect: float = 10.0
    login: float = 30.0
    channel: float = 20.0
    dead_peer: float = 45.0


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """How to log in. ``prove`` performs it on a transport; secrets stay inside it, out of every ``repr``.

    ``identity`` is the same for logins with the same user and secret, within this process.
    """

    user: str
    method: str
    prove: Callable[[paramiko.Transport], None]
    identity: bytes = b""

    def __repr__(self) -> str:
        return f"Login(user={self.user!r}, method={self.method!r})"


@dataclass(frozen=True, slots=True)
class Target:
    """One host to run a program on. ``posix`` is False for appliances without a POSIX shell."""

    name: str
    host: str
    port: int
    login: Login
    pins: tuple[HostKeyPin, ...]
    posix: bool = True
    deadlines: Deadlines = field(default_factory=Deadlines)

    @property
    def identity(self) -> tuple[object, ...]:
        """What a connection to it depends on: another secret, or another trusted key, is another connection."""
        return self.host, self.port, self.login.user, self.login.method, self.login.identity, self.pins


# Secrets are compared by a hash that says nothing outside this process.
_SALT = secrets.token_bytes(16)


def _identity(secret: bytes) -> bytes:
    return hashlib.blake2b(secret, key=_SALT).digest()


def fingerprint(key: bytes) -> str:
    """``SHA256:…`` of a public key's wire form, as OpenSSH prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def key_login(user: str, private_key: str, passphrase: str = "") -> Login:
    """Log in with a private key in OpenSSH or PEM form.

    The key is parsed once, here. Raises :class:`ConnectError` for a wrong passphrase or an unusable key.
    """
    key = _load_key(private_key, passphrase)

    def prove(transport: paramiko.Transport) -> None:
        transport.auth_publickey(user, key)

    return Login(user, "private key", prove, _identity(private_key.encode() + b"\0" + passphrase.encode()))


def password_login(user: str, password: str) -> Login:
    """Log in with a password, also where the host asks for it interactively."""

    def prove(transport: paramiko.Transport) -> None:
        transport.auth_password(user, password)

    return Login(user, "password", prove, _identity(password.encode()))


def agent_login(user: str) -> Login:
    """Log in with the keys of the SSH agent that the console's process can reach."""

    def prove(transport: paramiko.Transport) -> None:
        keys = paramiko.Agent().get_keys()
        if not keys:
            raise ConnectError("The console's SSH agent has no keys: start one with keys, or use a private key.")
        for key in keys:
            try:
                transport.auth_publickey(user, key)
                return
            except paramiko.AuthenticationException:
                continue
        raise paramiko.AuthenticationException("no key of the agent was accepted")

    return Login(user, "SSH agent", prove, _identity(_agent_keys()))


def _agent_keys() -> bytes:
    """The public keys that the agent holds now: with others, a login might be refused."""
    agent = None
    try:
        agent = paramiko.Agent()
        return b"".join(sorted(key.asbytes() for key in agent.get_keys()))
    except (paramiko.SSHException, OSError):
        # Logging in will say what is wrong; until then nothing that is open may be used.
        return secrets.token_bytes(16)
    finally:
        if agent is not None:
            agent.close()


def _load_key(text: str, passphrase: str) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text.strip() + "\n"), password=passphrase or None)
        except paramiko.PasswordRequiredException:
            raise ConnectError("The private key needs a passphrase: enter it in the credential.") from None
        except Exception:  # noqa: S112 - a damaged key makes the parsers raise anything; we say what to do below
            continue
    if passphrase:
        raise ConnectError("The private key does not open: its passphrase is wrong or the key is damaged.")
    raise ConnectError("The private key cannot be read: use an ed25519, ECDSA or RSA key in OpenSSH or PEM form.")
