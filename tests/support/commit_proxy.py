"""A proxy before PostgreSQL that cuts a connection at its COMMIT: before it arrives, or after it was done."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import threading
from collections import deque
from pathlib import Path

_SOCKET = ".s.PGSQL.5432"
_COMMIT = b"COMMIT\x00"
BEFORE, AFTER = "before", "after"


class CommitProxy:
    """Listens in ``directory`` and passes everything on to the server in ``server``, except for what ``cuts`` says.

    Each entry of ``cuts`` is for one COMMIT: ``BEFORE`` it is passed on, or ``AFTER`` it was answered.
    """

    def __init__(self, server: Path) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="opsconsole-proxy-"))
        self.cuts: deque[str] = deque()
        self._server = str(server / _SOCKET)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.directory / _SOCKET))
        self._listener.listen(64)
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Cut all connections and listen no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        _cut(*self._open)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                self._open |= {client, server}
                answered = threading.Event()
                threading.Thread(target=self._forward, args=(client, server, answered), daemon=True).start()
                threading.Thread(target=self._answer, args=(client, server, answered), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket, swallow: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if _COMMIT in data and self.cuts:
                    if self.cuts.popleft() == BEFORE:
                        break
                    swallow.set()
                server.sendall(data)
        _cut(client, server)

    def _answer(self, client: socket.socket, server: socket.socket, swallow: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while (data := server.recv(65536)) and not swallow.is_set():
                client.sendall(data)
        _cut(client, server)


def _cut(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
