"""A real server process: Daphne on a free port, with a data directory and a database of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from demo.fleet import Fleet
from demo.loopback import some_free_port
from tests.support import postgres, storage
from tests.support.forking import ForkedPython
from tests.support.postgres_server import is_used
from tests.support.rights import RUN_RIGHTS
from tests.support.viewing import SocketViewer

ROOT = Path(__file__).parent.parent.parent
MakeServer = Callable[..., "ServerProcess"]
NewDatabase = Callable[[Path], dict[str, str]]

_KEYS = {"OPSCONSOLE_SECRET_KEY_FILE": "django.key", "OPSCONSOLE_ENCRYPTION_KEY_FILE": "encryption.keys"}


class Helper:
    """A process of :mod:`tests.support.seed`."""

    def __init__(self, environment: dict[str, str]) -> None:
        ends = [*os.pipe(), *os.pipe()]
        stdin, self.questions = os.fdopen(ends[0], "rb"), os.fdopen(ends[1], "wb")
        self.answers, stdout = os.fdopen(ends[2], "rb"), os.fdopen(ends[3], "wb")
        with stdin, stdout, os.fdopen(os.dup(2), "wb") as stderr:
            self._process = ForkedPython(["-m", "tests.support.seed"], environment, stdin, stdout, stderr)

    def close(self) -> None:
        """End it, at once."""
        self.questions.close()
        self._process.kill()
        self._process.wait()
        self.answers.close()


@dataclass
class ServerProcess:
    """A console that runs beside the tests. What its database holds is made and read by :meth:`ask`."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=some_free_port)
    _server: ForkedPython | None = None
    _helper: Helper | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        """What a browser sends as Origin from this server's pages."""
        return self.url

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def shared(self) -> dict[str, str]:
        """Settings of another process on this one's database and with its keys."""
        keys = {name: str(self.data / "keys" / file) for name, file in _KEYS.items()}
        if "DATABASE_URL" in self.environment:
            return keys | {"DATABASE_URL": self.environment["DATABASE_URL"]}
        return keys | {"OPSCONSOLE_DATABASE": str(self.data / "console.sqlite3")}

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    @property
    def alive(self) -> bool:
        """Whether its process runs, or is stopped."""
        return self._server is not None and self._server.poll() is None

    def start(self, timeout: float = 60) -> ServerProcess:
        """Start it, on the same port each time, and wait until it answers."""
        command = ["-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(self.port)]
        # As manage.py serve: where the machine is busy, a socket may have to wait for its turn.
        command += ["--websocket_connect_timeout", "300", "opsconsole.asgi:application"]
        with self._log.open("ab") as log, Path(os.devnull).open("rb") as nothing:
            self._server = ForkedPython(command, self.environment_of_process(), nothing, log, log)
        deadline = time.monotonic() + timeout
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The server under test did not start:\n{self.log()[-3000:]}")
            time.sleep(0.02)
        return self

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout: float = 15) -> None:
        """End the server process by a signal; what it kept stays for the next :meth:`start`."""
        server, self._server = self._server, None
        if server is None:
            return
        server.send_signal(number)
        try:
            server.wait(timeout)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

    def kill(self) -> None:
        """End the server process as a crash would."""
        self.stop(signal.SIGKILL)

    def pause(self) -> None:
        """Let the server process stand still, as SIGSTOP and a laptop's lid do, until :meth:`resume`."""
        os.kill(self.pid, signal.SIGSTOP)
        while "T" not in Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]:
            time.sleep(0.001)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def wait_for_log(self, text: str, timeout: float = 20) -> None:
        """Wait until the server's log has this text."""
        deadline = time.monotonic() + timeout
        while text not in self.log():
            assert time.monotonic() < deadline, f"The log never said {text!r}:\n{self.log()[-3000:]}"
            time.sleep(0.02)

    def close(self) -> None:
        """End the server and the helper, at once."""
        self.kill()
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.close()

    def log(self) -> str:
        """What the server wrote to its standard output and error."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def manage(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a management command on this server's database."""
        command = ["manage.py", *arguments]
        with Path(os.devnull).open("rb") as nothing, TemporaryFile() as out, TemporaryFile() as errors:
            process = ForkedPython(command, self.environment_of_process(), nothing, out, errors)
            try:
                status = process.wait(timeout)
            finally:
                process.kill()
            out.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(command, status, out.read().decode(), errors.read().decode())

    def ask(self, function: str, **arguments: Any) -> Any:
        """Call a function of :mod:`tests.support.seed` in a process that has this server's database open."""
        if self._helper is None:
            self._helper = Helper(self.environment_of_process())
        self._helper.questions.write(json.dumps([function, arguments]).encode() + b"\n")
        self._helper.questions.flush()
        answer = json.loads(
            self._helper.answers.readline() or '{"error": "The helper of the server under test ended."}'
        )
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def empty(self) -> None:
        """Cancel what still runs, wait for its end, and forget everything. Primary keys are not given out again."""
        if runs := self.ask("runs_of_others"):
            cleaner = self.person("cleaner", is_superuser=True)
            for run in runs:
                with SocketViewer(self, cleaner, f"/ws/runs/{run}/") as viewer:
                    viewer.say("cancel")
                    viewer.wait_until(viewer.is_over_or_away, what=f"The end of run #{run} of an earlier test")
        self.ask("empty_database")

    def person(self, name: str, *rights: str, **fields: Any) -> dict[str, str]:
        """Create somebody, logged in: {"name", "password", "session"}; ``session`` is the cookie sessionid."""
        return dict(self.ask("person_with_session", name=name, rights=list(rights), fields=fields))

    def alice(self) -> dict[str, str]:
        """Somebody who may start runs."""
        return self.person("alice", *RUN_RIGHTS)

    def add_fleet(self, fleet: Fleet, count: int | None = None, names: list[str] | None = None) -> list[str]:
        """Put hosts of ``fleet`` into the inventory, trusted; gives back their names."""
        hosts = [
            {"address": host.address, "port": host.port, "key_type": host.key_type, "key": host.key}
            | {"fingerprint": host.fingerprint}
            for host in fleet.hosts[:count]
        ]
        named = names or [f"h{index}" for index in range(len(hosts))]
        key = fleet.private_key.read_text()
        return list(self.ask("add_hosts", hosts=hosts, names=named, user=fleet.user, private_key=key))

    @property
    def _log(self) -> Path:
        return self.data / "server.log"

    def environment_of_process(self) -> dict[str, str]:
        """The environment of this console's processes."""
        own = {"OPSCONSOLE_DATA": str(self.data), "PORT": str(self.port), "DEMO": "0", "PYTHONUNBUFFERED": "1"}
        settings = {"DJANGO_SETTINGS_MODULE": "opsconsole.settings"}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPSCONSOLE_")}
        return {**inherited, **own, **settings, **self.environment}

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        return False


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated SQLite file to copy. One for all workers."""

    def make(target: Path) -> None:
        data = tmp_path_factory.mktemp("template")
        done = ServerProcess(data).manage("migrate", "--verbosity", "0")
        if done.returncode:
            raise RuntimeError(f"The database of the server under test could not be migrated:\n{done.stderr}")
        (data / "console.sqlite3").rename(target)

    return storage.migrated(tmp_path_factory, make)


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest) -> NewDatabase:
    """Make an empty, migrated database for the server that keeps its data in a folder; gives back its settings."""
    if is_used():
        return postgres.copies(request.getfixturevalue("django_db_setup"))

    def copy(data: Path) -> dict[str, str]:
        shutil.copy(request.getfixturevalue("migrated_database"), data / "console.sqlite3")
        return {}

    return copy


@pytest.fixture
def make_server(tmp_path: Path, new_database: NewDatabase) -> Iterator[MakeServer]:
    """Start servers with settings of their own: ``make_server(OPSCONSOLE_OUTPUT_LIMIT="1000")``."""
    started: list[ServerProcess] = []

    def make(start: bool = True, **environment: str) -> ServerProcess:
        data = tmp_path / f"server{len(started)}"
        data.mkdir()
        started.append(ServerProcess(data, new_database(data) | environment))
        return started[-1].start() if start else started[-1]

    yield make
    for server in started:
        server.close()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[ServerProcess]:
    """The server behind :func:`live_server_process`: starting one takes longer than most tests."""
    data = tmp_path_factory.mktemp("server")
    server = ServerProcess(data, new_database(data)).start()
    yield server
    server.close()


@pytest.fixture
def live_server_process(shared_server: ServerProcess) -> ServerProcess:
    """A running console with an empty database, which other tests use afterwards: do not stop it.

    Numbers of runs and the like go on where the test before ended.
    """
    shared_server.empty()
    return shared_server


@pytest.fixture(scope="session")
def shared_looking_server(
    tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase
) -> Iterator[ServerProcess]:
    """The server behind :func:`looking_server`."""
    data = tmp_path_factory.mktemp("looking")
    server = ServerProcess(data, new_database(data) | {"OPSCONSOLE_LOOK_EVERY": "0.1"}).start()
    yield server
    server.close()


@pytest.fixture
def looking_server(shared_looking_server: ServerProcess) -> ServerProcess:
    """A console that looks often for what :meth:`ServerProcess.ask` stored, as no doorbell reaches it from there.

    Otherwise as :func:`live_server_process`: empty, and used by other tests afterwards.
    """
    shared_looking_server.empty()
    return shared_looking_server


@dataclass(frozen=True)
class SharedConsole:
    """A running console with three servers, and Alice, who may start runs on them."""

    server: ServerProcess
    alice: dict[str, str]
    names: list[str]


@pytest.fixture
def console(live_server_process: ServerProcess, fleet: Fleet) -> SharedConsole:
    """A running console, empty but for Alice and her servers: do not stop it."""
    server = live_server_process
    return SharedConsole(server, server.alice(), server.add_fleet(fleet, 3))
