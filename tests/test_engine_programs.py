"""What a program is given and what is kept of it, on real OpenSSH: text, streams, order, exit."""

from __future__ import annotations

import hashlib
import os
import signal
from functools import partialmethod
from pathlib import Path

import pytest

from consoles import outputlog
from consoles.protocol import STDERR, STDOUT
from consoles.ssh import Deadlines
from servers.models import Server
from tests.support.engine import Engine, assert_contiguous
from tests.support.hosts import MakeFleet, add_to_inventory

PROGRAMS = {
    "one line": ("echo hi", b"hi\n", 0),
    "no line end": ("printf hi", b"hi", 0),
    "several lines": ("echo a\necho b\nexit 3\n", b"a\nb\n", 3),
    "quotes and substitutions": (
        "echo \"it's\" '\"x\"' `echo back` $(echo sub) \\$HOME 'a!b' !",
        b'it\'s "x" back sub $HOME a!b !\n',
        0,
    ),
    "trailing backslash": ("echo a\\", b"a\\\n", 0),
    "trailing comment": ("echo a # it's a comment", b"a\n", 0),
    "comment on the last of several lines": ("echo a\necho b # don't", b"a\nb\n", 0),
    "here-document": ("cat <<END\n$((1 + 1)) 'x'\nEND\n", b"2 'x'\n", 0),
    "open here-document": ("cat <<END\nx\n", b"x\n", 0),
    "unterminated quote": ("echo 'x", b"", 2),
    "unterminated quote in several lines": ("echo a\necho 'x\n", b"a\n", 2),
    "Windows line ends": ("echo a\r\nif true; then\r\necho b\r\nfi\r\n", b"a\nb\n", 0),
    "reads its input": ('cat; read -r x; echo "end [$x]"', b"end []\n", 0),
    "reads its input, several lines": ("cat\necho never\n", b"never\n", 0),
    "longer than a command line may be": ("true\n# " + "x" * 300_000 + "\necho end\n", b"end\n", 0),
    "one very long line": ("echo " + "y" * 5000, b"y" * 5000 + b"\n", 0),
    "not ASCII": ("echo grüße 日本", "grüße 日本\n".encode(), 0),
    "per cent and backslashes": ("printf '%s|' 100% '\\n' \"\\\\\"", b"100%|\\n|\\|", 0),
    "knows nothing of us": ('echo "${opsc-unset}" $# ', b"unset 0\n", 0),
    "sh with an option": ("#!/bin/sh -e\necho a\nfalse\necho never\n", b"a\n", 1),
    "bash": ("#!/bin/bash\nx=(1 2 3)\necho ${#x[@]}\n", b"3\n", 0),
    "python": (
        "#!/usr/bin/env python3\nimport sys\nprint(repr(sys.stdin.read()))\nsys.exit(7)\n",
        b"''\n",
        7,
    ),
    "interpreter that is not there": ("#!/no/such/shell\necho hi\n", b"", 127),
    "shebang with Windows line ends": ("#!/bin/sh\r\necho a\r\n", b"a\n", 0),
}
#: Of what ``seq 1 N`` prints, by N; from the same tool, but not over SSH.
SHA256_OF_SEQ = {
    1_000_000: "90433fcbd9e16297e6a7c1dacb1056394743194776e52f78ebf0a44b80b6b14f",
    12_345_679: "8dc07311e29141e40a35c556651a26a984576fdb55b169dc32dc67767c17ec8d",
}


@pytest.mark.parametrize("mode", ["attached", "detached"])
def test_programs_arrive_as_they_were_written(engine: Engine, mode: str) -> None:
    servers = engine.servers(len(PROGRAMS))
    texts = [text for text, _, _ in PROGRAMS.values()]
    runs = [engine.start([server], text, mode=mode) for server, text in zip(servers, texts, strict=True)]
    ended = dict(zip(PROGRAMS, [engine.wait_for_end(run)[0] for run in runs], strict=True))
    assert {name: row.exit_status for name, row in ended.items()} == {
        name: exit_status for name, (_, _, exit_status) in PROGRAMS.items()
    }
    for name, (_, printed, _) in PROGRAMS.items():
        # What shells say of errors is the one thing printed to standard error here; detached, that is the same log.
        said = engine.output(ended[name], STDOUT).splitlines(keepends=True)
        assert b"".join(line for line in said if not line.startswith(b"sh: ")) == printed, name
    assert {row.mode for row in ended.values()} == {mode}
    assert all(row.status == ("failed" if row.exit_status else "succeeded") for row in ended.values())
    assert [name for name, row in ended.items() if b"opsc" in engine.output(row)] == []
    assert ended["several lines"].reason == "The program ended with exit status 3."
    assert ended["one line"].reason == ""


def test_streams_are_kept_apart_and_in_the_order_they_were_printed(engine: Engine, tmp_path: Path) -> None:
    """sshd takes what is there on two pipes in any order, so each line waits until the one before it is stored."""
    steps = [f"{stream}{number}" for number in (1, 2, 3) for stream in ("out", "err")]
    for step in steps:
        os.mkfifo(tmp_path / step)
    wait = f"read -r x <{tmp_path}"
    text = f"for i in 1 2 3; do echo out$i; {wait}/out$i; echo err$i >&2; {wait}/err$i; done"
    run = engine.start(engine.servers(), text, mode="attached")
    for step in steps:
        engine.wait_for_output(run, step)
        (tmp_path / step).write_text("go\n")
    [host_run] = engine.wait_for_end(run)
    assert engine.output(host_run) == b"out1\nerr1\nout2\nerr2\nout3\nerr3\n"
    assert engine.output(host_run, STDERR) == b"err1\nerr2\nerr3\n"
    assert host_run.last_line == "err3"


