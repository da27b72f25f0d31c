"""One SSH connection: reach the host, check its key, log in. Every step has a deadline."""

from __future__ import annotations

import base64
import contextlib
import random
import socket
import threading
import time
from typing import TYPE_CHECKING

import paramiko

from consoles.ssh import watchdog
from consoles.ssh.events import ConnectError, HostKeyMismatch, SessionRefused
from consoles.ssh.target import Target, fingerprint
from consoles.ssh.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

#: OpenSSH's MaxStartups starts refusing at 10; more than this many at once gain nothing on one host.
HANDSHAKES_PER_HOST = 5
#: Bytes a host may send ahead of the reader. Large enough for a fast stream, small enough for 200 of them.
WINDOW_SIZE = 2 * 1024 * 1024
PACKET_SIZE = 64 * 1024

#: Seconds for a kept connection to open a channel: it may have died unnoticed, and a new one is a second away.
REUSE_PATIENCE = 5.0

# What a pinned key may sign with: an RSA key signs with SHA-2 only (RFC 8332).
_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}

_handshakes: dict[tuple[str, int], threading.BoundedSemaphore] = {}
_handshakes_lock = threading.Lock()


class Connection:
    """A connection to one target. ``open`` may be ended from another thread by ``close``."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._transport: Transport | None = None
        self._socket: socket.socket | None = None
        self._closed = False
        self._reused = False
        self._probing = threading.Lock()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def open(self) -> None:
        """Connect, check the host key and log in. Raises :class:`ConnectError`; nothing was started then."""
        deadlines = self.target.deadlines
        try:
            with watchdog.guard(2 * deadlines.connect + deadlines.login + 5, self.close):
                self._greet()
                self._check_host_key()
                self._log_in()
        except BaseException:
            self.close()
            raise

    @property
    def transport(self) -> Transport:
        """The open transport. Raises :class:`ConnectError` when the connection is closed."""
        if self._transport is None or not self._transport.is_active():
            raise ConnectError(f"The connection to {self.target.name} is closed.")
        return self._transport

    @property
    def is_active(self) -> bool:
        return self._transport is not None and self._transport.is_active()

    @property
    def channel_deadline(self) -> float:
        """Seconds to wait for a channel, and for a request on it to be accepted."""
        deadline = self.target.deadlines.channel
        return min(deadline, REUSE_PATIENCE) if self._reused else deadline

    def reuse_for(self, target: Target) -> None:
        """Serve another run: the same host and login, perhaps under another name or with other deadlines."""
        self.target, self._reused = target, True

    def proved_alive(self) -> None:
        """A program was started on it: from here on it is given as much time as any other connection."""
        self._reused = False

    @property
    def server_version(self) -> str:
        """The host's SSH software, such as ``OpenSSH_9.2p1``."""
        version = self._transport.remote_version if self._transport else ""
        return version.split("-", 2)[-1]

    def close(self) -> None:
        """Close at once; safe from any thread and more than once."""
        self._closed = True
        # Taken once: the thread that opens the connection drops a transport that failed.
        transport, sock = self._transport, self._socket
        if sock is not None:
            # First: paramiko's thread looks up from its socket only ten times a second, and closing waits for it.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        if transport is not None:
            transport.close()
        if sock is not None:
            sock.close()

    def open_channel(self) -> paramiko.Channel:
        """A new session channel. Raises :class:`ConnectError` when the host refuses or does not answer in time."""
        try:
            return self.transport.open_session(
                window_size=WINDOW_SIZE, max_packet_size=PACKET_SIZE, timeout=self.channel_deadline
            )
        except paramiko.ChannelException as error:
            raise SessionRefused(
                f"{self.target.name} refused a session ({error.text}): its MaxSessions may be too low."
            ) from None
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise ConnectError(f"{self.target.name} opened no session: {brief(error)}.") from None

    def probe(self) -> bool:
        """Ask the host for a sign of life and say whether it came; where none comes in time, the connection is closed.

        paramiko's own keepalive asks without looking at the answer, so it never notices a dead host. One probe at a
        time: while another thread's waits for its answer, this one returns at once.
        """
        if not self._probing.acquire(blocking=False):
            return False
        try:
            with watchdog.guard(self.target.deadlines.dead_peer, self.close):
                with contextlib.suppress(ConnectError, paramiko.SSHException, EOFError, OSError):
                    self.transport.global_request("keepalive@openssh.com", wait=True)
            return self.is_active
        finally:
            self._probing.release()

    def _greet(self) -> None:
        """TCP, banner and key exchange; tried again with jitter while time is left, as nothing has been tried on it."""
        deadline = time.monotonic() + self.target.deadlines.connect
        for attempt in range(4):
            try:
                with _handshake_slot(self.target, deadline):
                    return self._greet_once(deadline)
            except _Refused as error:
                pause = random.uniform(0.1, 0.5) * 2**attempt  # noqa: S311 - spreads load, guards nothing
                if attempt == 3 or self._closed or time.monotonic() + pause > deadline:
                    raise ConnectError(error.sentence(self.target)) from None
                threading.Event().wait(pause)

    def _greet_once(self, deadline: float) -> None:
        left = max(deadline - time.monotonic(), 0.1)
        self._socket = connect_socket(self.target, left)
        if self._closed:
            raise ConnectError("The connection was closed while it was being opened.")
        self._transport = transport = Transport(self._socket)
        left = max(deadline - time.monotonic(), 0.1)
        # A little longer than we wait ourselves: what ends first decides which sentence the operator gets.
        transport.banner_timeout = transport.handshake_timeout = left + 5
        transport.auth_timeout = self.target.deadlines.login
        if self.target.pins:
            transport.get_security_options().key_types = _algorithms(self.target)
        _prefer_fast_algorithms(transport)
        try:
            transport.shake_hands(left)
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._drop_transport()
            raise _greeting_error(self.target, error) from None
        if not transport.initial_kex_done:
            self._drop_transport()
            raise ConnectError(
                f"{self.target.name} accepted the connection and then stayed silent for "
                f"{self.target.deadlines.connect:g} s: check what listens on port {self.target.port}."
            )

    def _drop_transport(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def _check_host_key(self) -> None:
        key = self.transport.get_remote_server_key()
        shown = base64.b64encode(key.asbytes()).decode()
        name = self.target.name
        if not self.target.pins:
            raise HostKeyMismatch(
                f"{name} has no trusted host key: fetch its host keys, compare the fingerprint and trust it.",
                key.get_name(),
                shown,
                fingerprint(key.asbytes()),
            )
        if all(pin.key_base64 != shown for pin in self.target.pins):
            raise HostKeyMismatch(
                f"The host key of {name} has changed to {fingerprint(key.asbytes())}: nothing was sent; "
                "find out why, then trust or revoke the new key.",
                key.get_name(),
                shown,
                fingerprint(key.asbytes()),
            )

    def _log_in(self) -> None:
        login, name = self.target.login, self.target.name
        try:
            login.prove(self.transport)
        except paramiko.BadAuthenticationType as error:
            if login.method == "password" and "keyboard-interactive" in error.allowed_types:
                # It was given there, too: only as the answer to a single question, which is what passwords are.
                raise ConnectError(
                    f"{name} refused the password of {login.user}, or asked for more than that (such as a new one): "
                    "check the credential, or log in by hand and see."
                ) from None
            allowed = ", ".join(error.allowed_types) or "nothing"
            raise ConnectError(
                f"{name} does not accept a {login.method} for {login.user}: it accepts {allowed}."
            ) from None
        except paramiko.AuthenticationException as error:
            raise ConnectError(_refused_login(self.target, error)) from None
        except (paramiko.SSHException, EOFError, OSError) as error:
            if "info request" in str(error):
                # RFC 4252, 8: the host wants a new password before it lets anybody in.
                raise ConnectError(f"The password of {login.user} on {name} has expired: change it there.") from None
            raise ConnectError(f"{name} ended the connection during login: {brief(error)}.") from None
        if not self.transport.is_authenticated():
            raise ConnectError(f"{name} wants more than a {login.method} from {login.user}, which is not supported.")


class _Refused(Exception):
    """The host closed the connection before identifying itself, which is what MaxStartups looks like."""

    def sentence(self, target: Target) -> str:
        return (
            f"{target.name} closed the connection before it identified itself: it may be overloaded or refuse "
            "connections (MaxStartups, a firewall); try again or lower the fan-out."
        )


def connect_socket(target: Target, timeout: float) -> socket.socket:
    """A TCP connection to the target within ``timeout`` seconds. Raises :class:`ConnectError`."""
    where = f"{target.host} port {target.port}"
    try:
        connected = _connect_to_any(target, time.monotonic() + timeout)
    except (socket.gaierror, UnicodeError):
        raise ConnectError(f"The host name {target.host} is not known: correct the server's host.") from None
    except TimeoutError:
        raise ConnectError(f"{where} did not answer within {target.deadlines.connect:g} s.") from None
    except ConnectionRefusedError:
        raise ConnectError(f"{where} refused the connection: no SSH server listens there.") from None
    except OSError as error:
        raise ConnectError(f"{where} cannot be reached: {error.strerror or error}.") from None
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(target.deadlines.dead_peer * 1000))
    return connected


