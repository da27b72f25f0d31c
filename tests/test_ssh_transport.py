"""What paramiko reads from and waits with here: nothing is lost in pieces, and whoever waits can be let go at once."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import paramiko
import pytest

from consoles import ssh
from consoles.ssh import ConnectError, Connection
from consoles.ssh.transport import BufferedSocket, Transport, _Packetizer
from demo.fleet import Fleet
from tests.support.bad_hosts import ScriptedHost


@pytest.fixture
def pair() -> Iterator[tuple[BufferedSocket, socket.socket]]:
    """Our end and the host's."""
    ours, theirs = socket.socketpair()
    yield BufferedSocket(ours), theirs
    ours.close()
    theirs.close()


def test_what_came_at_once_is_handed_out_in_the_pieces_asked_for(pair: tuple[BufferedSocket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(b"length and rest, next")
    theirs.close()
    assert [bytes(ours.recv(most)) for most in (6, 9, 100, 100)] == [b"length", b" and rest", b", next", b""]


def test_all_of_a_large_stream_arrives_in_order(pair: tuple[BufferedSocket, socket.socket]) -> None:
    ours, theirs = pair
    sent = bytes(range(256)) * 4096

    def send() -> None:
        theirs.sendall(sent)
        theirs.close()

    threading.Thread(target=send, daemon=True).start()
    received, most = b"", 1
    while data := ours.recv(most):
        assert len(data) <= most
        received += data
        most = most % 70_000 + 997
    assert received == sent


def test_silence_is_a_time_to_look_up_and_no_end(pair: tuple[BufferedSocket, socket.socket]) -> None:
    ours, theirs = pair
    ours.settimeout(30)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 1000))
    with pytest.raises(TimeoutError):
        ours.recv(1)
    theirs.sendall(b"x")
    assert bytes(ours.recv(1)) == b"x"


def test_host_that_takes_nothing_holds_up_a_sender_only_until_it_is_time_to_look_up(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    ours, _ = pair
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 1000))
    with pytest.raises(TimeoutError):
        while True:
            ours.send(b"x" * 65536)


def test_close_ends_a_read_at_once(pair: tuple[BufferedSocket, socket.socket]) -> None:
    ours, theirs = pair
    # Not by looking up: that would take an hour.
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 3600, 0))
    found: list[bytes] = []
    reads = threading.Event()

    def read() -> None:
        theirs.sendall(b"x")
        found.append(bytes(ours.recv(1)))
        reads.set()
        # It may be closed before it is asked again, which paramiko takes for the same.
        with contextlib.suppress(OSError):
            found.append(bytes(ours.recv(1)))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert reads.wait(10)
    ours.close()
    reader.join(10)
    assert not reader.is_alive()
    assert found in ([b"x", b""], [b"x"])


def test_handshake_has_its_time_without_a_thread(pair: tuple[BufferedSocket, socket.socket]) -> None:
    like_a_socket: Any = pair[0]
    packetizer, before = _Packetizer(like_a_socket), threading.active_count()
    packetizer.start_handshake(60)
    assert not packetizer.handshake_timed_out()
    packetizer.start_handshake(0)
    assert packetizer.handshake_timed_out()
    packetizer.complete_handshake()
    assert not packetizer.handshake_timed_out()
    assert threading.active_count() == before


@pytest.fixture
def unanswering(scripted: Callable[..., ScriptedHost], monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedHost]:
    """A host that never says whether it takes a key; ``probed`` is set once it was asked."""

    def stall(host: ScriptedHost, user: str, key: paramiko.PKey) -> int:
        host.probed.set()
        host.done.wait(10)
        return int(paramiko.common.AUTH_FAILED)

    monkeypatch.setattr(ScriptedHost, "check_auth_publickey", stall, raising=False)
    host = scripted(lambda *_: None)
    yield host
    host.done.set()


def by_key(host: ScriptedHost, deadline: float) -> ssh.Target:
    key = paramiko.ECDSAKey.generate()

    def prove(transport: paramiko.Transport) -> None:
        transport.auth_publickey("u", key)

    login = dataclasses.replace(host.target.login, prove=prove)
    return dataclasses.replace(host.target, login=login, deadlines=ssh.Deadlines(connect=10, login=deadline))


def test_close_ends_the_wait_for_a_login_at_once(unanswering: ScriptedHost) -> None:
    connection, errors = Connection(by_key(unanswering, 3600)), list[str]()

    def log_in() -> None:
        with pytest.raises(ConnectError) as caught:
            connection.open()
        errors.append(str(caught.value))

    waiting = threading.Thread(target=log_in, daemon=True)
    waiting.start()
    assert unanswering.probed.wait(10)
    connection.close()
    waiting.join(10)
    assert errors == ["bad ended the connection during the login of u: see its SSH server's log."]


def test_login_that_is_not_answered_ends_by_its_deadline(unanswering: ScriptedHost) -> None:
    with pytest.raises(ConnectError, match=r"^bad did not answer the login within 0\.05 s\.$"):
        Connection(by_key(unanswering, 0.05)).open()


def test_keys_are_exchanged_the_quick_way_and_hybrid_where_both_can(fleet: Fleet) -> None:
    host = fleet.hosts[0]
    login = ssh.key_login(fleet.user, fleet.private_key.read_text())
    target = ssh.Target(host.name, host.address, host.port, login, (ssh.HostKeyPin(host.key_type, host.key),))
    with Connection(target) as connection:
        connection.open()
        offered = connection.transport.get_security_options().kex
        assert isinstance(connection.transport, Transport)
    hybrid = [name for name in offered if "mlkem" in name]
    assert offered[: len(hybrid) + 2] == (*hybrid, "ecdh-sha2-nistp256", "curve25519-sha256@libssh.org")
    assert len(set(offered)) == len(offered)
