"""What runs on hosts for a detached program, by every shell that a host or a login may have."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from pathlib import Path

import pytest

from consoles.ssh import remote_sh
from tests.support.remote_home import LOGIN_SHELLS, POSIX_SHELLS, RemoteHome

#: Every byte, without a line end at the end, and large enough for several writes.
BYTES = bytes(range(256)) * 1000 + b"\xff\xfe end"
PROGRAMS = {
    "every-byte": ("cat {bytes}; exit 37", BYTES, 37),
    "several-lines": ("echo a\necho b >&2\nexit 3\n", b"a\nb\n", 3),
    "quotes": ("echo \"it's\" `echo back` $(echo sub) \\$HOME 'a!b' !", b"it's back sub $HOME a!b !\n", 0),
    "trailing-comment": ("echo a # it's a comment", b"a\n", 0),
    "here-document": ("cat <<END\n$((1 + 1)) 'x'\nEND\n", b"2 'x'\n", 0),
    "line-ends-at-the-end": ("echo a\n\n\n\n", b"a\n", 0),
    "text-like-our-own": (
        "echo '#program opsc-0000000000000000'\n#wrapper opsc-\necho '#opsc-0'\n#opsc-0000000000000001",
        b"#program opsc-0000000000000000\n#opsc-0\n",
        0,
    ),
    "interpreter": ("#!/usr/bin/env python3\nprint('hi')\nraise SystemExit(7)\n", b"hi\n", 7),
    "names-no-interpreter": ("#! \necho hi\n", b"hi\n", 0),
    "reads-its-input": ('cat; read -r x; echo "end [$x]"', b"end []\n", 0),
    "knows-nothing-of-us": ('echo "${opsc-unset} ${opsc_me-unset} $#"', b"unset unset 0\n", 0),
    "not-ASCII": ("echo grüße 日本 ÀÁÂÃÄÅÆÇÈ", "grüße 日本 ÀÁÂÃÄÅÆÇÈ\n".encode(), 0),
    "many-quotes": ("printf %s \"'\" '\"' \\' \"''\"", b"'\"'''", 0),
    "signal": ("echo a; kill -9 $$", b"a\n", 137),
}


@pytest.mark.parametrize("shell", POSIX_SHELLS)
def test_every_posix_shell_runs_programs_as_they_were_written(remote_home: RemoteHome, shell: str) -> None:
    remote_home.use(shell)
    (remote_home.home / "bytes").write_bytes(BYTES)
    if shell == "busybox":
        # There is no Python among its tools.
        (Path(remote_home.environment["PATH"]) / "python3").symlink_to("/usr/bin/python3")
    followers = {
        name: remote_home.start(text.format(bytes=remote_home.home / "bytes") if "{bytes}" in text else text, name)
        for name, (text, _, _) in PROGRAMS.items()
    }
    for name, (_, printed, status) in PROGRAMS.items():
        follower = followers[name]
        if shell == "ksh" and name == "signal":
            status += 128
        assert follower.wait_for_end() == (len(printed), str(status), ""), (name, follower.output[:300])
        assert follower.output == printed, name
        assert (follower.before, follower.said[0][0]) == (b"", "started")
        follower.finish()
        assert remote_home.files(name) == []
    remote_home.wait_for_no_process()


@pytest.mark.parametrize("shell", LOGIN_SHELLS)
def test_every_login_shell_starts_a_program_and_finds_it_again(remote_home: RemoteHome, shell: str) -> None:
    remote_home.log_in_with(shell)
    first = remote_home.start("echo it\\'s '!' $0; until [ -e go ]; do sleep 0.05; done; exit 5")
    first.wait_until(lambda: first.output == b"it's ! sh\n")
    first.leave()
    again = remote_home.follow(begin=5)
    assert again.wait_for("found") == [boot_id()]
    (remote_home.home / "go").touch()
    assert again.wait_for_end() == (10, "5", "")
    assert again.output == b"! sh\n"
    again.finish()


@pytest.mark.parametrize("shell", POSIX_SHELLS)
def test_every_posix_shell_ends_a_program_with_all_that_it_started(remote_home: RemoteHome, shell: str) -> None:
    remote_home.use(shell)
    follower = remote_home.start("sleep 1000 & (sleep 1001 & wait) & echo up; wait")
    follower.wait_until(lambda: follower.output == b"up\n")
    assert remote_home.ask(remote_sh.end_spool("s-0", 5, "canceled")) == ["term", "ended"]
    assert follower.wait_for_end() == (3, "271" if shell == "ksh" else "143", "canceled")
    follower.finish()
    stubborn = remote_home.start("trap '' TERM; echo up; while :; do sleep 0.05; done", "s-1")
    stubborn.wait_until(lambda: stubborn.output == b"up\n")
    assert remote_home.ask(remote_sh.end_spool("s-1", 0.2, "canceled")) == ["term", "kill", "ended"]
    assert stubborn.wait_for_end() == (3, "265" if shell == "ksh" else "137", "canceled")
    stubborn.finish()
    assert remote_home.ask(remote_sh.end_spool("s-1", 1, "canceled")) == ["none"]
    remote_home.wait_for_no_process()


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_program_of_a_megabyte_starts_within_seconds(remote_home: RemoteHome, shell: str) -> None:
    """Shells look for our separators in it, and there are ways to do that which take minutes."""
    remote_home.use(shell)
    texts = {"lines": "true\n" * 199_999, "hashes": "#" * 999_990 + "\n", "near": "#program opsc-\n" * 66_000}
    for name, text in texts.items():
        began = time.monotonic()
        follower = remote_home.start(f"{text}echo end", name)
        assert follower.wait_for_end() == (4, "0", "")
        assert time.monotonic() - began < 10
        is_whole = remote_home.file("script", name).read_text() == f"{text}echo end"
        assert is_whole


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_start_costs_a_host_little(remote_home: RemoteHome, shell: str) -> None:
    """Shells differ a lot in what patterns cost them, and fifty hosts may share a machine."""
    remote_home.use(shell)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for number in range(5):
        follower = remote_home.start("true", f"s-{number}")
        follower.wait_for_end()
        follower.finish()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 5 < 0.05


def test_program_has_the_same_surroundings_as_an_attached_one(remote_home: RemoteHome) -> None:
    remote_home.environment |= {"SPECIAL": "a b\nc", "LANG": "C.UTF-8"}
    text = (
        "umask; pwd; env | grep -v ^_= | sort; ls -l /proc/self/fd | grep -c 'opsconsole.*alive'; "
        "grep '^Sig[IB]' /proc/self/status; trap; ulimit -n; echo $0 $# $-"
    )
    os.umask(0o027)
    try:
        token = "opsc-1"
        attached = subprocess.run(
            ["/bin/sh", "-c", remote_sh.command_line(f"exec 1>{remote_home.home}/attached; {text}", token)],
            input=remote_sh.standard_input(f"exec 1>{remote_home.home}/attached; {text}", token),
            capture_output=True,
            env=remote_home.whole_environment,
            cwd=remote_home.home,
        )
        follower = remote_home.start(f"exec 1>{remote_home.home}/detached; {text}")
        follower.wait_for_end()
    finally:
        os.umask(0o022)
    assert attached.returncode == 0
    assert (remote_home.home / "detached").read_text() == (remote_home.home / "attached").read_text()
    assert "SPECIAL=a b" in (remote_home.home / "detached").read_text()


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
