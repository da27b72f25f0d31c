"""A program that outlives its connection: its output is a file on the host, which is sent from any byte on.

What runs on the host is in ``remote/``: ``start.sh``, ``watch.sh`` and ``follow.sh`` are sent as one text.
"""

from __future__ import annotations

import math
import secrets
import shlex
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consoles.ssh import remote_sh
from consoles.ssh.events import (
    STDERR,
    STDOUT,
    CannotDetach,
    ConnectError,
    Exited,
    OutputReceived,
    ProgramNotStarted,
    SpoolMissing,
    Vanished,
)
from consoles.ssh.program import Event, why_not_started
from consoles.ssh.session import Session

if TYPE_CHECKING:
    from consoles.ssh.connection import Connection

#: Seconds of silence after which what must come at once, an answer or output that is there, is not waited for.
DRAIN = 20.0
#: Bytes kept of what a login prints before the program begins.
_MOST_GREETING = 256 * 1024


@dataclass(frozen=True, slots=True)
class Spool:
    """Where a host keeps a detached program: the name of its directory, unique for ever, and what it may take there.

    ``most_output`` bytes and ``most_kib`` of all spools together hold while nobody is connected.
    """

    name: str
    most_output: int
    most_kib: int


class DetachedProgram:
    """A detached program as seen over one connection. One thread reads it; ``wake`` may be called from any."""

    def __init__(self, connection: Connection, spool: Spool, text: str | None, begin: int = 0) -> None:
        """Start ``text`` unless it was started before, or with None only look for it; its output from byte ``begin``.

        Starting again is safe: the host starts a spool's program once. Raises :class:`ConnectError` when the host
        refuses the session; nothing was started then.
        """
        self.connection = connection
        self.spool = spool
        #: The host's boot in which it was found, "" where the host has no name for that; None before it was found.
        self.boot_id: str | None = None
        #: Whether the program and its channel have ended in good order, so that the connection may serve another.
        self.ended_cleanly = False
        self._token = f"opsc-{secrets.token_hex(8)}"
        self._received = begin
        self._size = 0
        self._exited: Exited | None = None
        self._quiet_since = time.monotonic()
        self._ready: deque[Event | ConnectError] = deque()
        # What the login itself printed, by stream, until the program's output begins.
        self._greeting: dict[int, bytes] | None = {STDOUT: b"", STDERR: b""}
        self._line = b""
        self._watch_at = time.monotonic() + _WATCH_AFTER
        data = _standard_input(text or "", self._token)
        self._session = Session(connection, _command_line(len(data), self._token, text is not None, spool, begin))
        self._session.send(data)

    @property
    def announced(self) -> bool:
        """Whether the program is known to have been started."""
        return self.boot_id is not None

    @property
    def has_exited(self) -> bool:
        """Whether the host has said how the program ended."""
        return self._exited is not None

    def ending_text(self, grace: float, why: str) -> str:
        """The remote program that ends it, see :func:`consoles.ssh.end_program`."""
        return remote_sh.end_spool(self.spool.name, grace, why)

    def wake(self) -> None:
        """Let a waiting :meth:`next_event` return now."""
        self._session.wake()

    def next_event(self, timeout: float) -> Event | None:
        """The next thing that happened, or None after ``timeout`` seconds or a :meth:`wake`.

        After :class:`Exited` there is nothing more. Raises :class:`CannotDetach` or :class:`ProgramNotStarted` when
        nothing was started, and :class:`SpoolMissing` when it was only looked for and is not there.
        """
        self._ask_to_watch()
        if not self._ready and not self._is_complete and self._session.output.next_stream() is None:
            self._session.output.wait(self._patience(timeout))
        self._take()
        if not self._ready:
            self._look_for_end()
        found = self._ready.popleft() if self._ready else None
        if isinstance(found, ConnectError):
            raise found
        return found

    def _ask_to_watch(self) -> None:
        """Most programs are over before a process that looks after their limits would pay."""
        if self.announced and not self.has_exited and time.monotonic() >= self._watch_at:
            self._watch_at = math.inf
            self._session.send(b"watch\n")

    def finish(self) -> None:
        """Let the host remove what it kept: everything is stored here. The connection may serve another program."""
        self._session.send(b"done all\n" if secrets.randbelow(_CLEAN_ONE_IN) == 0 else b"done\n")

    def close(self) -> None:
        """Stop following; the program goes on."""
        self._session.close()

    # Reading

    def _take(self) -> None:
        if (taken := self._session.take()) is None:
            return
        stream, data = taken
        self._quiet_since = time.monotonic()
        if stream == STDERR:
            self._hear(data)
        elif output := self._after_mark(data):
            self._received += len(output)
            self._ready.append(OutputReceived(STDOUT, output))

    def _after_mark(self, data: bytes) -> bytes:
        """What follows our mark on standard output; what a login printed before it is not the program's."""
        if self._greeting is None:
            return data
        said = self._greeting[STDOUT] + data
        _, mark, rest = said.partition(remote_sh.MARK + self._token.encode() + b" ")
        words, ended, output = rest.partition(b"\n")
        if mark and ended:
            self._greeting = None
            self._obey(words.decode(errors="replace").split(" "))
            return output
        self._greeting[STDOUT] = said[-_MOST_GREETING:]
        return b""

    def _hear(self, data: bytes) -> None:
        *lines, rest = (self._line + data).split(b"\n")
        self._line = rest[-_MOST_GREETING:]
        for line in lines:
            _, ours, words = line.partition(remote_sh.MARK + self._token.encode() + b" ")
            if ours:
                self._obey(words.decode(errors="replace").split(" "))
            elif self._greeting is not None:
                self._greeting[STDERR] = (self._greeting[STDERR] + line + b"\n")[-_MOST_GREETING:]

    def _obey(self, words: list[str]) -> None:
        match words:
            case ["started" | "found", boot_id]:
                self.boot_id = _known(boot_id)
            case ["cannot", *why]:
                self._ready.append(CannotDetach(self.connection.target.name, " ".join(why)[:300]))
            case ["gone" | "removed" as what, boot_id]:
                self._ready.append(_missing(self.connection.target.name, what, _known(boot_id)))
            case ["end", size, status, why] if _is_number(size) and self._exited is None:
                self._size = int(size)
                self._exited = _exited(status, why)

    # Ending

    @property
    def _is_complete(self) -> bool:
        """Whether nothing more can come: all output is here, or the session is over."""
        if self._exited is not None and self._received >= self._size:
            return True
        return self._session.output.ended and self._session.is_over

    def _patience(self, timeout: float) -> float:
        if self._exited is None and self.announced:
            return min(timeout, max(self._watch_at - time.monotonic(), 0.01))
        return max(min(timeout, self._quiet_since + DRAIN - time.monotonic()), 0.01)

    def _look_for_end(self) -> None:
        if self._exited is not None and self._received >= self._size:
            self.ended_cleanly = True
            self._ready.append(self._exited)
        elif self._is_complete:
            self._say_end_of_session()
        elif not (self._exited is None and self.announced) and time.monotonic() - self._quiet_since >= DRAIN:
            self._ready.append(self._silence())

    def _silence(self) -> Event | ConnectError:
        """It is answered at once, and sent without a pause: a host that does neither is best asked again."""
        if self.announced:
            return Exited(None, connection_lost=f"the host sent nothing for {DRAIN:g} s")
        name = self.connection.target.name
        why = f"{name} let the login in and then said nothing for {DRAIN:g} s: it is overloaded, or has no POSIX shell."
        return ProgramNotStarted(why, certain=False)

    def _say_end_of_session(self) -> None:
        session, greeting = self._session, self._greeting or {}
        if session.status is None or session.signal or self.announced:
            self._ready.append(Exited(None, connection_lost=session.why_lost))
            return
        # Nothing was started, and what the login said instead is all there is to see.
        words = greeting.get(STDERR, b"") + self._line
        self._ready += [
            OutputReceived(stream, said)
            for stream, said in ((STDOUT, greeting.get(STDOUT, b"")), (STDERR, words))
            if said
        ]
        self._ready.append(ProgramNotStarted(why_not_started(self.connection.target.name, words, session.status)))


