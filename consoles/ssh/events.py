"""What happens on a connection, as frozen values, and what can go wrong, as one-sentence errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STDOUT: Final = 1
STDERR: Final = 2


@dataclass(frozen=True, slots=True)
class OutputReceived:
    """Bytes the program printed, in the order they arrived across both streams."""

    stream: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Exited:
    """The program is over and its output complete.

    ``status`` is None when the host did not say. ``signal`` is the name without SIG (RFC 4254, 6.10) or "".
    ``detached_output``: a process left behind still held the output open, so later output is not here.
    ``output_cut``: the connection was lost before the end of the output arrived.
    ``connection_lost``: the end of the connection, not of the program, was seen.
    """

    status: int | None
    signal: str = ""
    detached_output: bool = False
    output_cut: bool = False
    connection_lost: str = ""


class ConnectError(Exception):
    """The program was not started. The message is a sentence for the operator and holds no secret."""


class HostKeyMismatch(ConnectError):
    """The host showed a key other than the pinned ones."""

    def __init__(self, message: str, key_type: str, key_base64: str, fingerprint: str) -> None:
        super().__init__(message)
        self.key_type = key_type
        self.key_base64 = key_base64
        self.fingerprint = fingerprint


class ProgramNotStarted(ConnectError):
    """Login worked, but the host did not start the program.

    ``certain`` is False where the request was sent and the connection ended before the answer: it may have started.
    """

    def __init__(self, message: str, certain: bool = True) -> None:
        super().__init__(message)
        self.certain = certain
