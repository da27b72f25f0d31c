"""`manage.py serve`: one command starts everything, one Ctrl-C ends it."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import select
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.keeper import descendants
from tests.support.serving import Serving

Serve = Callable[..., Serving]


@pytest.fixture
def serve(tmp_path: Path, migrated_database: Path) -> Iterator[Serve]:
    # As after an earlier start; making the database takes half of the first one's time.
    shutil.copy(migrated_database, tmp_path / "console.sqlite3")
    with contextlib.ExitStack() as started:
        yield lambda **environment: started.enter_context(Serving(tmp_path, **environment))


def status_of(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    return connection.getresponse().status


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_everything_quietly(serve: Serve, number: signal.Signals) -> None:
    serving = serve()
    banner = serving.banner()
    assert f"http://127.0.0.1:{serving.port}/" in banner
    assert "web1, web2, web3, db1, db2, cache1" in banner
    assert status_of(serving.port, "/healthz") == 200
    children = [os.pidfd_open(pid) for pid in descendants(serving.process.pid)]
    assert children
    status, rest = serving.end(number)
    assert (status, rest.strip()) == (0, "")
    for child in children:
        assert select.select([child], [], [], 10)[0], "a demo host outlived the console"
        os.close(child)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_still_loads_ends_it_quietly_even_as_process_1(
    serve: Serve, tmp_path: Path, number: signal.Signals
) -> None:
    key = tmp_path / "key"
    os.mkfifo(key)
    before = signal.signal(number, signal.SIG_IGN)  # inherited; what process 1 does with a signal that nobody handles
    try:
        serving = serve(OPSCONSOLE_SECRET_KEY_FILE=str(key))
    finally:
        signal.signal(number, before)
    with key.open("w"):  # returns when the settings are being read
        assert serving.end(number) == (0, "")


def test_makes_an_admin_account_once_and_prints_its_password_once(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "console.sqlite3").unlink()
    first = serve(DEMO="0")
    found = re.search(r"admin with the password (\S+) \(shown once\)", first.banner())
    assert found
    first.end(signal.SIGTERM)
    second = serve(DEMO="0")
    banner = second.banner()
    assert found[1] not in banner
    assert "changepassword admin" in banner


def test_takes_the_password_from_the_environment_and_does_not_print_it(serve: Serve) -> None:
    banner = serve(DEMO="0", OPSCONSOLE_ADMIN="chief", OPSCONSOLE_ADMIN_PASSWORD="correct-horse-battery").banner()
    assert "chief with the password from OPSCONSOLE_ADMIN_PASSWORD" in banner
    assert "correct-horse" not in banner


def test_demo_0_starts_no_hosts(serve: Serve) -> None:
    serving = serve(DEMO="0")
    assert "none (DEMO=0)" in serving.banner()
    assert not descendants(serving.process.pid)


def test_a_busy_port_gets_one_sentence(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        serving = serve(PORT=str(other.getsockname()[1]))
        status, said = serving.wait()
    assert status == 1
    assert said.count("\n") == 1
    assert "is taken by another program" in said


def test_a_second_console_on_the_same_data_leaves_the_demo_to_the_first(serve: Serve) -> None:
    serve().banner()
    assert "run by another console" in serve().banner()


def test_the_demo_ends_with_a_console_that_is_killed(serve: Serve) -> None:
    serving = serve()
    serving.banner()
    children = [os.pidfd_open(pid) for pid in descendants(serving.process.pid)]
    serving.end(signal.SIGKILL)
    for child in children:
        assert select.select([child], [], [], 10)[0], "a demo host outlived the console"
        os.close(child)