def _connect_to_any(target: Target, deadline: float) -> socket.socket:
    """Try the host's addresses in turn; each gets its share of the time that is left until ``deadline``."""
    trouble: OSError = TimeoutError()
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    for number, (family, kind, protocol, _, address) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(max((deadline - time.monotonic()) / (len(found) - number), 0.1))
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            trouble = error
        else:
            return sock
    raise trouble


@contextlib.contextmanager
def _handshake_slot(target: Target, deadline: float) -> Iterator[None]:
    with _handshakes_lock:
        slots = _handshakes.setdefault((target.host, target.port), threading.BoundedSemaphore(HANDSHAKES_PER_HOST))
    if not slots.acquire(timeout=max(deadline - time.monotonic(), 0.1)):
        raise ConnectError(f"Too many connections to {target.host} are being opened at once: try again.")
    try:
        yield
    finally:
        slots.release()


def _algorithms(target: Target) -> tuple[str, ...]:
    """Ask only for the kinds of key that are pinned, or the host shows one we cannot compare."""
    types = dict.fromkeys(pin.key_type for pin in target.pins)
    return tuple(algorithm for kind in types for algorithm in _ALGORITHMS.get(kind, (kind,)))


def _prefer_fast_algorithms(transport: Transport) -> None:
    """AES-GCM first: one pass over the data instead of a cipher and a separate MAC, both secure.

    The exchange of keys withstands quantum computers where the host can do that too. Else it is as strong on nistp256
    as on curve25519, and costs an OpenSSH host a millisecond and a half less: OpenSSL computes the former in machine
    code of its own, while OpenSSH brings a slow curve25519.
    """
    options = transport.get_security_options()
    hybrid = tuple(name for name in options.kex if name.startswith("mlkem"))
    options.kex = tuple(dict.fromkeys((*hybrid, "ecdh-sha2-nistp256", *options.kex)))
    fast = tuple(name for name in options.ciphers if "gcm" in name)
    modern = tuple(name for name in options.ciphers if name.endswith("-ctr"))
    options.ciphers = fast + modern
    options.digests = tuple(name for name in options.digests if "sha2" in name)


