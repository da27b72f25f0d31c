"""What is sent to a host's shell, executed by shells of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from consoles.ssh import remote_sh

Start = Callable[[str], "subprocess.Popen[str]"]
TOKEN = "opsc-0123456789abcdef"
MARK = remote_sh.MARK + TOKEN.encode() + b" "
#: Login shells that every machine has which runs these tests; csh, tcsh, fish, zsh, ksh, mksh and busybox work too.
LOGIN_SHELLS = ["dash", "bash"]
PROGRAMS = {
    "one line": "touch {mark}",
    "several lines": "true\ntouch {mark}\ntrue\n",
    "shebang": "#!/bin/sh\ntouch {mark}\n# the end\n",
}


def run(shell: str, text: str, sent: bytes | None = None, **options: Any) -> subprocess.CompletedProcess[bytes]:
    given = remote_sh.standard_input(text, TOKEN) if sent is None else sent
    command = [shell, "-c", remote_sh.command_line(text, TOKEN)]
    return subprocess.run(command, input=given, capture_output=True, timeout=20, **options)


@pytest.mark.parametrize("shell", LOGIN_SHELLS)
@pytest.mark.parametrize(
    "text", ["echo a\\", 'echo "it\'s" !', "echo a\necho b # it's", "#!/bin/sh -e\nfalse\necho never"]
)
def test_announces_itself_and_does_what_sh_does(shell: str, text: str) -> None:
    interpreter = ["sh", "-e", "-c"] if text.startswith("#!") else ["sh", "-c"]
    expected = subprocess.run([*interpreter, text], stdin=subprocess.DEVNULL, capture_output=True)
    done = run(shell, text)
    assert done.stderr.startswith(MARK)
    assert (done.stdout, done.returncode) == (expected.stdout, expected.returncode)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_that_arrives_incomplete_never_runs(tmp_path: Path, name: str) -> None:
    mark = tmp_path / "it-ran"
    text = PROGRAMS[name].format(mark=mark)
    whole = remote_sh.standard_input(text, TOKEN)
    # Without its last byte the line has no line end, but the program is complete.
    shortest_complete = len(whole) - 1 if name == "one line" else len(whole)
    for length in {0, 1, len(text) // 2, len(text) - 1, len(text), shortest_complete - 1} - {len(whole)}:
        done = run("dash", text, whole[:length])
        assert not mark.exists(), f"it ran when {length} of {len(whole)} bytes had arrived"
        assert done.returncode == 125
    assert run("dash", text).returncode == 0
    assert mark.exists()


def test_messages_of_the_shell_do_not_differ_from_host_to_host() -> None:
    """The token must not be the shell's name, or no two hosts print the same message."""
    assert run("dash", "echo $0; echo 'x").stderr.partition(b"\n")[2].startswith(b"sh: 1: ")


def test_interpreter_file_is_private_and_removed(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    done = run("dash", '#!/bin/sh\nstat -c %a "$0"; umask\n', env={**os.environ, "TMPDIR": str(folder)})
    assert done.stdout == b"600\n" + subprocess.run(["sh", "-c", "umask"], capture_output=True).stdout
    assert list(folder.iterdir()) == []


def test_interpreter_file_is_removed_when_the_program_is_ended(tmp_path: Path) -> None:
    text = "#!/bin/sh\necho up; exec sleep 1000\n"
    command = ["dash", "-c", remote_sh.command_line(text, TOKEN)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    with process:
        process.stdin.write(text.encode())
        process.stdin.close()
        assert process.stdout.readline() == b"up\n"
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(10) == 143
    assert list(tmp_path.iterdir()) == []


def end(process: int, grace: float = 1.0, path: str = os.environ["PATH"]) -> list[str]:
    command = ["/bin/dash", "-c", remote_sh.end_group(process, grace)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, env={"PATH": path})
    return done.stdout.splitlines()


@pytest.fixture
def start() -> Iterator[Start]:
    """Start shells in sessions of their own, as sshd does; each has said "up" when it is handed out."""
    started: list[subprocess.Popen[str]] = []

    def make(text: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(["dash", "-c", text], stdout=subprocess.PIPE, text=True, start_new_session=True)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        return process

    yield make
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def path_without_ps(tmp_path: Path) -> str:
    """Where small images end: sleep, but no ps."""
    (tmp_path / "sleep").symlink_to("/bin/sleep")
    return str(tmp_path)


def test_ends_a_group_and_looks(start: Start) -> None:
    process = start("sleep 1000 & sleep 1000 & echo up; wait")
    assert end(process.pid) == ["term", "ended"]


def test_kills_a_group_that_ignores_term(start: Start) -> None:
    process = start("trap '' TERM; (trap '' TERM; sleep 1000) & echo up; while :; do sleep 1000; done")
    assert end(process.pid, grace=0.2) == ["term", "kill", "ended"]
    assert process.wait(5) == -signal.SIGKILL


def test_ends_a_stopped_group(start: Start) -> None:
    process = start("echo up; kill -STOP $$; sleep 1000")
    assert end(process.pid) == ["term", "ended"]


def test_ends_a_group_without_ps(start: Start, path_without_ps: str) -> None:
    process = start("sleep 1000 & echo up; wait")
    assert end(process.pid, path=path_without_ps) == ["term", "ended"]


def test_names_survivors_without_ps(start: Start, path_without_ps: str) -> None:
    """Nothing survives KILL that a test may start, so the look alone is tested."""
    process = start("sleep 1000 & echo up; wait")
    text = remote_sh.end_group(process.pid, 0.1).replace("kill -", ": kill -")
    done = subprocess.run(["/bin/dash", "-c", text], capture_output=True, text=True, env={"PATH": path_without_ps})
    lines = done.stdout.splitlines()
    assert lines[:2] == ["term", "kill"]
    assert f"left {process.pid} dash" in lines and len(lines) == 4


def test_says_that_nothing_is_there() -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    assert end(gone.pid) == ["none"]


def test_process_behind_a_forced_command_is_ended_with_its_group(start: Start) -> None:
    """There the shell that announced itself does not lead its group."""
    process = start("dash -c 'echo up; echo $$; sleep 1000; true'; true")
    assert process.stdout is not None
    inner = int(process.stdout.readline())
    assert inner != process.pid
    assert end(inner) == ["term", "ended"]


def test_never_signals_group_one() -> None:
    """Its number would mean every process the login may signal."""
    text = remote_sh.end_group(1, 0.1).replace("kill -", "echo would kill -")
    assert subprocess.run(["dash", "-c", text], capture_output=True).stdout == b""
