"""A home directory on this machine in which our remote programs run as a host's shell would run them, without SSH."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from consoles.ssh import detached, remote_sh

_TOKENS = iter(f"opsc-{number:016x}" for number in range(10**9))
_BLOCK = 1024 * 1024
#: Seconds between looks at what can only be looked at; without them we would take the processor from what we wait for.
_LOOK_EVERY = 0.02

#: What executes a host's /bin/sh, by the name of the program; whichever this machine has.
POSIX_SHELLS = ["dash", "bash", "busybox", "ksh"]
#: What a login may have as its shell.
LOGIN_SHELLS = ["dash", "bash", "busybox", "csh", "tcsh", "zsh", "fish", "ksh", "mksh"]


def found(shell: str) -> str:
    """The path of a shell; skips the test where it is not installed."""
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed")
    return path


class Follower:
    """One session of ``follow.sh``: what came after our mark on standard output, and what it said beside that."""

    def __init__(
        self, command: list[str], data: bytes, environment: dict[str, str], cwd: Path, token: str, begin: int
    ) -> None:
        self.begin = begin
        self.output = b""
        self.before = b""
        self.said: list[list[str]] = []
        self._errors = b""
        self._mark = remote_sh.MARK + token.encode()
        self._began = False
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=cwd,
            start_new_session=True,
        )  # fmt: skip
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def wait_until(self, seen: Callable[[], Any], timeout: float = 20) -> Any:
        """Read until ``seen`` gives something true; fails when both streams end, or in time, without that."""
        deadline = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            for stream in (self.process.stdout, self.process.stderr):
                assert stream is not None
                if not stream.closed:
                    selector.register(stream, selectors.EVENT_READ)
            while not (result := seen()):
                left = deadline - time.monotonic()
                assert left > 0 and selector.get_map(), (self.said, self.output[-200:], self._errors)
                for key, _ in selector.select(left):
                    data = os.read(key.fd, _BLOCK)
                    if not data:
                        selector.unregister(key.fileobj)
                    self._take(key.fileobj is self.process.stdout, data)
        return result

    def wait_for(self, word: str) -> list[str]:
        """The rest of what it said with this word."""
        return list(self.wait_until(lambda: self._of(word)))[1:]

    def _of(self, word: str) -> list[str]:
        return next((words for words in self.said if words[0] == word), [])

    def wait_for_end(self) -> tuple[int, str, str]:
        """Size, exit status and what else is known of the end, once all output is here."""
        size, status, why = self.wait_for("end")
        self.wait_until(lambda: self.begin + len(self.output) >= int(size))
        return int(size), status, why

    def ask_to_watch(self) -> None:
        """What the console asks when a program has run for a second."""
        self.wait_until(lambda: self._of("started") or self._of("found"))
        assert self.process.stdin is not None
        self.process.stdin.write(b"watch\n")
        self.process.stdin.flush()

    def finish(self, bye: str = "done") -> None:
        """Say that everything is stored, and wait until it has cleaned up."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{bye}\n".encode())
        self.leave()

    def leave(self) -> None:
        """End the connection, and wait until the session has noticed."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(10)
        self.close()

    def cut(self) -> None:
        """End the connection without waiting: what it still prints has no reader."""
        self.close()

    def close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _take(self, is_output: bool, data: bytes) -> None:
        if not is_output:
            *lines, self._errors = (self._errors + data).split(b"\n")
            ours = [line.partition(self._mark + b" ")[2] for line in lines]
            self.said += [line.decode().split(" ") for line in ours if line]
        elif self._began:
            self.output += data
        else:
            before, mark, rest = (self.before + data).partition(self._mark + b" ")
            words, ended, output = rest.partition(b"\n")
            if mark and ended:
                self._began, self.before, self.output = True, before, output
                self.said.insert(0, words.decode().split(" "))
            else:
                self.before += data


@dataclass
class RemoteHome:
    """A login's home. ``posix`` is what its /bin/sh is, ``path`` where programs are found."""

    home: Path
    login: list[str] = field(default_factory=lambda: ["/bin/sh"])
    posix: str = "/bin/sh"
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"]})
    _followers: list[Follower] = field(default_factory=list)

    def use(self, shell: str) -> None:
        """Make ``shell`` this host's /bin/sh; with busybox every tool is busybox's."""
        tools = self.home.parent / f"tools-{shell}"
        tools.mkdir()
        (tools / "sh").symlink_to(found(shell))
        self.posix = str(tools / "sh")
        if shell == "busybox":
            subprocess.run([found(shell), "--install", "-s", str(tools)], check=True, capture_output=True)
            self.environment["PATH"] = str(tools)

    def slow_down(self, tool: str) -> Path:
        """Let ``tool`` wait here until the file whose path this returns exists, as on a host that is very busy."""
        tools, release = self.home.parent / "slow", self.home.parent / f"{tool}-may-run"
        tools.mkdir(exist_ok=True)
        script = f'#!/bin/sh\nuntil [ -e {release} ]; do sleep 0.05; done\nexec {found(tool)} "$@"\n'
        (tools / tool).write_text(script)
        (tools / tool).chmod(0o755)
        self.environment["PATH"] = f"{tools}:{self.environment['PATH']}"
        return release

    def log_in_with(self, shell: str) -> None:
        """Let the login have this shell."""
        self.login = [found(shell), *(["ash"] if shell == "busybox" else [])]

    def start(self, program: str, name: str = "s-0", begin: int = 0, **limits: int) -> Follower:
        """What a first connection does."""
        return self._follower(program, name, begin, True, **limits)

    def follow(self, name: str = "s-0", begin: int = 0) -> Follower:
        """What a later connection does."""
        return self._follower("", name, begin, False)

    def session(
        self, program: str, name: str = "s-0", begin: int = 0, start: bool = True, **limits: int
    ) -> tuple[list[str], bytes, str]:
        """The command, standard input and token of a connection."""
        token = next(_TOKENS)
        spool = detached.Spool(name, limits.get("most_output", 10**10), limits.get("most_kib", 10**7))
        data = detached._standard_input(program, token).replace(b"/bin/sh", self.posix.encode())
        line = detached._command_line(len(data), token, start, spool, begin).replace("/bin/sh", self.posix)
        return [*self.login, "-c", line], data, token

    def _follower(self, program: str, name: str, begin: int, start: bool, **limits: int) -> Follower:
        command, data, token = self.session(program, name, begin, start, **limits)
        self._followers.append(Follower(command, data, self.whole_environment, self.home, token, begin))
        return self._followers[-1]

    @property
    def whole_environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "SHELL": self.login[0], **self.environment}

    def ask(self, text: str) -> list[str]:
        """The lines that a program of ours prints."""
        text = text.replace("/bin/sh", self.posix)
        done = subprocess.run(
            [self.posix, "-c", text], env=self.whole_environment, capture_output=True, text=True, timeout=20
        )
        return done.stdout.splitlines()

    def spool(self, name: str = "s-0") -> Path:
        """The file that keeps a program from being started again."""
        return self.home / ".opsconsole" / name

    def file(self, kind: str, name: str = "s-0") -> Path:
        """What is kept of a program, by kind: ``out``, ``pid``, …."""
        return self.spool(f"{name}.{kind}")

    def files(self, name: str = "s-0") -> list[Path]:
        """All that is kept of a program, beside its name."""
        return list(self.spool().parent.glob(f"{name}.*"))

    def wrapper(self, name: str = "s-0") -> int:
        """The process that keeps watch over a program."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, IndexError):
                return int(self.file("pid", name).read_text().split()[2])
            time.sleep(_LOOK_EVERY)
        raise AssertionError("no wrapper has begun")

    def processes(self) -> dict[int, str]:
        """What runs in this home and is no follower's: process ids with their command lines."""
        mark, found = f"HOME={self.home}\0".encode(), {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes() + b"\0":
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found[int(folder.name)] = words.strip()
        return found

    def wait_until_gone(self, pid: int, timeout: float = 10) -> None:
        """Wait until this process runs no more."""
        deadline = time.monotonic() + timeout
        while pid in self.processes():
            assert time.monotonic() < deadline
            time.sleep(_LOOK_EVERY)

    def wait_for_no_process(self, timeout: float = 10) -> None:
        """Wait until nothing runs in this home any more."""
        deadline = time.monotonic() + timeout
        while left := self.processes():
            assert time.monotonic() < deadline, left
            time.sleep(_LOOK_EVERY)

    def end(self) -> None:
        """End everything that was started here."""
        for follower in self._followers:
            follower.close()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(follower.process.pid, signal.SIGKILL)
            follower.process.wait(10)
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def remote_home(tmp_path: Path) -> Iterator[RemoteHome]:
    """A home of its own; all that runs in it has ended after the test."""
    (tmp_path / "home").mkdir()
    home = RemoteHome(tmp_path / "home")
    yield home
    home.end()
