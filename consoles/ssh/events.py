"""What happens on a connection, as frozen values, and what can go wrong, as one-sentence errors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

STDOUT: Final = 1
STDERR: Final = 2


@dataclass(frozen=True, slots=True)
class OutputReceived:
    """Bytes the program printed, in the order they arrived across both streams."""

    stream: int
    data: bytes


class Vanished(StrEnum):
    """What a host says of a detached program whose exit status nobody wrote down."""

    KILLED = "killed"
    NEVER_BEGAN = "never"
    REBOOTED = "rebooted"


class HostLimit(StrEnum):
    """What a host ends a detached program for while nobody is connected."""

    OUTPUT = "size"
    SPOOLS = "quota"


@dataclass(frozen=True, slots=True)
class Exited:
    """The program is over and its output complete.

    ``status`` is None when the host did not say. ``signal`` is the name without SIG (RFC 4254, 6.10) or "".
    ``held_open``: a process left behind still held the output open, so later output is not here.
    ``output_cut``: the connection was lost before the end of the output arrived.
    ``connection_lost``: the end of the connection, not of the program, was seen.
    ``vanished``: what watched a detached program is gone without a word, and this is what is known about it.
    ``disk_full``: nothing more could be written on the host when the program ended, so output may be missing.
    ``stopped``: a detached program was ended, by the host itself (a :class:`HostLimit`) or for the reason given to
    :func:`~consoles.ssh.end_program`, perhaps by a process that is gone.
    """

    status: int | None
    signal: str = ""
    held_open: bool = False
    output_cut: bool = False
    connection_lost: str = ""
    vanished: Vanished | None = None
    stopped: str = ""
    disk_full: bool = False


class ConnectError(Exception):
    """The program was not started. The message is a sentence for the operator and holds no secret."""


class SessionRefused(ConnectError):
    """The host is there and lets us in, but allows no further session on this connection."""


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


class CannotDetach(ProgramNotStarted):
    """The host cannot run a program that outlives its connection; ``why`` says what it lacks."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} cannot run it detached: {why}. Mend that, or run it attached.")
        self.why = why


class SpoolMissing(ConnectError):
    """A detached program was looked for and the host, in its boot ``boot_id``, knows nothing of it."""

    def __init__(self, message: str, boot_id: str) -> None:
        super().__init__(message)
        self.boot_id = boot_id
