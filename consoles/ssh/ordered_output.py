"""Both streams of a channel in the order they arrived, and one thing to wait on.

paramiko keeps standard output and standard error in two buffers, which loses their order and gives a reader two things
to wait for. A channel's buffers are plain attributes with a small interface (``feed``, ``read``, ``close``, …), so two
views on one queue take their place; flow control stays with paramiko, which counts what ``recv`` gives out.
"""

from __future__ import annotations

import threading
from collections import deque

from consoles.ssh.events import STDERR, STDOUT


class OrderedOutput:
    """A queue of (stream, bytes) filled by the transport's thread and emptied by one reader."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._pieces: deque[tuple[int, bytes]] = deque()
        self._open = {STDOUT, STDERR}
        self._woken = False
        #: What :meth:`take` gave last.
        self.taken = b""

    def view(self, stream: int) -> StreamView:
        """The buffer that a channel uses for one stream."""
        return StreamView(self, stream)

    def feed(self, stream: int, data: bytes) -> None:
        with self.changed:
            self._pieces.append((stream, data))
            self.changed.notify()

    def close(self, stream: int) -> None:
        with self.changed:
            self._open.discard(stream)
            self._woken = True
            self.changed.notify()

    def wake(self) -> None:
        """End the reader's wait now, or its next one if it is not waiting."""
        with self.changed:
            self._woken = True
            self.changed.notify()

    def wait(self, timeout: float) -> None:
        """Wait at most ``timeout`` seconds for bytes, the end of a stream, or :meth:`wake`."""
        with self.changed:
            if not (self._pieces or self._woken):
                self.changed.wait(timeout)
            self._woken = False

    @property
    def ended(self) -> bool:
        """Whether both streams are closed and everything was taken."""
        with self.changed:
            return not self._open and not self._pieces

    def next_stream(self) -> int | None:
        """The stream of the oldest bytes, or None when there are none."""
        with self.changed:
            return self._pieces[0][0] if self._pieces else None

    def take(self, stream: int, most: int) -> bytes:
        """The oldest bytes while they are of ``stream``: at most ``most``, and b"" when there are none."""
        taken: list[bytes] = []
        with self.changed:
            while self._pieces and self._pieces[0][0] == stream and most > 0:
                data = self._pieces.popleft()[1]
                if len(data) > most:
                    self._pieces.appendleft((stream, data[most:]))
                    data = data[:most]
                taken.append(data)
                most -= len(data)
        self.taken = taken[0] if len(taken) == 1 else b"".join(taken)
        return self.taken

    def waiting(self, stream: int) -> int:
        with self.changed:
            return sum(len(data) for found, data in self._pieces if found == stream)


class StreamView:
    """What a paramiko channel expects of a stream's buffer."""

    def __init__(self, output: OrderedOutput, stream: int) -> None:
        self._output = output
        self._stream = stream

    def feed(self, data: bytes) -> None:
        self._output.feed(self._stream, bytes(data))

    def read(self, most: int, timeout: float | None = None) -> bytes:
        """Never waits: the reader asks only for what :meth:`OrderedOutput.next_stream` announced."""
        return self._output.take(self._stream, most)

    def read_ready(self) -> bool:
        return self._output.waiting(self._stream) > 0

    def close(self) -> None:
        self._output.close(self._stream)

    def note_end(self) -> None:
        """The host said how the program ended: let the reader look."""
        self._output.wake()

    def set_event(self, event: threading.Event) -> None:
        """Unused: ``fileno`` is never asked of these channels."""

    def empty(self) -> bytes:
        return self._output.take(self._stream, 2**62)

    def __len__(self) -> int:
        return self._output.waiting(self._stream)
