"""The tools people use, each doing the same work in its own way, checked to have done it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.lab import Failed, Lab, Work
from bench.report import Took

HERE = Path(__file__).parent
VENV_BIN = HERE / ".venv" / "bin"
_SCRIPTS = HERE / "scripts"
#: What keeps OpenSSH's connections open for the next command; clush takes %% for %.
_KEEP = "-o ControlMaster=auto -o ControlPersist=120 -o ControlPath={folder}/%%C"


@dataclass(frozen=True)
class Tool:
    """A competitor. ``missing`` says why it cannot run, or "". Each round is given ``patience`` seconds."""

    name: str
    missing: Callable[[], str]
    run: Callable[[Lab, Work, float], Took]
    note: str = ""
    most_rounds: int = 99
    patience: float = 600


def _timed(command: Sequence[str | Path], out: Path, patience: float, **environment: str) -> float:
    """Run a program, its output into ``out``; seconds from its start to its end."""
    with out.open("wb") as file:
        began = time.perf_counter()
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE, env={**os.environ, **environment},
            timeout=patience,
        )  # fmt: skip
        seconds = time.perf_counter() - began
    if done.returncode:
        raise Failed(f"{command[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-300:]}")
    return seconds


def _expect(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise Failed(f"{found} {what} instead of {expected}")


def _count(file: Path, what: bytes) -> int:
    """How often ``what`` is in the file, a line's part."""
    with file.open("rb") as lines:
        return sum(line.count(what) for line in lines)


# ClusterShell


def _clush(lab: Lab, work: Work, patience: float, folder: Path, options: str = "") -> Took:
    ssh_options = f"-F {lab.ssh_config} {options}".strip()
    hosts = lab.host_file(work.hosts)
    command: list[str | Path] = ["clush", "--nostdin", "--hostfile", hosts, "-f", str(work.fanout), "-o", ssh_options]
    command.append(work.command)
    seconds = _timed(command, folder / "out", patience)
    _expect("lines", _count(folder / "out", b"\n"), work.hosts * work.output.count(b"\n"))
    return Took(seconds)


def clush(lab: Lab, work: Work, patience: float) -> Took:
    """clush as installed."""
    with lab.folder() as folder:
        return _clush(lab, work, patience, folder)


def clush_persist(lab: Lab, work: Work, patience: float) -> Took:
    """clush over connections that OpenSSH's client has kept open."""
    with lab.folder() as folder, _masters(folder):
        options = _KEEP.format(folder=folder)
        _clush(lab, work, patience, folder, options)
        return _clush(lab, work, patience, folder, options)


@contextlib.contextmanager
def _masters(folder: Path) -> Iterator[None]:
    """End the connections that OpenSSH's client keeps open with their control sockets in ``folder``."""
    try:
        yield
    finally:
        for path in folder.iterdir():
            if path.is_socket():
                subprocess.run(["ssh", "-S", str(path), "-O", "exit", "any"], capture_output=True)


# pssh


def pssh(lab: Lab, work: Work, patience: float) -> Took:
    """Debian's parallel-ssh, one file per host."""
    with lab.folder() as folder:
        command: list[str | Path] = [
            "parallel-ssh", "-h", lab.host_file(work.hosts), "-p", str(work.fanout), "-t", "0",
            "-x", f"-F {lab.ssh_config}", "-o", folder / "files", work.command,
        ]  # fmt: skip
        seconds = _timed(command, folder / "out", patience)
        files = list((folder / "files").iterdir())
        _expect("files", len(files), work.hosts)
        for file in files:
            _expect(f"bytes of {file.name}", file.stat().st_size, len(work.output))
        return Took(seconds)


# Ansible


def _ansible(lab: Lab, work: Work, patience: float, folder: Path) -> Took:
    variables = f"ansible_ssh_common_args='-F {lab.ssh_config}' ansible_connection=ssh"
    inventory = folder / "inventory"
    inventory.write_text("".join(f"{address} {variables}\n" for address in lab.fleet.addresses[: work.hosts]))
    (folder / "ansible.cfg").touch()
    # -m raw and Ansible's own ssh arguments: ControlPersist, as it comes.
    command: list[str | Path] = [
        VENV_BIN / "ansible", "all", "-i", inventory, "-f", str(work.fanout), "-m", "raw", "-a", work.command,
    ]  # fmt: skip
    seconds = _timed(
        command, folder / "out", patience,
        ANSIBLE_SSH_CONTROL_PATH_DIR=str(folder), ANSIBLE_LOCAL_TEMP=str(folder / "tmp"),
        ANSIBLE_HOME=str(folder / "home"), ANSIBLE_CONFIG=str(folder / "ansible.cfg"), ANSIBLE_NOCOLOR="1",
        PATH=f"{VENV_BIN}:{os.environ['PATH']}",
    )  # fmt: skip
    _expect("hosts that succeeded", _count(folder / "out", b"| CHANGED | rc=0 >>"), work.hosts)
    return Took(seconds)


