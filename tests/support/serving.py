"""`manage.py serve` as a process, as `make run` and the container start it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from demo.loopback import some_free_port
from tests.support.forking import ROOT, ForkedPython


class Serving:
    """A started `manage.py serve`, in a session of its own as a terminal would give it."""

    def __init__(self, data: Path, root: Path = ROOT, **environment: str) -> None:
        self.port = int(environment.pop("PORT", "0")) or some_free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPSCONSOLE_")}
        own = {"OPSCONSOLE_DATA": str(data), "PORT": str(self.port), "DJANGO_SETTINGS_MODULE": "opsconsole.settings"}
        out, theirs = os.pipe()
        with Path(os.devnull).open("rb") as nothing, os.fdopen(theirs, "wb") as printing:
            whole = {**inherited, **own, **environment}
            self.process = ForkedPython(
                ["manage.py", "serve"], whole, nothing, printing, printing, cwd=root, start_new_session=True
            )
        self._printed = os.fdopen(out)

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
        self._printed.close()

    def banner(self) -> str:
        """What it prints until it serves."""
        return self.wait_for("Ctrl-C")

    def wait_for(self, text: str) -> str:
        """What it prints up to the line that has this text."""
        lines = []
        for line in self._printed:
            lines.append(line)
            if text in line:
                return "".join(lines)
        raise AssertionError("".join(lines))

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal to all that a terminal would reach; gives back the exit status and what else was printed."""
        os.killpg(self.process.pid, number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        """The exit status, and what else was printed until then."""
        return self.process.wait(30), self._printed.read()
