"""Ending a program that runs without a terminal: signal its process group from a second channel, and look."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consoles.ssh import remote_sh
from consoles.ssh.events import STDOUT, ConnectError, Exited, OutputReceived
from consoles.ssh.program import Program

if TYPE_CHECKING:
    from consoles.ssh.connection import Connection
    from consoles.ssh.detached import DetachedProgram

#: Seconds for a host to list its processes.
_LOOK = 20.0


@dataclass(frozen=True, slots=True)
class Ending:
    """What was seen when a program was ended. ``confirmed`` is False when processes may be left.

    ``too_late``: nothing was done, as the program was not there any more.
    """

    confirmed: bool
    sentence: str
    too_late: bool = False


def end_program(program: Program | DetachedProgram, grace: float) -> Ending:
    """End the program's process group: TERM, after ``grace`` seconds KILL, then check that nothing is left.

    Closing the channel would leave the program running (OpenSSH sends no signal without a terminal). Never raises;
    what could not be done is in the sentence.
    """
    if program.has_exited:
        return Ending(True, "It had already ended.", too_late=True)
    if not program.connection.is_active:
        return Ending(False, f"Not confirmed: the connection to {program.connection.target.name} was lost.")
    text = program.ending_text(grace)
    if not text:
        program.close()
        return Ending(False, "Its session was closed; this host cannot confirm that the program ended.")
    try:
        said = _run(program.connection, text, grace + 10)
    except ConnectError as error:
        return Ending(False, f"Not confirmed: {error}")
    return said.verdict() if said.complete else Ending(False, f"Not confirmed: no answer within {grace + 10:g} s.")


def survivors(program: DetachedProgram) -> str:
    """A sentence about the processes of a detached program whose wrapper is gone: they are looked for on its host."""
    try:
        said = _run(program.connection, remote_sh.look_at_spool(program.spool.name), _LOOK)
    except ConnectError as error:
        return f"Whether processes of it are left could not be seen: {error}"
    if not said.complete:
        return "Whether processes of it are left could not be seen in time: look on the host."
    return said.left("of it is left", "of it are left") or "None of its processes is left."


def _run(connection: Connection, text: str, seconds: float) -> _Said:
    began = time.monotonic()
    said = _Said(began)
    program = Program(connection, text)
    try:
        while (left := began + seconds - time.monotonic()) > 0 and not said.complete:
            event = program.next_event(left)
            if isinstance(event, OutputReceived) and event.stream == STDOUT:
                said.hear(event.data)
            elif isinstance(event, Exited):
                said.complete = True
    finally:
        program.close()
    return said


class _Said:
    """The words of the remote ending program, with the seconds after which ``ended`` came."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._text = b""
        self._seconds = 0.0
        self.complete = False

    def hear(self, data: bytes) -> None:
        self._text += data
        self._seconds = time.monotonic() - self._began

    @property
    def _lines(self) -> list[str]:
        return self._text.decode(errors="replace").splitlines()

    def left(self, one: str, many: str) -> str:
        """The processes that are left in a sentence, such as ``1 process survives KILL: 812 sleep 1000.``, or ""."""
        left = [line.removeprefix("left ") for line in self._lines if line.startswith("left ")]
        count = f"{len(left)} processes {many}" if len(left) > 1 else f"1 process {one}"
        return f"{count}: {'; '.join(left)[:300]}." if left else ""

    def verdict(self) -> Ending:
        lines = self._lines
        if left := self.left("survives KILL", "survive KILL"):
            return Ending(False, left)
        if "none" in lines:
            return Ending(False, "Not confirmed: the host shows no such process.", too_late=True)
        if "ended" not in lines:
            return Ending(False, "Not confirmed: the host could not list its processes.")
        if "kill" in lines:
            return Ending(True, f"Killed after it ignored TERM, in {self._seconds:.1f} s.")
        return Ending(True, f"Ended after TERM in {self._seconds:.1f} s.")
