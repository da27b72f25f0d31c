"""Hosts that misbehave in ways OpenSSH will not: bare TCP listeners, and an SSH server that follows a script."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import paramiko
import pytest

from consoles.ssh import Deadlines, HostKeyPin, Target, password_login
from consoles.ssh.remote_sh import MARK

HOST_KEY = paramiko.ECDSAKey.generate()
Script = Callable[["ScriptedHost", paramiko.Channel, bytes], None]
Behaviour = Callable[[socket.socket], None]


class Listener:
    """A TCP port that does ``behave(connection)`` with every connection, and closes them all at the end."""

    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self._connections: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.connected = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="bad-host", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._connections:
            connection.close()
        self._thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._connections.append(connection)
                self.connected.set()
                self._behave(connection)


class ScriptedHost(paramiko.ServerInterface):
    """An SSH server that takes any password and then does what ``script(host, channel, command)`` says."""

    def __init__(self, script: Script, **channel_options: Any) -> None:
        self._script = script
        self._channel_options = channel_options
        self._transports: list[paramiko.Transport] = []
        self.probed = threading.Event()
        self.done = threading.Event()
        self._listener = Listener(self._serve)

    @property
    def target(self) -> Target:
        """How to reach it, with short deadlines."""
        pins = (HostKeyPin(HOST_KEY.get_name(), HOST_KEY.get_base64()),)
        deadlines = Deadlines(connect=10, login=10, channel=1, dead_peer=2)
        return Target("bad", "127.0.0.1", self._listener.port, password_login("u", "p"), pins, True, deadlines)

    @property
    def transport(self) -> paramiko.Transport:
        """The latest connection."""
        return self._transports[-1]

    def send_raw(self, message: paramiko.Message) -> None:
        """Send a message that paramiko's server has no words for."""
        self.transport._send_message(message)  # type: ignore[attr-defined]  # private, and the only way

    def hang_up(self) -> None:
        """End the connection after what was sent; to close it at once could discard that on its way."""
        self.transport.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for transport in self._transports:
            transport.close()
        self._listener.close()

    def _serve(self, connection: socket.socket) -> None:
        transport = paramiko.Transport(connection, **self._channel_options)
        transport.add_server_key(HOST_KEY)
        self._transports.append(transport)
        transport.start_server(event=threading.Event(), server=self)

    # What paramiko asks

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.common.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._play, args=(channel, command), name="bad-host-script", daemon=True).start()
        return True

    def check_global_request(self, kind: str, msg: Any) -> bool:
        self.probed.set()
        return False

    def _play(self, channel: paramiko.Channel, command: bytes) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            channel.recv(1)  # The program comes after our answer to the request, so that has reached the client.
            self._script(self, channel, command)
        self.done.set()


def announcement(command: bytes, process: str = "4242") -> bytes:
    """What our bootstrap prints before it runs the program."""
    found = re.search(rb"opsc-[0-9a-f]{16}", command)
    assert found is not None
    return MARK + found[0] + b" " + process.encode() + b"\n"


@pytest.fixture
def listen() -> Iterator[Callable[[Behaviour], Listener]]:
    """Start listeners: ``listen(lambda connection: connection.sendall(b"…"))``."""
    started: list[Listener] = []

    def make(behave: Behaviour) -> Listener:
        started.append(Listener(behave))
        return started[-1]

    yield make
    for listener in started:
        listener.close()


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedHost]]:
    """Start scripted hosts: ``scripted(script)``."""
    started: list[ScriptedHost] = []

    def make(script: Script, **channel_options: Any) -> ScriptedHost:
        started.append(ScriptedHost(script, **channel_options))
        return started[-1]

    yield make
    for host in started:
        host.close()
