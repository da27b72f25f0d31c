"""Ours: a real Daphne with a database of its own, and a socket client in another process that takes everything."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.lab import Failed, Lab, Work
from demo.loopback import some_free_port

_ROOT = Path(__file__).parent.parent
_PY_SPY = Path(__file__).parent / ".venv" / "bin" / "py-spy"


class Console:
    """A console whose inventory holds the lab's hosts."""

    def __init__(self, data: Path, profile: Path | None = None, keeps: bool = False) -> None:
        self._data = data
        self._keeps = keeps
        self._profile = profile
        self._port = some_free_port()
        self._server: subprocess.Popen[bytes] | None = None
        #: The servers' names, in the order of the lab's hosts.
        self.names: list[str] = []
        #: The session key of somebody who may run things.
        self.session = ""

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    @property
    def origin(self) -> str:
        """Scheme, host and port of its pages."""
        return f"http://127.0.0.1:{self._port}"

    def fill(self, lab: Lab) -> None:
        """Make the database: the lab's hosts, trusted, and somebody logged in."""
        self._python("manage.py", "migrate", "--verbosity", "0")
        hosts = [asdict(host) | {"fingerprint": host.fingerprint} for host in lab.fleet.hosts]
        order = {"user": lab.fleet.user, "private_key": lab.fleet.private_key.read_text(), "hosts": hosts}
        answer = json.loads(self._python("-m", "bench.seed", text=json.dumps(order)))
        self.names, self.session = answer["names"], answer["session"]

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(self._port)]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [*command, "opsconsole.asgi:application"], cwd=_ROOT, env=self._environment(), stdout=log, stderr=log
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"The console did not start: {self.log()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server; what it stored stays."""
        server, self._server = self._server, None
        if server is None:
            return
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

    def restart(self) -> None:
        """A fresh process: nothing is connected and nothing is cached."""
        self.stop()
        self.start()

    def run(self, work: Work, clocks: bool = False, patience: float = 120) -> dict[str, Any]:
        """Run ``work`` as a user would; gives back what the client measured. Raises :class:`Failed`."""
        order = {
            "url": f"ws://127.0.0.1:{self._port}/ws/runs/new/",
            "origin": self.origin,
            "session": self.session,
            "servers": self.names[: work.hosts],
            "command": work.command,
            "mode": work.mode,
            "fanout": work.fanout,
            "clocks": clocks,
            "patience": patience,
        }
        with self._profiled():
            answer = json.loads(self._python("-m", "bench.client", text=json.dumps(order)))
        if "error" in answer:
            raise Failed(f"{answer['error']}. The server's log ends with: {self.log()[-2000:]}")
        return dict(answer)

    def log(self) -> str:
        """What the server wrote to its standard output and error."""
        return self._log.read_text(errors="replace")

    def processor_seconds(self) -> float:
        """Processor time the server's process has used since its start."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """What the server's process has in memory now, in MB."""
        return self._status_megabytes("VmRSS")

    def peak_memory(self) -> float:
        """The most it has had in memory since :meth:`forget_peak`, in MB."""
        return self._status_megabytes("VmHWM")

    def forget_peak(self) -> None:
        """Count the peak from now on."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    @property
    def _log(self) -> Path:
        return self._data / "server.log"

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPSCONSOLE_")}
        own = {"OPSCONSOLE_DATA": str(self._data), "PORT": str(self._port), "REDIS_URL": ""}
        if not self._keeps:
            # The other tools connect each time, and so do we, but where warm connections are the subject.
            own["OPSCONSOLE_KEEP_CONNECTIONS"] = "0"
        return {**inherited, **own, "DJANGO_SETTINGS_MODULE": "opsconsole.settings"}

    def _python(self, *arguments: str, text: str = "") -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=_ROOT, env=self._environment(), input=text, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{' '.join(arguments)} failed: {done.stderr[-2000:]}")
        return done.stdout

    def _answers(self) -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False

    def _status_megabytes(self, name: str) -> float:
        text = Path(f"/proc/{self.pid}/status").read_text()
        match = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
        assert match is not None
        return int(match[1]) / 1024

    @contextmanager
    def _profiled(self) -> Iterator[None]:
        """Let py-spy watch the server meanwhile, if a profile is wanted; it slows the server down."""
        if self._profile is None:
            yield
            return
        target = self._profile.with_name(f"{self._profile.stem}-{time.time_ns() // 10**6}.txt")
        options = ["-o", str(target), "-f", "raw", "-r", "200", "--threads", "--nonblocking", "--gil"]
        command = [str(_PY_SPY), "record", "-p", str(self.pid), *options]
        spy = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert spy.stdout is not None
        spy.stdout.readline()
        try:
            yield
        finally:
            spy.send_signal(signal.SIGINT)
            spy.communicate()


@contextmanager
def open_console(lab: Lab, profile: Path | None = None, keeps: bool = False) -> Iterator[Console]:
    """A running console for one job, which knows the lab's hosts; ``keeps`` connections open between runs or not."""
    with lab.folder() as data:
        console = Console(data, profile, keeps)
        console.fill(lab)
        console.start()
        try:
            yield console
        finally:
            console.stop()