def ansible(lab: Lab, work: Work, patience: float) -> Took:
    """Ansible's raw module, connecting."""
    with lab.folder() as folder, _masters(folder):
        return _ansible(lab, work, patience, folder)


def ansible_warm(lab: Lab, work: Work, patience: float) -> Took:
    """The same over the connections it keeps by default."""
    with lab.folder() as folder, _masters(folder):
        _ansible(lab, work, patience, folder)
        return _ansible(lab, work, patience, folder)


# Libraries


def _script(python: Path | str, name: str, lab: Lab, work: Work, patience: float, warm: bool) -> Took:
    order = {
        "hosts": lab.fleet.addresses[: work.hosts], "port": lab.fleet.port, "user": lab.fleet.user,
        "key": str(lab.fleet.private_key), "known_hosts": str(lab.known_hosts), "command": work.command,
        "fanout": work.fanout, "warm": warm,
    }  # fmt: skip
    with lab.folder() as folder:
        _timed([python, _SCRIPTS / name, json.dumps(order)], folder / "out", patience)
        answer: dict[str, Any] = json.loads((folder / "out").read_bytes().splitlines()[-1])
    _expect("outputs", len(answer["sizes"]), work.hosts)
    for size in answer["sizes"]:
        _expect("bytes", size, len(work.output))
    return Took(answer["seconds"], answer["processor"])


def paramiko(lab: Lab, work: Work, patience: float) -> Took:
    """A bare paramiko script with a thread pool, connecting."""
    return _script(sys.executable, "bare_paramiko.py", lab, work, patience, warm=False)


def paramiko_warm(lab: Lab, work: Work, patience: float) -> Took:
    """The same on open connections."""
    return _script(sys.executable, "bare_paramiko.py", lab, work, patience, warm=True)


def parallel_ssh(lab: Lab, work: Work, patience: float) -> Took:
    """The library parallel-ssh."""
    return _script(VENV_BIN / "python", "parallel_ssh_library.py", lab, work, patience, warm=False)


# OpenSSH


def ssh_to_file(lab: Lab, work: Work, patience: float) -> Took:
    """``ssh host command > file``."""
    with lab.folder() as folder:
        seconds = _timed(["ssh", "-F", lab.ssh_config, lab.fleet.addresses[0], work.command], folder / "out", patience)
        if (folder / "out").read_bytes() != work.output:
            raise Failed("ssh stored something else than was printed")
        return Took(seconds)


# What is there


def _program(name: str, package: str) -> Callable[[], str]:
    return lambda: "" if shutil.which(name) else f"{name} is not installed (package {package})"


def _in_venv(name: str, distribution: str) -> Callable[[], str]:
    def missing() -> str:
        found = (VENV_BIN / name).exists() and list(VENV_BIN.parent.glob(f"lib/*/site-packages/{distribution}*"))
        return "" if found else f"{distribution} could not be installed into {VENV_BIN.parent.relative_to(HERE.parent)}"

    return missing


_clush_missing = _program("clush", "clustershell")
_ansible_missing = _in_venv("ansible", "ansible_core")

CLUSH = Tool("clush", _clush_missing, clush)
CLUSH_ONCE = Tool("clush", _clush_missing, clush, "once, as it takes minutes", most_rounds=1)
CLUSH_PERSIST = Tool("clush-persist", _clush_missing, clush_persist, "with ControlPersist, second command")
PSSH = Tool("pssh", _program("parallel-ssh", "pssh"), pssh, "one file per host")
ANSIBLE = Tool("ansible", _ansible_missing, ansible, "-m raw")
ANSIBLE_WARM = Tool("ansible-warm", _ansible_missing, ansible_warm, "-m raw, second command")
PARAMIKO = Tool("paramiko", lambda: "", paramiko, "bare script, in memory, not counting Python's start")
PARAMIKO_WARM = Tool("paramiko-warm", lambda: "", paramiko_warm, "the same on open connections")
PARALLEL_SSH = Tool(
    "parallel-ssh",
    _in_venv("python", "parallel_ssh"),
    parallel_ssh,
    "library, in memory, not counting Python's start",
    patience=120,
)
SSH = Tool("ssh", _program("ssh", "openssh-client"), ssh_to_file, "ssh host command > file")
