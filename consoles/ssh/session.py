"""One exec request on a connection: its channel, what is sent to it, and what comes back in the order it arrived."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import paramiko

from consoles.ssh import watchdog
from consoles.ssh.events import STDERR, STDOUT, ProgramNotStarted
from consoles.ssh.ordered_output import OrderedOutput

if TYPE_CHECKING:
    from consoles.ssh.connection import Connection

#: What paramiko raises where the connection breaks while it sends, also from calls that seem only to read or close.
BROKEN = (paramiko.SSHException, EOFError, OSError)
#: Most bytes taken at once.
READ_SIZE = 256 * 1024


class Session:
    """A command line that the host accepted. One thread reads it; ``wake`` and ``close`` may be called from any."""

    def __init__(self, connection: Connection, command: str) -> None:
        """Ask the host to execute ``command``.

        Raises :class:`ConnectError` when the host refuses; ``certain`` of a :class:`ProgramNotStarted` says whether
        nothing was started then: a POSIX host gets the program only later, an appliance gets it in the request.
        """
        self.connection = connection
        self.output = OrderedOutput()
        self._closed_here = False
        target, self._channel = connection.target, connection.open_channel()
        self._channel.in_buffer = self.output.view(STDOUT)  # type: ignore[assignment]  # see ordered_output
        self._channel.in_stderr_buffer = self.output.view(STDERR)  # type: ignore[assignment]  # the same
        try:
            with watchdog.guard(connection.channel_deadline, connection.close):
                self._channel.exec_command(command.encode())
        except BROKEN as error:
            self._close_channel()
            certain = target.posix or connection.is_active
            why = str(error).rstrip(".") or "the connection ended"
            raise ProgramNotStarted(f"{target.name} did not start the program: {why}.", certain) from None
        connection.proved_alive()

    def send(self, data: bytes, last: bool = False) -> None:
        """Send standard input, with ``last`` its end; what does not fit the host's window is sent by a thread."""
        if len(data) <= self._channel.out_window_size:
            self._send(data, last)
        else:
            # A host that reads nothing must not hold up the reader of its output.
            threading.Thread(target=self._send, args=(data, last), name="ssh-send", daemon=True).start()

    def _send(self, data: bytes, last: bool) -> None:
        try:
            self._channel.sendall(data)
            if last:
                self._channel.shutdown_write()
        except BROKEN:
            # The channel is closed; the reader sees that, and the host runs nothing that came incomplete.
            return

    def take(self) -> tuple[int, bytes] | None:
        """The stream and bytes that arrived first, or None when there are none."""
        stream = self.output.next_stream()
        if stream is None:
            return None
        receive = self._channel.recv if stream == STDOUT else self._channel.recv_stderr
        try:
            return stream, receive(READ_SIZE)
        except BROKEN:
            # It broke when the host was told that it may send more. What had come by then is here all the same.
            return stream, self.output.taken

    def wake(self) -> None:
        """Let a reader that waits for output return now."""
        self.output.wake()

    def close(self) -> None:
        """Close the channel. Without a terminal this does not end what runs on the host."""
        self._closed_here = True
        self._close_channel()

    def _close_channel(self) -> None:
        with contextlib.suppress(*BROKEN):
            self._channel.close()

    # Its end

    @property
    def is_over(self) -> bool:
        """Whether the host said how the command ended, or never will."""
        return self._channel.status_event.is_set() or self._channel.closed

    @property
    def output_was_cut(self) -> bool:
        """Whether the connection went before the host could say that the output was complete."""
        return not self._channel.eof_received and not self.connection.is_active

    @property
    def status(self) -> int | None:
        """The exit status, or None while the host has not said."""
        status = self._channel.exit_status
        return status if status >= 0 else None

    @property
    def signal(self) -> str:
        """The signal that ended it, without SIG (RFC 4254, 6.10), or ""."""
        # The host chooses this text; a real name is short.
        return str(getattr(self._channel, "exit_signal", ""))[:20]

    @property
    def why_lost(self) -> str:
        """Why it ended without saying how."""
        if self._closed_here:
            return "the console closed the session"
        if self.connection.is_active:
            return "the host closed the session without saying how the program ended"
        return "the connection was lost"