def _greeting_error(target: Target, error: Exception) -> Exception:
    text = str(error)
    if "banner" in text or isinstance(error, EOFError | ConnectionError):
        if "timed out" in text.lower() or "timeout" in text.lower():
            return ConnectError(
                f"{target.name} accepted the connection and then stayed silent for "
                f"{target.deadlines.connect:g} s: check what listens on port {target.port}."
            )
        return _Refused()
    if "no acceptable host key" in text.lower() or "host key" in text.lower():
        kinds = ", ".join(dict.fromkeys(pin.key_type for pin in target.pins))
        return ConnectError(
            f"{target.name} no longer offers a host key of the trusted kind ({kinds}): fetch its host keys and review."
        )
    return ConnectError(f"{target.name} and the console found no common way to talk: {brief(error)}.")


def _refused_login(target: Target, error: Exception) -> str:
    login = target.login
    if "timeout" in str(error).lower():
        return f"{target.name} did not answer the login within {target.deadlines.login:g} s."
    if "shut down or saw EOF" in str(error):
        return f"{target.name} ended the connection during the login of {login.user}: see its SSH server's log."
    return f"{target.name} refused the {login.method} of {login.user}: check the credential."


def brief(error: BaseException) -> str:
    """An error in a few words for the middle of a sentence."""
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return text[:200]
