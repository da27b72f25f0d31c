"""SSH as frozen events and one-sentence errors. Knows no Django; the only place that imports paramiko.

Reading order: ``events``, ``target``, ``connection``, ``kept``, ``session``, ``program``, ``detached``, ``ending``.
"""

from consoles.ssh.connection import Connection
from consoles.ssh.detached import DetachedProgram, Spool
from consoles.ssh.ending import Ending, end_program, end_spool, survivors
from consoles.ssh.events import (
    CannotDetach,
    ConnectError,
    Exited,
    HostKeyMismatch,
    HostLimit,
    OutputReceived,
    ProgramNotStarted,
    SpoolMissing,
    Vanished,
)
from consoles.ssh.host_keys import OfferedKey, offered_keys
from consoles.ssh.kept import KeptConnections
from consoles.ssh.program import Program
from consoles.ssh.spools import KeptSpool, remove_spools, spools
from consoles.ssh.target import Deadlines, HostKeyPin, Login, Target, agent_login, key_login, password_login

__all__ = [
    "KeptSpool",
    "end_spool",
    "remove_spools",
    "spools",
    "CannotDetach",
    "ConnectError",
    "Connection",
    "Deadlines",
    "DetachedProgram",
    "Ending",
    "Exited",
    "HostKeyMismatch",
    "HostKeyPin",
    "HostLimit",
    "KeptConnections",
    "Login",
    "OfferedKey",
    "OutputReceived",
    "Program",
    "ProgramNotStarted",
    "Spool",
    "SpoolMissing",
    "Target",
    "Vanished",
    "agent_login",
    "end_program",
    "key_login",
    "offered_keys",
    "password_login",
    "survivors",
]
