"""One demo host without OpenSSH: an SSH server on loopback from the library asyncssh, key login only, without ptys.

Usage: ``asyncssh_server.py NAME ADDRESS PORT HOST_KEY AUTHORIZED_KEYS USER HOME``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from functools import partial
from typing import Any

import asyncssh

_BLOCK = 64 * 1024


class _KeyOnly(asyncssh.SSHServer):
    """Lets one user in, by key."""

    def __init__(self, user: str) -> None:
        self._user = user
        self._known = False

    def begin_auth(self, username: str) -> bool:
        self._known = username == self._user
        return True

    def public_key_auth_supported(self) -> bool:
        return self._known

    def password_auth_supported(self) -> bool:
        return False

    def kbdint_auth_supported(self) -> bool:
        return False


async def _run(environment: dict[str, str], session: Any) -> None:
    """Run the session's command with the user's shell, as sshd does: what it starts outlives the connection."""
    shell = environment["SHELL"]
    command = [shell, "-c", session.command] if session.command is not None else [shell]
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    program = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=out_end,
        stderr=err_end,
        env=environment,
        cwd=environment["HOME"],
        start_new_session=True,
    )
    os.close(out_end)
    os.close(err_end)
    feeding = asyncio.create_task(_feed(session, program))
    await asyncio.gather(_forward(out, session.stdout), _forward(err, session.stderr))
    status = await program.wait()
    feeding.cancel()
    if status < 0:
        session.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
    else:
        session.exit(status)


async def _feed(session: Any, program: Process) -> None:
    """Pass the client's input and signals on to the program."""
    assert program.stdin is not None
    with contextlib.suppress(OSError, asyncssh.Error):
        while True:
            try:
                data = await session.stdin.read(_BLOCK)
            except asyncssh.SignalReceived as received:
                os.killpg(program.pid, signal.Signals[f"SIG{received.signal}"])
                continue
            if not data:
                break
            program.stdin.write(data)
            await program.stdin.drain()
    program.stdin.close()


async def _forward(source: int, target: Any) -> None:
    """Send what comes out of a pipe to the client, no faster than it takes it."""
    reader = asyncio.StreamReader(limit=_BLOCK)
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(source, "rb", 0)
    )
    try:
        # A client that is gone closes the pipe, and the program finds out at its next line, as under sshd.
        with contextlib.suppress(OSError, asyncssh.Error):
            while data := await reader.read(_BLOCK):
                target.write(data)
                await target.drain()
    finally:
        pipe.close()


def _environment(name: str, user: str, home: str) -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("LANG", "LC_ALL", "TZ") if key in os.environ}
    return {
        **kept,
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": home,
        "SHELL": os.environ.get("SHELL") or "/bin/sh",
        "USER": user,
        "LOGNAME": user,
        "OPSC_DEMO_HOST": name,
    }


async def _serve(name: str, address: str, port: str, host_key: str, authorized_keys: str, user: str, home: str) -> None:
    await asyncssh.listen(
        address,
        int(port),
        server_factory=partial(_KeyOnly, user),
        server_host_keys=[host_key],
        authorized_client_keys=authorized_keys,
        process_factory=partial(_run, _environment(name, user, home)),
        encoding=None,
        line_editor=False,
        allow_pty=False,
        reuse_address=True,
    )
    # In sshd's words: the fleet waits for them, as somebody else's server may answer there.
    print(f"Server listening on {address} port {port}.", file=sys.stderr, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
