"""Hosts that cannot be reached or do not let us in: each a status and one sentence, and it costs only itself."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consoles import actions, execution, runner
from consoles.models import HostRun, Run
from consoles.targets import Targets
from demo.fleet import Fleet
from demo.loopback import some_free_port
from servers.models import Credential, HostKey, Server
from tests.support.bad_hosts import Behaviour, Listener
from tests.support.engine import Engine
from tests.support.hosts import MakeFleet, add_to_inventory, fleet_credential

Listen = Callable[[Behaviour], Listener]


def change(server: Server, **fields: Any) -> None:
    Server.objects.filter(pk=server.pk).update(**fields)


def listener_at(server: Server, listener: Listener) -> None:
    change(server, host="127.0.0.1", port=listener.port)


def new_private_key(passphrase: str = "") -> str:
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, encryption).decode()


def credential(name: str, user: str, **secrets: str) -> Credential:
    made = Credential(name=name, user=user)
    for field, value in secrets.items():
        made.set_secret(field, value)
    made.save()
    return made


def talk_http(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    connection.shutdown(socket.SHUT_RDWR)


def test_each_bad_host_gets_its_sentence_and_the_good_one_its_run(engine: Engine, listen: Listen) -> None:
    names = [
        "unknown", "impossible", "refused", "wrong-key", "wrong-passphrase", "no-passphrase", "damaged-key",
        "untrusted", "revoked", "silent", "stalls", "http", "nobody", "good",
    ]  # fmt: skip
    servers = dict(zip(names, engine.servers(len(names)), strict=True))
    user = engine.fleet.user
    change(servers["unknown"], host="no-such-host.invalid")
    change(servers["impossible"], host="a" * 64 + ".example")
    change(servers["refused"], host="127.0.0.1", port=some_free_port())
    change(servers["wrong-key"], credential=credential("other", user, private_key=new_private_key()))
    locked = new_private_key("right")
    change(servers["wrong-passphrase"], credential=credential("w", user, private_key=locked, passphrase="wrong"))
    change(servers["no-passphrase"], credential=credential("n", user, private_key=locked))
    damaged = new_private_key()
    damaged = damaged[:120] + "AAAA" + damaged[124:]
    change(servers["damaged-key"], credential=credential("d", user, private_key=damaged))
    servers["untrusted"].host_keys.all().delete()
    servers["revoked"].host_keys.update(state=HostKey.State.REVOKED)
    listener_at(servers["silent"], listen(lambda connection: None))
    listener_at(servers["stalls"], listen(lambda connection: connection.sendall(b"SSH-2.0-Stalls_1.0\r\n")))
    listener_at(servers["http"], listen(talk_http))
    key = engine.fleet.private_key.read_text()
    change(servers["nobody"], credential=credential("nobody", "no-such-user", private_key=key))
    rows = dict(zip(names, engine.run(servers.values(), "echo hi", connect_timeout=2), strict=True))
    assert rows["good"].status == "succeeded" and engine.output(rows["good"]) == b"hi\n"
    ports = {name: server.port for name, server in zip(names, Server.objects.order_by("pk"), strict=True)}
    expected = {
        "unknown": "The host name no-such-host.invalid is not known: correct the server's host.",
        "impossible": f"The host name {'a' * 64}.example is not known: correct the server's host.",
        "refused": f"127.0.0.1 port {ports['refused']} refused the connection: no SSH server listens there.",
        "wrong-key": f"h3 refused the private key of {user}: check the credential.",
        "wrong-passphrase": (
            "Credential w: The private key does not open: its passphrase is wrong or the key is damaged."
        ),
        "no-passphrase": "Credential n: The private key needs a passphrase: enter it in the credential.",
        "damaged-key": (
            "Credential d: The private key cannot be read: use an ed25519, ECDSA or RSA key in OpenSSH or PEM form."
        ),
        "untrusted": "h7 has no trusted host key: fetch its host keys, compare and trust one.",
        "revoked": "h8 has no trusted host key: fetch its host keys, compare and trust one.",
        "silent": (
            f"h9 accepted the connection and then stayed silent for 2 s: check what listens on port {ports['silent']}."
        ),
        "stalls": (
            f"h10 accepted the connection and then stayed silent for 2 s: check what listens on port {ports['stalls']}."
        ),
        "nobody": "h12 refused the private key of no-such-user: check the credential.",
    }
    assert {name: rows[name].reason for name in expected} == expected
    assert rows["http"].reason.startswith("h11 closed the connection before it identified itself")
    assert {name for name, row in rows.items() if row.status != "unreachable"} == {"good"}
    assert all(row.size == 0 and row.exit_status is None for name, row in rows.items() if name != "good")


def test_changed_host_key_stops_the_connection_and_blocks_the_server(engine: Engine, listen: Listen) -> None:
    [server] = engine.servers()
    shown = server.host_keys.get()
    HostKey.objects.filter(pk=shown.pk).update(key="AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43, fingerprint="SHA256:old")
    host_run = engine.run_one("echo never")
    assert host_run.status == "unreachable"
    assert host_run.reason.startswith(f"The host key of h0 has changed to {shown.fingerprint}: nothing was sent; ")
    conflict = server.host_keys.get(state=HostKey.State.PENDING)
    assert (conflict.key, conflict.fingerprint, conflict.conflict) == (shown.key, shown.fingerprint, True)
    address = server.host, server.port
    listener_at(server, asked := listen(lambda connection: None))
    again = engine.run_one("echo never")
    assert again.reason == "The host key of h0 has changed: trust or revoke the new one in the inventory."
    assert not asked.connected.is_set()
    change(server, host=address[0], port=address[1])
    conflict.trust(None)
    assert engine.run_one("echo hi").status == "succeeded"


def test_host_key_of_another_kind_is_refused_with_a_sentence(engine: Engine) -> None:
    [server] = engine.servers()
    server.host_keys.update(key_type="ssh-rsa")
    host_run = engine.run_one("echo never")
    assert host_run.reason == (
        "h0 no longer offers a host key of the trusted kind (ssh-rsa): fetch its host keys and review."
    )


def test_login_that_starts_no_program_says_so_and_keeps_its_words(engine: Engine, make_fleet: MakeFleet) -> None:
    said = "echo WARNING: Your password has expired. >&2; echo Password change required. >&2; exit 1"
    fleets = [
        make_fleet(1, ForceCommand="echo This account is currently not available.; exit 1"),
        make_fleet(1, ForceCommand=said),
        make_fleet(1, MaxSessions="0"),
        make_fleet(1, ForceCommand="exec /no/such/shell"),
    ]
    names = ["nologin", "expired", "no-sessions", "no-shell"]
    servers = [
        add_to_inventory(fleet, 1, names=[name])[0] for fleet, name in zip(fleets, names, strict=True)
    ]  # one credential each
    rows = dict(zip(names, engine.run(servers, "touch /tmp/never-made-by-a-test"), strict=True))
    assert {row.status for row in rows.values()} == {"unreachable"}
    assert rows["nologin"].reason == (
        "nologin ended the session with exit status 1 before the program started: check the login's shell."
    )
    assert engine.output(rows["nologin"]) == b"This account is currently not available.\n"
    assert rows["expired"].reason == (
        "The password of the login on expired has expired: change it there, then run again."
    )
    assert engine.output(rows["expired"]).startswith(b"WARNING: Your password has expired.\n")
    assert rows["no-sessions"].reason.startswith("no-sessions refused a session (")
    assert "MaxSessions" in rows["no-sessions"].reason
    assert re.fullmatch(
        r'no-shell ended the session with exit status 12[67] before the program started, saying ".*": '
        r"check the login's shell\.",
        rows["no-shell"].reason,
    )
    assert not Path("/tmp/never-made-by-a-test").exists()


def test_host_that_takes_no_more_logins_is_asked_again_and_then_given_up(engine: Engine, make_fleet: MakeFleet) -> None:
    crowded = make_fleet(1, MaxStartups="1", LoginGraceTime="0")
    with the_only_login(crowded):
        [host_run] = engine.run(add_to_inventory(crowded, 1), "echo never")
    assert host_run.status == "unreachable"
    assert "(MaxStartups, a firewall); try again or lower the fan-out." in host_run.reason


@contextlib.contextmanager
def the_only_login(crowded: Fleet) -> Iterator[None]:
    """Hold the one place for a login that MaxStartups leaves; who asked before us may still have it for a moment."""
    while True:
        with socket.create_connection((crowded.hosts[0].address, crowded.port), timeout=10) as first:
            if first.recv(4) == b"SSH-":
                yield
                return


def test_many_servers_on_one_crowded_host_all_get_their_turn(engine: Engine, make_fleet: MakeFleet) -> None:
    """OpenSSH's own default is 10:30:100; ours is to open 5 connections to one host at once."""
    crowded = make_fleet(1, MaxStartups="10:30:100")
    credential = fleet_credential(crowded)
    host = crowded.hosts[0]
    for number in range(30):
        server = Server.objects.create(name=f"s{number}", host=host.address, port=host.port, credential=credential)
        server.host_keys.create(
            key_type=host.key_type, key=host.key, fingerprint=host.fingerprint, state=HostKey.State.TRUSTED
        )
    rows = engine.run(Server.objects.order_by("pk"), "echo hi", connect_timeout=30)
    assert [row.reason for row in rows if row.status != "succeeded"] == []


