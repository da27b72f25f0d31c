"""paramiko's transport, at less cost for each connection: hundreds are opened at once, and threads share one lock.

As it comes, paramiko reads each packet in two pieces, asks the kernel before each whether there is anything, starts a
thread to time the key exchange, and looks up ten times a second wherever it waits. All that together is a third of the
processor time of a login. What is used here is what paramiko documents for it: any object that behaves like a socket,
a packetizer class of one's own, and events to wait on.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from typing import Any, Final

import paramiko
from paramiko.packet import Packetizer

from consoles.ssh.ordered_output import StreamView

#: Seconds after which a thread that waits for the host looks up, whether its connection was closed.
LOOK_UP_EVERY: Final = 1
#: Bytes asked for at a time: enough for all a login says at once, and while a host sends a lot, for several packets.
_FEW: Final = 4 * 1024
_MANY: Final = 64 * 1024


class BufferedSocket:
    """A connected socket as paramiko uses one, which takes all that has come at once and hands it out in pieces.

    One thread reads; any may send and close.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._left = memoryview(b"")
        self._ask_for = _FEW
        # The kernel keeps the time. With a timeout of its own, Python asks it before each call whether it may go on.
        sock.settimeout(None)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", LOOK_UP_EVERY, 0))

    def recv(self, most: int) -> memoryview:
        """At most ``most`` bytes, none at the end. Raises :class:`TimeoutError` when it is time to look up."""
        if not self._left:
            self._left = memoryview(self._receive(max(most, self._ask_for)))
        taken, self._left = self._left[:most], self._left[most:]
        return taken

    def _receive(self, most: int) -> bytes:
        try:
            data = self._sock.recv(most)
        except BlockingIOError:
            raise TimeoutError from None
        self._ask_for = _MANY if len(data) == most else _FEW
        return data

    def send(self, data: bytes) -> int:
        """Send some of it; how many bytes."""
        try:
            return self._sock.send(data)
        except BlockingIOError:
            raise TimeoutError from None

    def settimeout(self, seconds: float | None) -> None:
        """Nothing: paramiko asks for a tenth of a second here, so as to look up. :meth:`close` ends its wait."""

    def close(self) -> None:
        """Close it; a thread that reads from it returns at once."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    @property
    def _closed(self) -> bool:
        return bool(self._sock._closed)  # type: ignore[attr-defined]  # paramiko asks for it when it closes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Packetizer(Packetizer):
    """paramiko's packetizer, without the thread that only waits for a handshake's time to be over."""

    _handshake_until: float | None = None

    def start_handshake(self, timeout: float) -> None:
        self._handshake_until = time.monotonic() + timeout

    def handshake_timed_out(self) -> bool:
        return self._handshake_until is not None and time.monotonic() >= self._handshake_until

    def complete_handshake(self) -> None:
        self._handshake_until = None


class Transport(paramiko.Transport):
    """paramiko's transport, which tells a program's reader of its end and remembers the signal (RFC 4254, 6.10)."""

    def __init__(self, sock: socket.socket) -> None:
        like_a_socket: Any = BufferedSocket(sock)
        super().__init__(like_a_socket, packetizer_class=_Packetizer)
        self.daemon = True

    def shake_hands(self, timeout: float) -> None:
        """Exchange keys; ``initial_kex_done`` says whether that took less than ``timeout`` seconds.

        Raises what paramiko's ``start_client`` raises.
        """
        done = threading.Event()
        self.start_client(event=done)
        done.wait(timeout)
        if not self.is_active():
            raise self.get_exception() or paramiko.SSHException("Negotiation failed.")

    def auth_publickey(self, username: str, key: paramiko.PKey, event: threading.Event | None = None) -> list[str]:
        """Log in with a key; the methods that the host wants besides. Raises what paramiko's raises."""
        answered = event or threading.Event()
        super().auth_publickey(username, key, answered)
        if event is not None:
            return []
        if not answered.wait(self.auth_timeout):
            raise paramiko.AuthenticationException("Authentication timeout.")
        assert self.auth_handler is not None
        return list(self.auth_handler.wait_for_response(answered))

    def close(self) -> None:
        """Close it; whoever waits for the host returns at once."""
        super().close()
        if self.completion_event is not None:
            self.completion_event.set()
        if self.auth_handler is not None:
            self.auth_handler.abort()

    def _channel_request(self: Any, message: Any) -> None:
        start = message.packet.tell()
        if message.get_text() == "exit-signal":
            message.get_boolean()
            self.exit_signal = message.get_text()
            self.status_event.set()
        else:
            message.packet.seek(start)
            self._handle_request(message)
        if isinstance(self.in_buffer, StreamView):
            self.in_buffer.note_end()

    _channel_handler_table = {  # noqa: RUF012 - paramiko's own shape
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]  # private to paramiko
        paramiko.common.MSG_CHANNEL_REQUEST: _channel_request,
    }
