"""Short programs of our own on a host, whose answer is what they print."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consoles.ssh.events import STDOUT, Exited, OutputReceived
from consoles.ssh.program import Program

if TYPE_CHECKING:
    from consoles.ssh.connection import Connection


@dataclass(slots=True)
class Answer:
    """What a program printed; ``seconds`` until the last of it came, ``complete`` whether it came to its end."""

    text: str = ""
    seconds: float = 0.0
    complete: bool = False

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def after(self, word: str) -> list[str]:
        """The rest of every line that begins with ``word``."""
        return [line.removeprefix(f"{word} ") for line in self.lines if line.startswith(f"{word} ")]


def ask(connection: Connection, text: str, seconds: float) -> Answer:
    """Run ``text`` and wait at most ``seconds`` for its answer. Raises :class:`ConnectError` when it did not start."""
    began, answer, said = time.monotonic(), Answer(), b""
    program = Program(connection, text)
    try:
        while (left := began + seconds - time.monotonic()) > 0:
            event = program.next_event(left)
            if isinstance(event, OutputReceived) and event.stream == STDOUT:
                said += event.data
                answer.seconds = time.monotonic() - began
            elif isinstance(event, Exited):
                answer.complete = not event.connection_lost
                break
    finally:
        program.close()
    answer.text = said.decode(errors="replace")
    return answer
