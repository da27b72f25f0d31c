"""The demo fleet: real SSH on loopback that leaves nothing behind."""

from __future__ import annotations

import base64
import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest

from demo.fleet import Fleet, FleetError, Host
from demo.keeper import descendants
from demo.loopback import all_free, is_free, some_free_port, wide_addresses

ROOT = Path(__file__).parent.parent


@contextmanager
def logged_in(fleet: Fleet, host: Host) -> Iterator[paramiko.SSHClient]:
    """A connection to ``host`` that accepts no host key but the one the fleet tells."""
    client = paramiko.SSHClient()
    key = paramiko.PKey.from_type_string(host.key_type, base64.b64decode(host.key))
    client.get_host_keys().add(f"[{host.address}]:{host.port}", host.key_type, key)
    try:
        client.connect(
            host.address,
            host.port,
            fleet.user,
            key_filename=str(fleet.private_key),
            allow_agent=False,
            look_for_keys=False,
            timeout=10,
        )
        yield client
    finally:
        client.close()


def output_of(client: paramiko.SSHClient, command: str) -> str:
    _, stdout, _ = client.exec_command(command, timeout=10)
    return stdout.read().decode().strip()


@pytest.fixture(scope="module", params=["openssh", "asyncssh"])
def demo_fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two hosts, shared by the tests of this file: do not stop them."""
    with Fleet.demo(tmp_path_factory.mktemp("demo"), ["web1", "db1"], server=request.param) as fleet:
        yield fleet


def test_each_demo_host_has_its_own_key_and_knows_its_name(demo_fleet: Fleet) -> None:
    assert len({host.key for host in demo_fleet.hosts}) == 2
    for host in demo_fleet.hosts:
        with logged_in(demo_fleet, host) as client:
            assert output_of(client, 'echo "$OPSC_DEMO_HOST"') == host.name


def test_keeps_stdout_and_stderr_apart_and_reports_the_exit_status(demo_fleet: Fleet) -> None:
    with logged_in(demo_fleet, demo_fleet.hosts[0]) as client:
        stdin, stdout, stderr = client.exec_command("cat; echo two >&2; exit 7", timeout=10)
        stdin.write("one")
        stdin.channel.shutdown_write()
        assert (stdout.read(), stderr.read(), stdout.channel.recv_exit_status()) == (b"one", b"two\n", 7)


def test_lets_nobody_in_by_password_or_with_another_key(demo_fleet: Fleet, tmp_path: Path) -> None:
    host = demo_fleet.hosts[0]
    with socket.create_connection((host.address, host.port)) as connection:
        transport = paramiko.Transport(connection)
        transport.start_client(timeout=10)
        with pytest.raises(paramiko.BadAuthenticationType) as refused:
            transport.auth_password(demo_fleet.user, "password")
        assert refused.value.allowed_types == ["publickey"]
        with pytest.raises(paramiko.AuthenticationException):
            transport.auth_publickey(demo_fleet.user, paramiko.RSAKey.generate(2048))
        transport.close()


def test_hosts_know_nothing_of_the_console_s_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCONSOLE_ADMIN_PASSWORD", "not-for-hosts")
    for server in ("openssh", "asyncssh"):
        with Fleet.demo(tmp_path / server, ["web1"], server=server) as fleet:
            with logged_in(fleet, fleet.hosts[0]) as client:
                assert "not-for-hosts" not in output_of(client, "env")


def test_hosts_do_not_run_the_user_s_start_up_files(demo_fleet: Fleet) -> None:
    with logged_in(demo_fleet, demo_fleet.hosts[0]) as client:
        assert output_of(client, 'echo "$HOME"') == str(demo_fleet.home)


def test_a_second_start_keeps_keys_and_addresses(tmp_path: Path) -> None:
    # Not the port that fleets of other tests want, too.
    (tmp_path / "ports.json").write_text(json.dumps([some_free_port()] * 2))
    with Fleet.demo(tmp_path, ["web1", "db1"]) as first:
        before = list(first.hosts)
    with Fleet.demo(tmp_path, ["web1", "db1"]) as second:
        assert second.hosts == before


def test_chooses_another_port_when_the_last_one_is_taken(tmp_path: Path) -> None:
    with Fleet.demo(tmp_path, ["web1"]) as first:
        host = first.hosts[0]
    with socket.create_server((host.address, 0)) as other:
        port = other.getsockname()[1]
        (tmp_path / "ports.json").write_text(json.dumps([port]))
        with Fleet.demo(tmp_path, ["web1"]) as second:
            assert second.port != port
            assert second.hosts[0].key == host.key


@pytest.mark.parametrize("server", ["openssh", "asyncssh"])
def test_takes_nobody_else_s_server_for_its_own(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fleet.demo(tmp_path / "first", ["web1"]) as first:
        second = Fleet.demo(tmp_path / "second", ["web1"], server=server)
        (second.directory / "ports.json").write_text(json.dumps([first.port]))
        # The port was free when the second fleet looked.
        looks = iter([lambda _: True])
        monkeypatch.setattr("demo.fleet.all_free", lambda places: next(looks, all_free)(places))
        with second, logged_in(second, second.hosts[0]) as client:
            assert second.port != first.port
            assert output_of(client, "echo $OPSC_DEMO_HOST") == "web1"


@pytest.mark.parametrize("server", ["openssh", "asyncssh"])
def test_stop_ends_programs_that_left_their_session(server: str, tmp_path: Path) -> None:
    with Fleet.demo(tmp_path, ["web1"], server=server) as fleet, logged_in(fleet, fleet.hosts[0]) as client:
        daemon = int(output_of(client, "setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo $!"))
        started = descendants(fleet.keeper_pid)
        assert daemon in started
        fleet.stop()
    # Not whether the ports are free: fleets of other tests take them as soon as they are.
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []


def test_stop_ends_programs_whose_first_thread_has_ended(small_fleet: Fleet) -> None:
    program = (
        "import ctypes, os, threading, time\n"
        "def tell():\n"
        "    while ') Z ' not in open(f'/proc/{os.getpid()}/stat').read(): time.sleep(0.001)\n"
        "    print(os.getpid(), flush=True); time.sleep(1000)\n"
        "threading.Thread(target=tell).start(); ctypes.CDLL(None).pthread_exit(None)"
    )
    with logged_in(small_fleet, small_fleet.hosts[0]) as client:
        command = f"setsid {sys.executable} -c {shlex.quote(program)} </dev/null &"
        _, stdout, _ = client.exec_command(command, timeout=10)
        half_ended = int(stdout.readline())
        small_fleet.stop()
    assert not Path(f"/proc/{half_ended}").exists()


def test_everything_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, json; from pathlib import Path; from demo.fleet import Fleet\n"
        "fleet = Fleet.demo(Path(sys.argv[1]), ['web1']).start()\n"
        "print(json.dumps([fleet.hosts[0].address, fleet.port, fleet.keeper_pid]), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        address, port, keeper = json.loads(parent.stdout.readline())
        servers = descendants(keeper)
        assert servers
        assert not is_free(address, port)
        watches = [os.pidfd_open(pid) for pid in (keeper, *servers)]
        parent.send_signal(signal.SIGKILL)
        for watch in watches:
            wait_for_end(watch)


def wait_for_end(pidfd: int) -> None:
    """Wait until the process behind ``pidfd`` has ended; a pidfd becomes readable then."""
    ready, _, _ = select.select([pidfd], [], [], 10)
    os.close(pidfd)
    assert ready, "a process outlived the parent that started it"


def test_wide_shape_answers_on_every_address(fleet: Fleet) -> None:
    assert fleet.addresses == wide_addresses(64)
    for host in (fleet.hosts[0], fleet.hosts[20], fleet.hosts[63]):
        with logged_in(fleet, host) as client:
            assert output_of(client, "echo $SSH_CONNECTION").split()[2:] == [host.address, str(fleet.port)]


def test_options_of_the_wide_shape_reach_sshd(tmp_path: Path) -> None:
    with Fleet.wide(tmp_path, 1, {"MaxSessions": "1"}) as fleet, logged_in(fleet, fleet.hosts[0]) as client:
        transport = client.get_transport()
        assert transport is not None
        transport.open_session(timeout=10)
        with pytest.raises(paramiko.ChannelException):
            transport.open_session(timeout=10)


def test_says_what_sshd_said_when_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="Bad configuration option: NoSuchOption"):
        Fleet.wide(tmp_path, 1, {"NoSuchOption": "1"}).start()


def test_a_cut_host_takes_new_connections(small_fleet: Fleet) -> None:
    host = small_fleet.hosts[0]
    with logged_in(small_fleet, host) as client:
        transport = client.get_transport()
        assert transport is not None
        small_fleet.cut(host.name)
        transport.join(10)
        assert not transport.is_active()
    with logged_in(small_fleet, host) as client:
        assert output_of(client, "echo back") == "back"


def test_a_killed_host_comes_back_where_it_was(small_fleet: Fleet) -> None:
    host = small_fleet.hosts[0]
    small_fleet.kill(host.name)
    small_fleet.revive(host.name)
    with logged_in(small_fleet, host) as client:
        assert output_of(client, "echo back") == "back"


def test_connections_outlive_the_listener_of_a_host(small_fleet: Fleet) -> None:
    host = small_fleet.hosts[0]
    with logged_in(small_fleet, host) as client:
        small_fleet.kill_listener(host.name)
        assert output_of(client, "echo still") == "still"
        small_fleet.revive(host.name)
        assert output_of(client, "echo there") == "there"


def test_hosts_may_have_homes_of_their_own(tmp_path: Path) -> None:
    with Fleet.demo(tmp_path, ["web1", "db1"], own_homes=True) as fleet:
        homes = []
        for host in fleet.hosts:
            with logged_in(fleet, host) as client:
                homes.append(output_of(client, "cd && pwd"))
        assert homes == [str(fleet.home_of("web1")), str(fleet.home_of("db1"))]
        assert len(set(homes)) == 2
