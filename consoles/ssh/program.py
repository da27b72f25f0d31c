"""A program on a host: started once, read until it is over."""

from __future__ import annotations

import secrets
import time
from collections import deque
from typing import TYPE_CHECKING

from consoles.ssh import remote_sh
from consoles.ssh.events import STDERR, ConnectError, Exited, OutputReceived, ProgramNotStarted
from consoles.ssh.session import Session

if TYPE_CHECKING:
    from consoles.ssh.connection import Connection

#: Seconds to wait for the end of output after the program is over: a process it left behind may hold it open for ever.
LEFT_BEHIND_GRACE = 2.0
#: Bytes of a login's own messages to look through for the announcement.
_MOST_GREETING = 256 * 1024

Event = OutputReceived | Exited


class Program:
    """A program that ends with its connection. One thread reads it; ``wake`` may be called from any."""

    def __init__(self, connection: Connection, text: str) -> None:
        """Start ``text`` on the connection's host.

        Raises :class:`ConnectError` when the host refuses; whether it started is then known: it did not.
        """
        self.connection = connection
        #: The shell that runs it, as the host numbers its processes; None until it has announced itself.
        self.process: int | None = None
        posix = connection.target.posix
        self._token = f"opsc-{secrets.token_hex(8)}"
        self._greeting: bytearray | None = bytearray() if posix else None
        self._ready: deque[Event | ProgramNotStarted] = deque()
        self._quiet_since: float | None = None
        self._asked = False
        #: Whether the program and its channel have ended in good order, so that the connection may serve another.
        self.ended_cleanly = False
        self._session = Session(connection, remote_sh.command_line(text, self._token) if posix else text)
        if posix:
            self._session.send(remote_sh.standard_input(text, self._token), last=True)

    def wake(self) -> None:
        """Let a waiting :meth:`next_event` return now."""
        self._session.wake()

    def next_event(self, timeout: float) -> Event | None:
        """The next thing that happened, or None after ``timeout`` seconds or a :meth:`wake`.

        After :class:`Exited` there is nothing more. Raises :class:`ProgramNotStarted` when the host ended the session
        without starting the program.
        """
        if not self._ready and self._session.output.next_stream() is None and not self._has_come_to_its_end():
            # Between the two ends, that of the program and that of its output, time alone may decide.
            in_between = self._session.is_over or (self._session.output.ended and not self.connection.target.posix)
            self._session.output.wait(min(timeout, LEFT_BEHIND_GRACE / 4) if in_between else timeout)
        self._take_output()
        if not self._ready and self._has_come_to_its_end():
            self._collect_end()
        elif not self._ready and self._held_open_by_others():
            self._collect_end(held_open=True)
        found = self._ready.popleft() if self._ready else None
        if isinstance(found, ProgramNotStarted):
            raise found
        return found

    @property
    def announced(self) -> bool:
        """Whether the program is known to have begun. Appliances announce nothing: accepting the request is all."""
        return self.process is not None or not self.connection.target.posix

    @property
    def has_exited(self) -> bool:
        """Whether the host has said how the program ended."""
        return self._session.status is not None or bool(self._session.signal)

    def ending_text(self, grace: float, why: str) -> str:
        """The remote program that ends it, see :func:`consoles.ssh.end_program`; "" where the host cannot do that.

        ``why`` is not told to the host: nobody can ask for it when this connection is gone.
        """
        return "" if self.process is None else remote_sh.end_group(self.process, grace)

    def close(self) -> None:
        """Close the program's channel. Without a terminal this does not end the program."""
        self._session.close()

    # Reading

    def _take_output(self) -> None:
        if (taken := self._session.take()) is None:
            return
        stream, data = taken
        if stream == STDERR and self._greeting is not None:
            data = self._without_announcement(data)
        if data:
            self._ready.append(OutputReceived(stream, data))

    def _without_announcement(self, data: bytes) -> bytes:
        """Take our announcement out of standard error; what the login printed before it is output like any other."""
        assert self._greeting is not None
        self._greeting += data
        line = remote_sh.MARK + self._token.encode() + b" "
        start = self._greeting.find(line)
        end = self._greeting.find(b"\n", start) if start >= 0 else -1
        if end < 0:
            if start < 0 and len(self._greeting) > _MOST_GREETING:
                return self._flush_greeting()
            return b""
        process = self._greeting[start + len(line) : end]
        if not process.isdigit():
            return self._flush_greeting()
        self.process = int(process[:18])
        return bytes(self._greeting[:start]) + self._flush_greeting()[end + 1 :]

    def _flush_greeting(self) -> bytes:
        held, self._greeting = bytes(self._greeting or b""), None
        return held

    # Ending

    def _has_come_to_its_end(self) -> bool:
        """Whether nothing more can come: all output was taken, and the host said how it ended or never will.

        A program may close its output long before it ends (``exec >/var/log/update.log 2>&1``): that alone is no end.
        """
        return self._session.output.ended and (self._session.is_over or self._keeps_quiet())

    def _keeps_quiet(self) -> bool:
        """Whether an appliance ended the output a while ago and does not say how the command ended."""
        if self.connection.target.posix:
            return False
        self._quiet_since = self._quiet_since or time.monotonic()
        return time.monotonic() - self._quiet_since > self.connection.target.deadlines.channel

    def _held_open_by_others(self) -> bool:
        """Whether the program ended a while ago and something it left behind still holds its output open.

        A network that stalls looks the same, so the host must have answered a question in between.
        """
        if not self._session.is_over or self._session.output.ended:
            return False
        if self._quiet_since is None or self._session.output.next_stream() is not None:
            self._quiet_since, self._asked = time.monotonic(), False
        if time.monotonic() - self._quiet_since <= LEFT_BEHIND_GRACE / 2:
            return False
        if not self._asked:
            self._asked = self.connection.probe()
            self._quiet_since = time.monotonic()
            return False
        return True

    def _collect_end(self, held_open: bool = False) -> None:
        status, signal, target = self._session.status, self._session.signal, self.connection.target
        unannounced = target.posix and self.process is None and self._greeting is not None
        held = self._flush_greeting()
        if held:
            self._ready.append(OutputReceived(STDERR, held))
        if status is None and not signal:
            self._ready.append(Exited(None, connection_lost=self._session.why_lost))
        elif unannounced:
            self._ready.append(ProgramNotStarted(why_not_started(target.name, held, status)))
        else:
            cut = not held_open and self._session.output_was_cut
            self._ready.append(Exited(status, signal, held_open=held_open, output_cut=cut))
            self.ended_cleanly = not held_open and not cut


def why_not_started(name: str, said: bytes, status: int | None) -> str:
    """The sentence for a session that the host ended before the program began; ``said`` is what it printed."""
    text = said.decode(errors="replace")
    if "password has expired" in text.lower():
        return f"The password of the login on {name} has expired: change it there, then run again."
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    ended = f" with exit status {status}" if status is not None else ""
    said_so = f', saying "{last[:150]}"' if last else ""
    return f"{name} ended the session{ended} before the program started{said_so}: check the login's shell."


__all__ = ["ConnectError", "Event", "Program"]
