"""Following a detached program on its host: every byte from any place on, and one start however often it is asked."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from consoles.ssh import remote_sh
from tests.support.remote_home import Follower, RemoteHome

#: Every byte in every place of a line, and more than fits any buffer on the way.
BYTES = bytes(range(256)) * 40_000
WAIT = "until [ -e go ]; do sleep 0.05; done"


def go(remote_home: RemoteHome) -> None:
    (remote_home.home / "go").touch()


def starts(remote_home: RemoteHome) -> str:
    return (remote_home.home / "starts").read_text()


@pytest.fixture
def ten_megabytes(remote_home: RemoteHome) -> Follower:
    """A program that has printed 10 MB and a little, and waits before the last of it."""
    (remote_home.home / "bytes").write_bytes(BYTES)
    return remote_home.start(f"echo x >>starts; cat bytes; {WAIT}; printf '\\0\\377end'; exit 9")


def test_output_is_byte_exact_from_any_place_on(remote_home: RemoteHome, ten_megabytes: Follower) -> None:
    ten_megabytes.wait_until(lambda: len(ten_megabytes.output) == len(BYTES))
    ten_megabytes.leave()
    go(remote_home)
    printed = BYTES + b"\0\xffend"
    for begin in (0, 1, 255, 65_536, len(BYTES) - 1, len(BYTES), len(printed) - 1, len(printed)):
        follower = remote_home.follow(begin=begin)
        assert follower.wait_for_end() == (len(printed), "9", "")
        assert follower.output == printed[begin:]
        follower.leave()
    assert starts(remote_home) == "x\n"


def test_follower_that_is_cut_fifty_times_misses_nothing(remote_home: RemoteHome) -> None:
    chance, printed = random.Random(4), BYTES[:1_000_000]
    places = sorted(chance.randrange(len(printed)) for _ in range(50))
    (remote_home.home / "bytes").write_bytes(printed)
    received, follower = b"", remote_home.start(f"echo x >>starts; cat bytes; {WAIT}; printf '\\0\\377end'; exit 9")
    for place in places:
        follower.wait_until(lambda: follower.begin + len(follower.output) >= place)  # noqa: B023
        received += follower.output
        follower.cut()
        # A console goes on from what it has stored, which may be less than what has come.
        received = received[: max(place, follower.begin)]
        follower = remote_home.follow(begin=len(received))
    go(remote_home)
    assert follower.wait_for_end() == (len(printed) + 5, "9", "")
    assert received + follower.output == printed + b"\0\xffend"
    follower.finish()
    assert starts(remote_home) == "x\n"
    remote_home.wait_for_no_process()


def test_two_followers_at_once_see_the_same(remote_home: RemoteHome) -> None:
    first = remote_home.start(f"echo a; {WAIT}; echo b; exit 3")
    first.wait_until(lambda: first.output == b"a\n")
    second = remote_home.follow(begin=1)
    second.wait_until(lambda: second.output == b"\n")
    go(remote_home)
    assert first.wait_for_end() == second.wait_for_end() == (4, "3", "")
    assert (first.output, second.output) == (b"a\nb\n", b"\nb\n")
    first.finish()
    second.finish()
    remote_home.wait_for_no_process()


def test_asking_again_does_not_start_again(remote_home: RemoteHome) -> None:
    text = "echo x >>starts; echo up; " + WAIT
    first = remote_home.start(text)
    first.wait_until(lambda: first.output == b"up\n")
    again = remote_home.start(text, begin=3)
    assert again.wait_for("found")
    go(remote_home)
    assert first.wait_for_end() == again.wait_for_end() == (3, "0", "")
    assert starts(remote_home) == "x\n"


def test_of_twenty_that_start_at_once_one_does(remote_home: RemoteHome) -> None:
    for name in ("s-0", "s-1"):
        followers = [remote_home.start(f"echo x >>starts; echo {name}; {WAIT}", name) for _ in range(20)]
        for follower in followers:
            follower.wait_until(lambda: follower.output == f"{name}\n".encode())  # noqa: B023
        assert sorted(follower.said[0][0] for follower in followers) == ["found"] * 19 + ["started"]
        for follower in followers:
            follower.cut()
    assert starts(remote_home) == "x\n" * 2


def test_program_that_is_still_being_started_is_waited_for(remote_home: RemoteHome) -> None:
    """On a host that is very busy, contact may be lost before it has begun."""
    release = remote_home.slow_down("mkfifo")
    first = remote_home.start("echo x >>starts; echo up")
    wait_for_process(remote_home, "mkfifo")
    assert remote_home.ask(remote_sh.end_spool("s-0", 1, "canceled")) == ["early"]
    first.cut()
    again = remote_home.start("echo x >>starts; echo up")
    release.touch()
    assert again.wait_for_end() == (3, "0", "")
    assert starts(remote_home) == "x\n"


def test_program_of_which_it_was_said_that_it_never_began_does_not_begin(remote_home: RemoteHome) -> None:
    release = remote_home.slow_down("setsid")
    follower = remote_home.start("touch ran")
    program = wait_for_process(remote_home, "setsid")
    os.kill(int(Path(f"/proc/{program}/stat").read_text().rpartition(")")[2].split()[1]), signal.SIGKILL)
    follower.ask_to_watch()
    assert follower.wait_for_end() == (0, "-", "never")
    release.touch()
    remote_home.wait_until_gone(program)
    assert not (remote_home.home / "ran").exists()


def wait_for_process(remote_home: RemoteHome, word: str) -> int:
    """The process with this word in its command line, once there is one."""
    deadline = time.monotonic() + 10
    while not (found := [pid for pid, words in remote_home.processes().items() if f"slow/{word}" in words]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found[0]


def test_what_the_login_exports_neither_hides_a_program_nor_stops_it(remote_home: RemoteHome) -> None:
    remote_home.environment |= {"spool": "/var/spool/x", "look": "1", "process": "1", "program": "x", "why": "y"}
    follower = remote_home.start(f"echo up; {WAIT}")
    follower.wait_until(lambda: follower.output == b"up\n")
    assert remote_home.ask(remote_sh.end_spool("s-0", 5, "canceled")) == ["term", "ended"]
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as attached:
        assert remote_home.ask(remote_sh.end_group(attached.pid, 5)) == ["term", "ended"]
    large = remote_home.start("#" * 140_000 + "\necho hi", "s-1")
    assert large.wait_for_end() == (3, "0", "")


@pytest.mark.parametrize("program", ["env", "#!/bin/sh\nenv", "env\n" + "#" * 140_000])
def test_what_the_login_exports_reaches_the_program_as_it_is(remote_home: RemoteHome, program: str) -> None:
    _, text, _ = remote_home.session(program)
    # Every word that could be a variable of ours, but those that are ours by name.
    words = set(re.findall(r"(?<![\w/-])[a-z][a-z_]*\b", text.decode())) - {"opsc", "opsc_me"}
    remote_home.environment |= dict.fromkeys(words, "theirs")
    follower = remote_home.start(program)
    assert follower.wait_for_end()[1] == "0"
    printed = dict(line.partition("=")[::2] for line in follower.output.decode().splitlines())
    assert {word: printed.get(word) for word in words} == dict.fromkeys(words, "theirs")


def test_input_that_arrives_incomplete_starts_nothing(remote_home: RemoteHome) -> None:
    _, whole, _ = remote_home.session("touch ran")
    # The last line begins it, and only a comment follows there.
    begins = whole.rindex(b"main #")
    for length in (0, 1, len(whole) // 2, begins - 30, begins, begins + 3):
        command, data, _ = remote_home.session("touch ran")
        done = subprocess.run(
            command, input=data[:length], capture_output=True, env=remote_home.whole_environment, timeout=20
        )
        assert done.returncode in (2, 125), length
    assert list(remote_home.home.iterdir()) == []


def test_what_the_login_prints_first_is_no_output(remote_home: RemoteHome) -> None:
    remote_home.login = ["/bin/sh", "-c", 'echo Welcome; echo to h0 >&2; exec /bin/sh "$@"', "login"]
    follower = remote_home.start("echo hi")
    assert follower.wait_for_end() == (3, "0", "")
    assert (follower.before, follower.output) == (b"Welcome\n", b"hi\n")


def test_follower_that_is_killed_leaves_the_program_alone(remote_home: RemoteHome) -> None:
    follower = remote_home.start(f"echo x >>starts; echo a; {WAIT}; echo b")
    follower.wait_until(lambda: follower.output == b"a\n")
    watcher = remote_home.wrapper()
    for pid in set(map(int, subprocess.check_output(["pgrep", "-g", str(follower.process.pid)]).split())) - {watcher}:
        if b"dd\0" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    again = remote_home.follow(begin=2)
    again.wait_for("found")
    go(remote_home)
    assert again.wait_for_end() == (4, "0", "")
    assert (again.output, starts(remote_home)) == (b"b\n", "x\n")


def test_name_stays_taken_when_everything_is_stored(remote_home: RemoteHome) -> None:
    """A console that stood still in the middle of a start must not start it again hours later."""
    follower = remote_home.start("echo x >>starts")
    follower.wait_for_end()
    follower.finish()
    assert remote_home.files() == []
    assert remote_home.start("echo x >>starts").wait_for("removed") == [boot_id()]
    assert remote_home.follow().wait_for("removed") == [boot_id()]
    assert starts(remote_home) == "x\n"


def test_spool_that_was_removed_is_missed(remote_home: RemoteHome) -> None:
    follower = remote_home.start(f"echo up; {WAIT}")
    follower.wait_until(lambda: follower.output == b"up\n")
    follower.leave()
    subprocess.run(["rm", "-r", str(remote_home.spool().parent)], check=True)
    assert remote_home.follow(begin=3).wait_for("gone") == [boot_id()]


def test_sweeping_removes_what_is_old_and_over(remote_home: RemoteHome) -> None:
    last = remote_home.start("true", "last")
    last.wait_for_end()
    for name, text in {"stored": "true", "ended": "echo kept", "runs": WAIT, "killed": WAIT, "young": "true"}.items():
        follower = remote_home.start(text, name)
        if name in ("runs", "killed"):
            follower.wait_for("started")
            remote_home.wrapper(name)
        else:
            follower.wait_for_end()
        if name == "stored":
            follower.finish()
        else:
            follower.leave()
    os.kill(remote_home.wrapper("killed"), signal.SIGKILL)
    for name in ("stored", "ended", "runs", "killed"):
        subprocess.run(["touch", "-d", "9 days ago", str(remote_home.spool(name))], check=True)
    last.finish("done all")
    # What was killed may still run: it stays for manage.py spools.
    kept = {path.name for path in (remote_home.home / ".opsconsole").iterdir()}
    assert {name for name in kept if "." not in name} == {"last", "runs", "killed", "young"}
    assert {name.partition(".")[0] for name in kept if "." in name} == {"runs", "killed", "young"}
    go(remote_home)
    assert remote_home.follow("runs").wait_for_end()[1] == "0"


@pytest.mark.parametrize("trouble", ["missing", "unwritable", "a link", "a file", "nobody's", "unset"])
def test_home_that_cannot_keep_anything_is_said_and_nothing_starts(remote_home: RemoteHome, trouble: str) -> None:
    if os.geteuid() and trouble in ("nobody's",):
        pytest.skip("only root gives files away")
    kept = remote_home.home / ".opsconsole"
    if trouble == "missing":
        remote_home.environment["HOME"] = "/no/such/home"
    elif trouble == "unset":
        remote_home.environment["HOME"] = ""
    elif trouble == "unwritable":
        # Root may write everywhere except where nobody can.
        remote_home.environment["HOME"] = "/proc"
    elif trouble == "a link":
        (remote_home.home / "elsewhere").mkdir()
        kept.symlink_to("elsewhere")
    elif trouble == "a file":
        kept.touch()
    else:
        kept.mkdir()
        os.chown(kept, 12345, 12345)
    why = " ".join(remote_home.start(f"touch {remote_home.home}/ran").wait_for("cannot"))
    if trouble in ("a link", "nobody's"):
        assert why == f"{kept} is not a directory of its own"
    else:
        home = remote_home.environment.get("HOME", str(remote_home.home)) or "(none)"
        assert why == f"the home directory {home} cannot be written"
    assert not (remote_home.home / "ran").exists()


@pytest.mark.parametrize("tool", ["setsid", "mkfifo", "tail", "dd"])
def test_missing_tool_is_named_and_nothing_starts(remote_home: RemoteHome, tool: str) -> None:
    tools = remote_home.home.parent / "tools"
    tools.mkdir()
    for name in {"setsid", "mkfifo", "tail", "dd", "head", "mkdir", "rm", "wc", "find", "cat", "touch"} - {tool}:
        (tools / name).symlink_to(subprocess.check_output(["which", name], text=True).strip())
    remote_home.environment["PATH"] = str(tools)
    follower = remote_home.start("touch ran")
    assert follower.wait_for("cannot") == ["it", "has", "no", tool]
    assert follower.process.wait(10) == 0
    assert list(remote_home.home.iterdir()) == []


def test_end_of_a_program_that_is_over_is_not_asked_of_what_it_left(remote_home: RemoteHome) -> None:
    """Somebody cancels a program that has just ended, and a service that it started goes on."""
    follower = remote_home.start("sleep 1000 & echo $!")
    follower.ask_to_watch()
    assert follower.wait_for_end()[1] == "0"
    left = int(follower.output)
    assert remote_home.ask(remote_sh.end_spool("s-0", 1, "canceled")) == ["none"]
    assert Path(f"/proc/{left}").exists()


def test_ending_that_broke_off_is_completed_when_the_program_itself_is_over(remote_home: RemoteHome) -> None:
    follower = remote_home.start("(trap '' TERM; echo up; while :; do sleep 0.05; done) & wait")
    follower.wait_until(lambda: follower.output == b"up\n")
    # As far as it came before the connection broke: TERM was sent.
    text = remote_sh.end_spool("s-0", 5, "canceled").replace('if gone "$tenths"', "exit; if true")
    assert remote_home.ask(text) == ["term"]
    assert remote_home.ask(remote_sh.end_spool("s-0", 0.2, "total")) == ["term", "kill", "ended"]
    # The first reason counts, and the end is told when nobody of the group can print any more.
    assert follower.wait_for_end() == (3, "143", "canceled")
    follower.finish()
    remote_home.wait_for_no_process()


_NEVER_COLLECTS = """
import ctypes, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
sys.exit(subprocess.Popen(["/bin/sh", *sys.argv[1:]]).wait())
"""


def test_end_is_told_at_once_where_nobody_collects_the_dead(remote_home: RemoteHome) -> None:
    """As in containers whose first process does not: the dead stay in the group, and it looks alive."""
    remote_home.login = [sys.executable, "-c", _NEVER_COLLECTS]
    follower = remote_home.start("sleep 1000 & echo up; wait")
    follower.wait_until(lambda: follower.output == b"up\n")
    assert remote_home.ask(remote_sh.end_spool("s-0", 5, "canceled")) == ["term", "ended"]
    assert follower.wait_for_end() == (3, "143", "canceled")


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
