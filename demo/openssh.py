"""OpenSSH's server for the fleet: where it is, and how it is told to be harmless."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_SBIN = "/usr/sbin:/usr/local/sbin:/sbin:/opt/homebrew/sbin"
#: sshd's own compiled-in limit of sockets it listens on.
MOST_ADDRESSES = 16


def find_sshd() -> str | None:
    """OpenSSH's sshd, if it is installed and this account can log in through it."""
    found = shutil.which("sshd", path=os.environ.get("PATH", "") + os.pathsep + _SBIN)
    try:
        shell = pwd.getpwuid(os.geteuid()).pw_shell or "/bin/sh"
    except KeyError:
        return None
    can_login = os.access(shell, os.X_OK) and Path(shell).name not in ("nologin", "false")
    return os.path.abspath(found) if found and can_login else None


def sshd_config(
    *,
    sshd: str,
    label: str,
    places: Sequence[tuple[str, int]],
    host_key: Path,
    authorized_keys: Path,
    home: Path,
    user: str,
    options: Mapping[str, str],
) -> Iterator[str]:
    """The lines of a configuration that listens on ``places`` only and lets ``user`` in by key only."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, parents=True, exist_ok=True)
    # sshd takes the first value it reads, so what the caller asked for comes first.
    yield from (f"{name} {value}" for name, value in options.items())
    yield from (f"ListenAddress {address}:{port}" for address, port in places)
    yield f'HostKey "{host_key.absolute()}"'
    yield f'AuthorizedKeysFile "{authorized_keys.absolute()}"'
    yield f"AllowUsers {user}"
    yield "AuthenticationMethods publickey"
    yield "PasswordAuthentication no"
    yield "KbdInteractiveAuthentication no"
    yield "PermitRootLogin prohibit-password"
    # Without PAM sshd turns away an account whose password is locked, and root's often is.
    yield f"UsePAM {'yes' if _password_locked(user) else 'no'}"
    yield "StrictModes no"
    yield "LogLevel INFO"
    yield "PidFile none"
    yield "UseDNS no"
    yield "X11Forwarding no"
    yield "PrintMotd no"
    yield "PrintLastLog no"
    yield "PermitUserRC no"
    # A home of its own, or the shell would run the start-up files of whoever started the fleet.
    yield f'SetEnv OPSC_DEMO_HOST={label} "HOME={home.absolute()}"'
    if _knows(sshd, host_key, "PerSourcePenalties=no"):
        # All hosts of the fleet see one source address; what one of them resents must not shut out the others.
        yield "PerSourcePenalties no"


def _password_locked(user: str) -> bool:
    with contextlib.suppress(OSError):
        for line in Path("/etc/shadow").read_text().splitlines():
            name, password = line.split(":")[:2]
            if name == user:
                return password.startswith("!")
    return False


def _knows(sshd: str, host_key: Path, option: str) -> bool:
    """Whether this sshd knows a configuration option; an unknown one would keep it from starting."""
    command = [sshd, "-t", "-f", os.devnull, "-h", str(host_key.absolute()), "-o", option]
    return subprocess.run(command, capture_output=True).returncode == 0
