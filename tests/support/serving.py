"""`manage.py serve` as a process, as `make run` and the container start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from demo.loopback import some_free_port

ROOT = Path(__file__).parent.parent.parent


class Serving:
    """A started `manage.py serve`, in a session of its own as a terminal would give it."""

    def __init__(self, data: Path, root: Path = ROOT, **environment: str) -> None:
        self.port = int(environment.pop("PORT", "0")) or some_free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPSCONSOLE_")}
        own = {"OPSCONSOLE_DATA": str(data), "PORT": str(self.port), "DJANGO_SETTINGS_MODULE": "opsconsole.settings"}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=root,
            env={**inherited, **own, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def banner(self) -> str:
        """What it prints until it serves."""
        return self.wait_for("Ctrl-C")

    def wait_for(self, text: str) -> str:
        """What it prints up to the line that has this text."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if text in line:
                return "".join(lines)
        raise AssertionError("".join(lines))

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal to all that a terminal would reach; gives back the exit status and what else was printed."""
        os.killpg(self.process.pid, number)
        rest, _ = self.process.communicate(timeout=30)
        return self.process.returncode, rest
