"""SSH as frozen events and one-sentence errors. Knows no Django; the only place that imports paramiko.

Reading order: ``events``, ``target``, ``connection``, ``kept``, ``program``,
``ending``.
"""

from consoles.ssh.connection import Connection, OfferedKey, offered_keys
from consoles.ssh.ending import Ending, end_program
from consoles.ssh.events import ConnectError, Exited, HostKeyMismatch, OutputReceived, ProgramNotStarted
from consoles.ssh.kept import KeptConnections
from consoles.ssh.program import Program
from consoles.ssh.target import Deadlines, HostKeyPin, Login, Target, agent_login, key_login, password_login

__all__ = [
    "ConnectError",
    "Connection",
    "Deadlines",
    "Ending",
    "Exited",
    "HostKeyMismatch",
    "HostKeyPin",
    "KeptConnections",
    "Login",
    "OfferedKey",
    "OutputReceived",
    "Program",
    "ProgramNotStarted",
    "Target",
    "agent_login",
    "end_program",
    "key_login",
    "offered_keys",
    "password_login",
]
