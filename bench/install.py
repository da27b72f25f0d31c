"""Installs the other tools side by side: packages as root, Python's into bench/.venv. What fails is reported later."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_VENV = Path(__file__).parent / ".venv"
_REQUIREMENTS = Path(__file__).parent / "requirements.txt"
_PACKAGES = {"clush": "clustershell", "parallel-ssh": "pssh", "sshd": "openssh-server"}
_SBIN = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"


def install() -> None:
    """Install what is missing. A tool that stays missing is named in the table, with the reason."""
    missing = [package for program, package in _PACKAGES.items() if not shutil.which(program, path=_SBIN)]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing {', '.join(missing)}.", file=sys.stderr)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "-y", *missing]):
            subprocess.run(command, env=quiet, stdout=sys.stderr)
    _fill_venv()


def _fill_venv() -> None:
    stamp = _VENV / "installed.txt"
    wanted = _REQUIREMENTS.read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("Installing Ansible and parallel-ssh into bench/.venv.", file=sys.stderr)
    pip = [str(_VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([sys.executable, "-m", "venv", str(_VENV)], stdout=sys.stderr)
    if done.returncode == 0:
        done = subprocess.run([*pip, "-r", str(_REQUIREMENTS)], stdout=sys.stderr)
    if done.returncode == 0:
        stamp.write_text(wanted)