#: What the host says where it could not write down the exit status.
_DISK_FULL = "full"
#: What it says where something that the program left behind holds its output open.
_HELD_OPEN = "held"
#: One program in so many looks for old spools when it is over: each host is swept now and then, no run waits for it.
_CLEAN_ONE_IN = 50
#: Bytes of a program that a host hands over in its environment (Linux: at most 128 KiB a word), without a process more.
_SHORT = 32 * 1024
#: Seconds after which a program that still runs is looked after on its host; before, only while it is connected.
_WATCH_AFTER = 1.0

# Shells of the ash family (dash, busybox) execute a file line by line as it comes, so no process needs to read it for
# them; bash and ksh read a file to its end first. Nothing of the text happens before its last line. Where the length
# is asked for: what is not whole must not be run, not even in part. The texts come as quoted words: to cut them apart
# by patterns takes dash a tenth of a second, ten times what all the rest does.
_READS_WHOLE_FILES = "${BASH_VERSION:-}${KSH_VERSION:-}${YASH_VERSION:-}${ZSH_VERSION:-}"
_READS_AS_IT_COMES = f'[ -p /dev/stdin ] && [ -r /dev/stdin ] && [ -z "{_READS_WHOLE_FILES}" ]; then'
_READ = (
    f"if {_READS_AS_IT_COMES} . /dev/stdin; exit 125; fi; "
    'opsc=$(head -c "$1") || { printf "\\001opsc %s cannot it has no head -c\\n" "$2" >&2; exit 0; }; '
    'case $opsc in *"#$2") ;; *) exit 125 ;; esac; eval "$opsc"'
)
# Where the login's shell is that of /bin/sh, it need not be started once more. Others (csh, fish) see only a word.
_IN_LOGIN_SHELL = "test \"$SHELL\" -ef /bin/sh && eval 'if {test} set -- {words}; . /dev/stdin; exit 125; fi'; "


