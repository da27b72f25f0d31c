"""What is sent to a host's shell. Pure text; nothing here is built from a user's input except by quoting.

Command lines must survive a login shell that is not a POSIX one (csh, fish), so they hold no newline, no ``!`` and no
single quote inside the quoted part. The program itself travels on standard input: it has no length limit there, needs
no quoting, and other users of the host do not see it in ``ps``.
"""

from __future__ import annotations

import shlex
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Printed on standard error before the program starts: the mark, our token, and the shell's process id, which is
#: usually its process group too, as OpenSSH gives every session without a terminal a session and group of its own.
MARK = b"\x01opsc "

_ANNOUNCE = 'printf "\\001opsc %s %d\\n" "$1" $$ >&2'
# A one-line program is read by the shell itself; starting cat for it would cost as much as the program.
_READ_LINE = "IFS= read -r opsc"
_READ_ALL = "opsc=$(cat)"
# Our token follows the program. Without it the connection broke off on the way: half a script must not run. It is taken
# off again, or a trailing backslash or an open here-document would make it part of the program.
_CHECK_TEXT = 'case $opsc in *"#$1") opsc=${opsc%"#$1"};; *) exit 125;; esac'
_RUN_TEXT = 'shift; eval "unset opsc; $opsc" </dev/null'
_READ_FILE = (
    'opsc=$(mktemp "${TMPDIR:-/tmp}/opsc.XXXXXX") || exit 125; trap "rm -f \\"\\$opsc\\"" EXIT; '
    'trap "exit 129" HUP; trap "exit 130" INT; trap "exit 143" TERM; cat >"$opsc"'
)
_CHECK_FILE = '[ "$(wc -c <"$opsc")" -eq "$3" ] || exit 125'
_RUN_FILE = '$2 "$opsc" </dev/null'


def command_line(program: str, token: str) -> str:
    """The exec request that announces itself by ``token`` and then runs what :func:`standard_input` sends.

    A program that begins with ``#!`` is put into a private temporary file and given to that interpreter.
    """
    if program.startswith("#!"):
        interpreter = program.split("\n", 1)[0][2:].strip() or "/bin/sh"
        length = str(len(standard_input(program, token)))
        return posix_sh(f"{_ANNOUNCE}; {_READ_FILE}; {_CHECK_FILE}; {_RUN_FILE}", token, interpreter, length)
    reader = _READ_LINE if _is_one_line(program) else _READ_ALL
    return posix_sh(f"{_ANNOUNCE}; {reader}; {_CHECK_TEXT}; {_RUN_TEXT}", token)


def standard_input(program: str, token: str) -> bytes:
    """What the command line reads: the program, and for the shell our token as the last thing."""
    if program.startswith("#!"):
        return program.encode()
    if _is_one_line(program):
        return f"{program.rstrip(chr(10))}#{token}\n".encode()
    return f"{program}#{token}".encode()


def _is_one_line(program: str) -> bool:
    return "\n" not in program.rstrip("\n") and len(program) <= 2000


def posix_sh(text: str, *arguments: str) -> str:
    """The exec request that lets a POSIX shell run ``text``, which has no single quote, newline or ``!``."""
    quoted = " ".join(shlex.quote(argument) for argument in arguments)
    # The first word after the text is what the shell calls itself in its messages.
    return f"exec /bin/sh -c '{text}' sh {quoted}"


def end_group(process: int, grace: float) -> str:
    """A program that ends the group of a process: TERM, ``grace`` seconds, KILL, and a look at what is left.

    Prints one word a line as it goes: ``term``, then ``ended`` or ``kill`` and ``ended``, or ``left PID COMMAND`` for
    each survivor; ``none`` where no such process was there. Processes that have ended but not been collected by their
    parent (zombies) do not count. Where processes cannot be listed, by ``ps`` or in ``/proc``, it signals without ever
    saying that they ended.
    """
    return f"process={int(process)} tenths={_tenths(grace)} spool= look=\n{remote_text('end_group')}"


def end_spool(spool: str, grace: float, why: str) -> str:
    """The same for the detached program that is kept under this name; it is known by more than its number.

    ``why``, one word, is kept there before it is signalled, and comes back with its end whoever hears of that.
    """
    words = f"process= spool={_home(spool)} tenths={_tenths(grace)} why={shlex.quote(why)} look="
    return f"{words}\n{remote_text('end_group')}"


def look_at_spool(spool: str) -> str:
    """A program that only looks whether processes of a detached one are left: ``left …`` lines, or ``none``."""
    return f"process= spool={_home(spool)} look=1\n{remote_text('end_group')}"


def spools(remove: Iterable[str] = ()) -> str:
    """A program that lists the spools of a login, or removes those named ``remove`` that do not run any more."""
    return f"remove={shlex.quote(' '.join(remove))}\n{remote_text('spools')}"


@cache
def remote_text(name: str) -> str:
    """A text of ``remote/`` that runs on hosts, without its comments: a host's shell reads every byte of it."""
    lines = (Path(__file__).parent / "remote" / f"{name}.sh").read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.lstrip().startswith("#"))


def _home(spool: str) -> str:
    return f'"$HOME"/.opsconsole/{shlex.quote(spool)}'


def _tenths(grace: float) -> int:
    return max(int(grace * 10), 1)