def test_tcp_that_never_answers_ends_by_the_connect_deadline(engine: Engine, full_backlog: int) -> None:
    [server] = engine.servers()
    change(server, host="127.0.0.1", port=full_backlog)
    began = time.monotonic()
    host_run = engine.run_one("echo never", connect_timeout=1)
    assert host_run.reason == f"127.0.0.1 port {full_backlog} did not answer within 1 s."
    # The kernel would go on for two minutes.
    assert time.monotonic() - began < 10


def test_addresses_of_one_name_share_the_connect_deadline(
    engine: Engine, full_backlog: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def many_addresses(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        return real("127.0.0.1", port, *args, **kwargs) * (20 if host == "many.example" else 1)

    monkeypatch.setattr(socket, "getaddrinfo", many_addresses)
    [server] = engine.servers()
    change(server, host="many.example", port=full_backlog)
    began = time.monotonic()
    assert engine.run_one("echo never", connect_timeout=1).reason.endswith("did not answer within 1 s.")
    assert time.monotonic() - began < 10


@pytest.fixture
def full_backlog() -> Iterator[int]:
    """A port whose queue is full: the kernel leaves further connection attempts unanswered."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        port = int(listening.getsockname()[1])
        waiting = []
        for _ in range(8):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
            waiting.append(connection)
        yield port
        for connection in waiting:
            connection.close()


def test_fanout_is_never_exceeded_and_everybody_gets_a_turn(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    active, most, lock = 0, 0, threading.Lock()
    begin, end = runner.Runner.begin, runner.Runner.end

    def counting_begin(self: runner.Runner, task: Any) -> bool:
        nonlocal active, most
        begun = begin(self, task)
        with lock:
            active += 1
            most = max(most, active)
        return begun

    def counting_end(self: runner.Runner, task: Any) -> None:
        nonlocal active
        with lock:
            active -= 1
        end(self, task)

    monkeypatch.setattr(runner.Runner, "begin", counting_begin)
    monkeypatch.setattr(runner.Runner, "end", counting_end)
    servers = _many_servers(engine.fleet, 32)
    rows = engine.run(servers, "echo hi", timeout=90, fanout=8)
    assert {row.status for row in rows} == {"succeeded"}
    assert most == 8
    assert {engine.output(row) for row in rows} == {b"hi\n"}


def test_active_limit_holds_across_runs(engine: Engine, settings: Any, tmp_path: Path) -> None:
    settings.OPSCONSOLE_MAX_ACTIVE = 2
    one, two = engine.servers(2), _many_servers(engine.fleet, 2, "t")
    first, second = engine.start(one, "echo up; sleep 1010"), engine.start(two, "echo up; sleep 1010")
    with_two = HostRun.objects.filter(last_line="up")
    engine.wait_until(first, lambda rows: with_two.count() == 2 or all(row.last_line == "up" for row in rows))
    assert HostRun.objects.exclude(status="queued").count() == 2
    for run in (first, second):
        actions.cancel_run(run, None, "tester")
    for run in (first, second):
        assert {row.status for row in engine.wait_for_end(run)} == {"canceled"}


def test_same_key_twice_is_one_run_on_the_hosts(engine: Engine, tmp_path: Path) -> None:
    engine.servers()
    request = actions.Request(str(uuid.uuid4()), ("h0",), f"echo ran >>{tmp_path}/ran")
    barrier = threading.Barrier(4)
    made: list[int] = []

    def ask() -> None:
        from django.db import connection

        barrier.wait()
        made.append(actions.request_run(request, None, "tester").pk)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1 and len(made) == 4
    engine.wait_for_end(Run.objects.get())
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_fault_while_preparing_ends_every_host_with_a_sentence(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(self: Targets, servers: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Targets, "prepare", fault)
    rows = engine.run(engine.servers(3), "echo never")
    assert {(row.status, row.reason) for row in rows} == {("skipped", execution.FAULT_REASON)}


def test_fault_while_executing_leaves_the_outcome_unknown(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*args: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("consoles.program_watch.ProgramWatch._store", fault)
    rows = engine.run(engine.servers(2), "echo hi")
    assert {row.status for row in rows} == {"lost"}
    assert rows[0].reason == "A fault in the console ended this: see its log, and check on the host."


def _many_servers(fleet: Fleet, count: int, prefix: str = "m") -> list[Server]:
    """More servers than the fleet has addresses: several on each."""
    credential = fleet_credential(fleet)
    hosts = [fleet.hosts[number % len(fleet.hosts)] for number in range(count)]
    servers = Server.objects.bulk_create(
        Server(name=f"{prefix}{number}", host=host.address, port=host.port, credential=credential)
        for number, host in enumerate(hosts)
    )
    HostKey.objects.bulk_create(
        HostKey(
            server=server, key_type=host.key_type, key=host.key, fingerprint=host.fingerprint,
            state=HostKey.State.TRUSTED,
        )
        for server, host in zip(servers, hosts, strict=True)
    )  # fmt: skip
    return servers
