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


@dataclass(frozen=True, slots=True)
class Ending:
    """What was seen when a program was ended. ``confirmed`` is False when processes may be left.

    ``too_late``: nothing was done, as the program was not there any more.
    """

    confirmed: bool
    sentence: str
    too_late: bool = False


def end_program(program: Program, grace: float) -> Ending:
    """End the program's process group: TERM, after ``grace`` seconds KILL, then check that nothing is left.

    Closing the channel would leave the program running (OpenSSH sends no signal without a terminal). Never raises;
    what could not be done is in the sentence.
    """
    if program.has_exited:
        return Ending(True, "It had already ended.", too_late=True)
    if not program.connection.is_active:
        return Ending(False, f"Not confirmed: the connection to {program.connection.target.name} was lost.")
    if program.process is None:
        program.close()
        return Ending(False, "Its session was closed; this host cannot confirm that the program ended.")
    try:
        return _end_group(program.connection, program.process, grace)
    except ConnectError as error:
        return Ending(False, f"Not confirmed: {error}")


def _end_group(connection: Connection, process: int, grace: float) -> Ending:
    began = time.monotonic()
    deadline = began + grace + 10
    said = _Said(began)
    ending = Program(connection, remote_sh.end_group(process, grace))
    try:
        while time.monotonic() < deadline:
            event = ending.next_event(deadline - time.monotonic())
            if isinstance(event, OutputReceived) and event.stream == STDOUT:
                said.hear(event.data)
            elif isinstance(event, Exited):
                return said.verdict()
    finally:
        ending.close()
    return Ending(False, f"Not confirmed: no answer within {grace + 10:g} s.")


class _Said:
    """The words of the remote ending program, with the seconds after which ``ended`` came."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._text = b""
        self._seconds = 0.0

    def hear(self, data: bytes) -> None:
        self._text += data
        self._seconds = time.monotonic() - self._began

    def verdict(self) -> Ending:
        lines = self._text.decode(errors="replace").splitlines()
        left = [line.removeprefix("left ") for line in lines if line.startswith("left ")]
        if left:
            count = f"{len(left)} processes survive" if len(left) > 1 else "1 process survives"
            return Ending(False, f"{count} KILL: {'; '.join(left)[:300]}.")
        if "none" in lines:
            return Ending(False, "Not confirmed: the host shows no such process.", too_late=True)
        if "ended" not in lines:
            return Ending(False, "Not confirmed: the host could not list its processes.")
        if "kill" in lines:
            return Ending(True, f"Killed after it ignored TERM, in {self._seconds:.1f} s.")
        return Ending(True, f"Ended after TERM in {self._seconds:.1f} s.")
