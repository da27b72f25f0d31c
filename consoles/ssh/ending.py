"""Ending a program that runs without a terminal: signal its process group from a second channel, and look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consoles.ssh import remote_sh
from consoles.ssh.asking import Answer, ask
from consoles.ssh.events import ConnectError, SessionRefused

if TYPE_CHECKING:
    from consoles.ssh.connection import Connection
    from consoles.ssh.detached import DetachedProgram
    from consoles.ssh.program import Program

#: Seconds for a host to list its processes.
_LOOK = 20.0


@dataclass(frozen=True, slots=True)
class Ending:
    """What was seen when a program was ended. ``confirmed`` is False when processes may be left.

    ``too_late``: nothing was done, as the program was not there any more. ``no_contact``: the host did not answer, so
    another connection may do better.
    """

    confirmed: bool
    sentence: str
    too_late: bool = False
    no_contact: bool = False


def end_program(program: Program | DetachedProgram, grace: float, why: str = "canceled") -> Ending:
    """End the program's process group: TERM, after ``grace`` seconds KILL, then check that nothing is left.

    ``why``, in one word, comes back as ``stopped`` with the end of a detached program, whoever follows it by then.

    Closing the channel would leave the program running (OpenSSH sends no signal without a terminal). Never raises;
    what could not be done is in the sentence.
    """
    if program.has_exited:
        return Ending(True, "It had already ended.", too_late=True)
    if not program.connection.is_active:
        sentence = f"Not confirmed: the connection to {program.connection.target.name} was lost."
        return Ending(False, sentence, no_contact=True)
    text = program.ending_text(grace, why)
    if not text:
        program.close()
        return Ending(False, "Its session was closed; this host cannot confirm that the program ended.")
    return _end(program.connection, text, grace)


def end_spool(connection: Connection, name: str, grace: float = 5.0) -> Ending:
    """The same for a detached program that nobody follows, by the name of its spool."""
    return _end(connection, remote_sh.end_spool(name, grace, "canceled"), grace)


def _end(connection: Connection, text: str, grace: float) -> Ending:
    try:
        answer = ask(connection, text, grace + 10)
    except ConnectError as error:
        return Ending(False, f"Not confirmed: {error}", no_contact=not isinstance(error, SessionRefused))
    if answer.complete:
        return _verdict(answer)
    why = f"no answer within {grace + 10:g} s" if connection.is_active else "the connection was lost"
    return Ending(False, f"Not confirmed: {why}.", no_contact=True)


def survivors(program: DetachedProgram) -> str:
    """A sentence about what is left of a detached program that nobody watches over: its host is asked."""
    try:
        answer = ask(program.connection, remote_sh.look_at_spool(program.spool.name), _LOOK)
    except ConnectError as error:
        return f"Whether processes of it are left could not be seen: {error}"
    if not answer.complete:
        return "Whether processes of it are left could not be seen in time: look on the host."
    return _left(answer, "of it is left", "of it are left") or "None of its processes is left."


def _verdict(answer: Answer) -> Ending:
    """What the words of ``remote/end_group.sh`` say."""
    if left := _left(answer, "survives KILL", "survive KILL"):
        return Ending(False, left)
    if "early" in answer.lines:
        return Ending(False, "Not confirmed: it is just being started.", no_contact=True)
    if "none" in answer.lines:
        return Ending(False, "Not confirmed: the host shows no such process.", too_late=True)
    if "ended" not in answer.lines:
        return Ending(False, "Not confirmed: the host could not list its processes.")
    if "kill" in answer.lines:
        return Ending(True, f"Killed after it ignored TERM, in {answer.seconds:.1f} s.")
    return Ending(True, f"Ended after TERM in {answer.seconds:.1f} s.")


def _left(answer: Answer, one: str, many: str) -> str:
    """The processes that are left in a sentence, such as ``1 process survives KILL: 812 sleep 1000.``, or ""."""
    left = answer.after("left")
    count = f"{len(left)} processes {many}" if len(left) > 1 else f"1 process {one}"
    return f"{count}: {'; '.join(left)[:300]}." if left else ""