def _command_line(length: int, token: str, start: bool, spool: Spool, begin: int) -> str:
    action = "start" if start else "follow"
    words = (str(length), token, action, spool.name, str(begin), str(spool.most_output), str(spool.most_kib))
    # None of them needs quotes, which could not stand within others.
    at_once = _IN_LOGIN_SHELL.format(test=_READS_AS_IT_COMES, words=" ".join(words))
    return at_once + remote_sh.posix_sh(_READ, *words)


def _standard_input(program: str, token: str) -> bytes:
    short = "1" if len(program.encode()) <= _SHORT else ""
    texts = "".join(remote_sh.remote_text(name) for name in ("start", "watch", "follow"))
    return f"_short={short}\n_program={shlex.quote(program)}\n{texts}main #{token}\n".encode()


def _is_number(text: str) -> bool:
    """Whether a host's word is a plain number of a size that makes sense."""
    return text.isascii() and text.isdigit() and len(text) < 19


def _exited(status: str, why: str) -> Exited:
    if _is_number(status):
        stopped = "" if why in (_DISK_FULL, _HELD_OPEN) else why
        return Exited(int(status), held_open=why == _HELD_OPEN, stopped=stopped, disk_full=why == _DISK_FULL)
    vanished = Vanished(why) if why in set(Vanished) else Vanished.KILLED
    return Exited(None, vanished=vanished, stopped="" if why in set(Vanished) else why)


def _known(boot_id: str) -> str:
    """The host's word for its boot, or "" where it has none."""
    return "" if boot_id == "-" else boot_id[:64]


def _missing(name: str, what: str, boot_id: str) -> SpoolMissing:
    if what == "removed":
        return SpoolMissing(f"What {name} kept of it was removed before everything was stored here.", boot_id)
    return SpoolMissing(f"{name} knows nothing of it: its directory ~/.opsconsole was removed.", boot_id)
