"""A run on standard output: ``server: line`` for people and pipes, JSON for programs."""

from __future__ import annotations

import json
import shutil
import sys
import time
from typing import TYPE_CHECKING, TextIO

from consoles.following import Contact, Found, Line, Progress
from consoles.presenting import fold_names, host_row
from consoles.statuses import ACTIVE, SEVERITY, Status
from consoles.terminal_text import safe_for_terminal

if TYPE_CHECKING:
    from consoles.models import HostRun, Run

STDERR = 2
#: Seconds between two drawings of the progress line.
_REDRAW = 0.1


class TextPrinter:
    """Lines as ``server: line``, each to the stream it came from; on a terminal a progress line stays below them."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._began = time.monotonic()
        self._progress = ""
        self._drawn_at = 0.0
        self._terminal = sys.stderr.isatty()

    def show(self, found: Found) -> None:
        """Print a line, say that a host is out of contact, or keep the progress line true."""
        if isinstance(found, Line):
            self._wipe()
            self._print_line(found, sys.stderr if found.stream == STDERR else sys.stdout)
        elif isinstance(found, Contact):
            self.note(f"{found.host}: reconnecting. {found.reason}" if found.reason else f"{found.host}: in contact.")
        elif self._terminal and time.monotonic() - self._drawn_at >= _REDRAW:
            self._drawn_at = time.monotonic()
            self._draw(found)

    def note(self, sentence: str) -> None:
        """Say something about the run itself."""
        self._wipe()
        print(sentence, file=sys.stderr, flush=True)

    def finish(self) -> None:
        """Say how it ended: who did not succeed and why, then one line of totals."""
        self._wipe()
        troubled = [row for row in self._run.host_runs.order_by("index") if row.status != Status.SUCCEEDED]
        for host_run in troubled[:50]:
            self.note(f"{host_run.server_name}: {Status(host_run.status).label}. {host_run.reason}".rstrip())
        if len(troubled) > 50:
            rest = fold_names(row.server_name for row in troubled[50:])
            self.note(f"and {len(troubled) - 50} more: {' '.join(rest)}")
        self.note(f"Run #{self._run.pk}: {_summary(self._run.counts())} in {time.monotonic() - self._began:.1f} s.")

    def _print_line(self, line: Line, to: TextIO) -> None:
        if to.isatty():
            shown = line.data.decode(errors="replace").rstrip("\r").rsplit("\r", 1)[-1]
            text = safe_for_terminal(shown)
            print(f"{line.host}: {text}\x1b[0m" if "\x1b" in text else f"{line.host}: {text}", file=to, flush=True)
            return
        # Into a pipe or file: the bytes as they came.
        to.flush()
        to.buffer.write(line.host.encode() + b": " + line.data + b"\n")
        to.buffer.flush()

    def _draw(self, progress: Progress) -> None:
        elapsed = int(time.monotonic() - self._began)
        text = f"#{self._run.pk}  {_summary(progress.counts)}  {elapsed // 60}:{elapsed % 60:02}"
        self._wipe()
        self._progress = text[: shutil.get_terminal_size().columns - 1]
        print(self._progress, end="", file=sys.stderr, flush=True)

    def _wipe(self) -> None:
        if self._progress:
            print("\r" + " " * len(self._progress) + "\r", end="", file=sys.stderr, flush=True)
            self._progress = ""


class JsonPrinter(TextPrinter):
    """One JSON object a line: ``{"host", "stream", "line"}`` as it arrives, ``{"host", "reconnecting"}`` with a reason
    or "" when contact is lost or back, and the result last.
    """

    def show(self, found: Found) -> None:
        if isinstance(found, Contact):
            self._emit({"host": found.host, "reconnecting": found.reason})
        elif isinstance(found, Line):
            stream = "stderr" if found.stream == STDERR else "stdout"
            self._emit({"host": found.host, "stream": stream, "line": found.data.decode(errors="replace")})

    def finish(self) -> None:
        rows: list[HostRun] = list(self._run.host_runs.order_by("index"))
        status = str(self._run.status)
        self._emit({"run": self._run.pk, "status": status, "hosts": [host_row(row) for row in rows]})

    def _emit(self, value: dict[str, object]) -> None:
        print(json.dumps(value, ensure_ascii=False), flush=True)


def _summary(counts: dict[str, int]) -> str:
    order = [*SEVERITY, *sorted(ACTIVE)]
    return ", ".join(f"{counts[status]} {status.label}" for status in order if counts.get(status))