def test_signal_that_ended_a_detached_program_is_told_from_its_exit_status(engine: Engine) -> None:
    host_run = engine.run_one("echo up; kill -9 $$", mode="detached")
    assert (host_run.status, host_run.exit_signal, host_run.exit_status) == ("failed", "", 137)
    assert host_run.reason == "The program ended with exit status 137, as after signal KILL."


def test_signal_that_ended_a_program_is_named(engine: Engine) -> None:
    by_signal = {"KILL": "kill -9 $$", "SEGV": "kill -SEGV $$", "TERM": "kill -TERM $$"}
    servers = engine.servers(len(by_signal))
    texts = [f"echo up; {text}" for text in by_signal.values()]
    runs = [engine.start([server], text, mode="attached") for server, text in zip(servers, texts, strict=True)]
    for name, run in zip(by_signal, runs, strict=True):
        [host_run] = engine.wait_for_end(run)
        assert (host_run.status, host_run.exit_signal, host_run.exit_status) == ("failed", name, None)
        assert host_run.reason == f"The program was ended by signal {name}."
        assert engine.output(host_run) == b"up\n"


def test_hostile_bytes_are_kept_as_they_are(engine: Engine) -> None:
    text = "#!/usr/bin/env python3\nimport os\nos.write(1, bytes(range(256)) * 3 + b'\\xff\\xfe end')\n"
    host_run = engine.run_one(text)
    assert engine.output(host_run) == bytes(range(256)) * 3 + b"\xff\xfe end"
    assert host_run.status == "succeeded"


def test_ten_megabytes_without_a_line_end_and_a_hundred_with_them(engine: Engine) -> None:
    one, two = engine.servers(2)
    long_line = engine.start([one], "head -c 10000000 /dev/zero | tr '\\0' x")
    many_lines = engine.start([two], "seq 1 12345679")
    [host_run] = engine.wait_for_end(long_line)
    assert host_run.size == 10_000_000 and engine.output(host_run) == b"x" * 10_000_000
    [host_run] = engine.wait_for_end(many_lines, timeout=60)
    digest = hashlib.sha256()
    for block in outputlog.stream(host_run.pk):
        digest.update(block)
    assert host_run.size == 100_000_008
    assert digest.hexdigest() == SHA256_OF_SEQ[12_345_679]
    assert_contiguous(host_run.pk)


def test_output_survives_renewed_session_keys(engine: Engine, make_fleet: MakeFleet) -> None:
    """Large transfers change keys in between; nothing may be lost then."""
    servers = add_to_inventory(make_fleet(1, RekeyLimit="1M"), 1)
    [host_run] = engine.run(servers, "seq 1 1000000")
    assert (host_run.status, host_run.size) == ("succeeded", 6_888_896)
    assert hashlib.sha256(engine.output(host_run)).hexdigest() == SHA256_OF_SEQ[1_000_000]


def test_program_that_redirects_its_own_output_runs_to_its_end(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts like to begin with ``exec >log 2>&1``: the end of the output is not the end of the program."""
    monkeypatch.setattr(Deadlines, "__init__", partialmethod(Deadlines.__init__, channel=0.5))
    host_run = engine.run_one("echo before; exec >/dev/null 2>&1; sleep 1; exit 9")
    assert (host_run.status, host_run.exit_status) == ("failed", 9)
    assert engine.output(host_run) == b"before\n"


def test_process_that_a_detached_program_leaves_behind_goes_on_and_is_said(engine: Engine) -> None:
    host_run = engine.run_one("sleep 31415 & echo $!", mode="detached")
    assert (host_run.status, host_run.exit_status) == ("succeeded", 0)
    assert host_run.reason.startswith("It left a process behind that holds the output open")
    os.kill(int(engine.output(host_run)), signal.SIGKILL)


def test_process_left_behind_without_the_output_is_no_matter(engine: Engine) -> None:
    host_run = engine.run_one("sleep 31415 >/dev/null 2>&1 & echo $!", mode="detached")
    assert (host_run.status, host_run.reason) == ("succeeded", "")
    os.kill(int(engine.output(host_run)), signal.SIGKILL)


def test_output_that_is_opened_again_by_name_cuts_nothing_off(engine: Engine, either_mode: str) -> None:
    """``>/dev/stderr`` is common in scripts; on a file it would begin at its first byte."""
    host_run = engine.run_one("echo one; echo two >/dev/stderr; echo three | tee /dev/stderr >/dev/null; echo four")
    lines = engine.output(host_run).splitlines()
    # Attached, OpenSSH promises an order within each of the two streams, and none between them.
    assert sorted(lines) == [b"four", b"one", b"three", b"two"]
    assert lines.index(b"one") < lines.index(b"four") and lines.index(b"two") < lines.index(b"three")
    assert host_run.mode == either_mode and host_run.size == 19


def test_process_left_behind_is_said_and_does_not_hold_up_the_run(engine: Engine) -> None:
    host_run = engine.run_one("sleep 31415 & echo started", mode="attached")
    assert (host_run.status, host_run.exit_status) == ("succeeded", 0)
    assert host_run.reason.startswith("It left a process behind that holds the output open")
    assert engine.output(host_run) == b"started\n"


def test_appliance_gets_the_command_as_it_is(engine: Engine) -> None:
    servers = engine.servers(1, shell=Server.Shell.NONE)
    [host_run] = engine.run(servers, "echo plain; echo $0; exit 3")
    assert (host_run.status, host_run.exit_status) == ("failed", 3)
    assert engine.output(host_run) == b"plain\nbash\n"
