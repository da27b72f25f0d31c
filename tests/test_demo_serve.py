"""`manage.py serve`: one command starts everything, one Ctrl-C ends it."""

from __future__ import annotations

import http.client
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.keeper import descendants
from demo.loopback import some_free_port

ROOT = Path(__file__).parent.parent


class Serving:
    """A started `manage.py serve`, in a session of its own as a terminal would give it."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.port = int(environment.pop("PORT", "0")) or some_free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPSCONSOLE_")}
        own = {"OPSCONSOLE_DATA": str(data), "PORT": str(self.port), "DJANGO_SETTINGS_MODULE": "opsconsole.settings"}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env={**inherited, **own, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def banner(self) -> str:
        """What it prints until it serves."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                return "".join(lines)
        raise AssertionError("".join(lines))

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal to all that a terminal would reach; gives back the exit status and what else was printed."""
        os.killpg(self.process.pid, number)
        rest, _ = self.process.communicate(timeout=30)
        return self.process.returncode, rest


Serve = Callable[..., Serving]


@pytest.fixture
def serve(tmp_path: Path, migrated_database: Path) -> Iterator[Serve]:
    # As after an earlier start; making the database takes half of the first one's time.
    shutil.copy(migrated_database, tmp_path / "console.sqlite3")
    started: list[Serving] = []

    def start(**environment: str) -> Serving:
        started.append(Serving(tmp_path, **environment))
        return started[-1]

    yield start
    for serving in started:
        if serving.process.poll() is None:
            serving.end(signal.SIGKILL)
        assert serving.process.stdout is not None
        serving.process.stdout.close()


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
        said, _ = serving.process.communicate(timeout=30)
    assert serving.process.returncode == 1
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
