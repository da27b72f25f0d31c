"""What watches over a detached program while nobody is connected, and what is known when it is gone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from consoles.ssh import remote_sh
from tests.support.remote_home import RemoteHome

WAIT = "until [ -e go ]; do sleep 0.05; done"


def go(remote_home: RemoteHome) -> None:
    (remote_home.home / "go").touch()


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_watcher_that_is_killed_is_told_and_what_it_left_is_named(remote_home: RemoteHome, shell: str) -> None:
    remote_home.use(shell)
    follower = remote_home.start("echo up; sleep 1000; echo never")
    follower.ask_to_watch()
    follower.wait_until(lambda: follower.output == b"up\n")
    os.kill(remote_home.wrapper(), signal.SIGKILL)
    assert follower.wait_for_end() == (3, "-", "")
    left = remote_home.ask(remote_sh.look_at_spool("s-0"))
    assert all(line.startswith("left ") for line in left)
    # The program's shell and its child, and none of what watched over them.
    assert [str(remote_home.file("script")) in line for line in left] == [True, False]
    assert left[1].endswith("sleep 1000")
    assert remote_home.ask(remote_sh.end_spool("s-0", 1, "canceled")) == ["term", "ended"]
    assert remote_home.ask(remote_sh.look_at_spool("s-0")) == ["none"]
    follower.leave()
    remote_home.wait_for_no_process()


def test_program_that_is_killed_by_hand_has_the_status_a_shell_gives_it(remote_home: RemoteHome) -> None:
    follower = remote_home.start("echo $$; exec sleep 1000")
    os.kill(int(follower.wait_until(lambda: follower.output)), signal.SIGKILL)
    status = follower.wait_for_end()[1]
    assert status == "137"


def test_reboot_is_told_from_a_killed_watcher(remote_home: RemoteHome) -> None:
    follower = remote_home.start("echo up; " + WAIT)
    follower.wait_until(lambda: follower.output == b"up\n")
    follower.leave()
    pid, _, *others = remote_home.file("pid").read_text().split()
    os.kill(remote_home.wrapper(), signal.SIGKILL)
    os.killpg(int(pid), signal.SIGKILL)
    remote_home.file("pid").write_text(" ".join([pid, "00000000-0000-0000-0000-000000000000", *others]))
    assert remote_home.follow(begin=3).wait_for_end() == (3, "-", "rebooted")
    # Its number is another's by now.
    assert remote_home.ask(remote_sh.end_spool("s-0", 1, "canceled")) == ["none"]
    remote_home.file("pid").write_text("")
    assert remote_home.follow(begin=3).wait_for_end() == (3, "-", "never")


def test_number_that_is_another_processs_by_now_is_left_alone(remote_home: RemoteHome) -> None:
    follower = remote_home.start("echo up; " + WAIT)
    follower.wait_until(lambda: follower.output == b"up\n")
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text()
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as other:
        remote_home.file("pid").write_text(f"{other.pid} {boot_id}")
        assert remote_home.ask(remote_sh.end_spool("s-0", 1, "canceled")) == ["none"]
        assert other.poll() is None
        other.kill()


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_output_limit_holds_while_nobody_is_connected(remote_home: RemoteHome, shell: str) -> None:
    remote_home.use(shell)
    # A program that prints and prints, in bytes and not at full speed: what the disk takes is not what is tested.
    text = "echo up; while :; do head -c 100000 /dev/zero; sleep 0.05; done"
    follower = remote_home.start(text, most_output=300_000)
    follower.ask_to_watch()
    follower.wait_until(lambda: follower.output[:3] == b"up\n")
    follower.leave()
    remote_home.wait_for_no_process()
    size, status, why = remote_home.follow().wait_for_end()
    assert size > 300_000 and (status, why) == ("143", "size")


def test_limit_of_the_host_and_an_ending_by_the_console_do_not_get_in_each_others_way(remote_home: RemoteHome) -> None:
    text = f"trap '{WAIT}; exit 3' TERM; head -c 200000 /dev/zero; while :; do sleep 0.05; done 2>/dev/null"
    follower = remote_home.start(text, most_output=100_000)
    follower.ask_to_watch()
    wait_for_file(remote_home.file("stopped"))
    with ThreadPoolExecutor() as pool:
        said = pool.submit(remote_home.ask, remote_sh.end_spool("s-0", 1, "output"))
        wait_for_file(remote_home.file("ending"))
        go(remote_home)
        assert said.result() == ["term", "ended"]
    assert follower.wait_for_end()[1] == "3"


def wait_for_file(path: Path) -> None:
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.01)


def test_quota_of_all_spools_holds_while_nobody_is_connected(remote_home: RemoteHome) -> None:
    text = "echo up; head -c 40000000 /dev/zero; sleep 1000"
    follower = remote_home.start(text, most_kib=20_000)
    follower.wait_until(lambda: follower.output[:3] == b"up\n")
    follower.leave()
    remote_home.wait_for_no_process()
    size, status, why = remote_home.follow(begin=40_000_003).wait_for_end()
    assert 20_000 * 1024 < size <= 40_000_003 and (status, why) == ("143", "quota")


def test_what_a_program_leaves_behind_goes_on_printing_to_nobody(remote_home: RemoteHome) -> None:
    """A service that keeps its starter's output open must not die of having nobody who reads it."""
    text = "(while :; do echo more; date >>beats; sleep 0.05; done) & echo $! >left"
    follower = remote_home.start(f"{text}; until [ -e beats ]; do sleep 0.05; done")
    follower.ask_to_watch()
    assert follower.wait_for_end()[1:] == ("0", "held")
    left, beats = int((remote_home.home / "left").read_text()), remote_home.home / "beats"
    follower.finish()
    seen = beats.stat().st_size
    deadline = time.monotonic() + 10
    while beats.stat().st_size < seen + 300:
        assert Path(f"/proc/{left}").exists() and time.monotonic() < deadline
        time.sleep(0.01)


def test_slow_disk_is_not_taken_for_a_process_that_holds_the_output(remote_home: RemoteHome) -> None:
    follower = remote_home.start(f"echo up; {WAIT}; seq 1 1000")
    follower.ask_to_watch()
    follower.wait_until(lambda: follower.output == b"up\n")
    remote_home.wrapper()
    copier = int(remote_home.file("pid").read_text().split()[3])
    os.kill(copier, signal.SIGSTOP)
    go(remote_home)
    wait_for_file(remote_home.file("status"))
    # Longer than anything that holds the output would be waited for.
    with pytest.raises(AssertionError):
        follower.wait_until(lambda: None, timeout=4)
    os.kill(copier, signal.SIGCONT)
    assert follower.wait_for_end() == (3 + 3893, "0", "")


def test_of_two_who_look_after_the_limits_the_newest_stays(remote_home: RemoteHome) -> None:
    first = remote_home.start(f"echo up; {WAIT}")
    first.ask_to_watch()
    earlier = wait_for_watcher(remote_home, "")
    second = remote_home.follow()
    second.ask_to_watch()
    later = wait_for_watcher(remote_home, earlier)
    deadline = time.monotonic() + 10
    while int(earlier) in remote_home.processes():
        assert time.monotonic() < deadline
        # What wakes it when the program ends: otherwise it would sleep for longer and longer.
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(earlier), signal.SIGCONT)
        time.sleep(0.01)
    assert int(later) in remote_home.processes()
    go(remote_home)
    first.finish()
    second.finish()
    remote_home.wait_for_no_process()


def wait_for_watcher(remote_home: RemoteHome, but: str) -> str:
    """The process that looks after the limits, when it is another than ``but``."""
    deadline = time.monotonic() + 10
    while True:
        with contextlib.suppress(FileNotFoundError, ValueError):
            _, watcher = remote_home.file("watch").read_text().split()
            if watcher != but:
                return watcher
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_watch_ends_with_the_program(remote_home: RemoteHome) -> None:
    for number in range(10):
        follower = remote_home.start("true", f"s-{number}")
        follower.wait_for_end()
        follower.finish()
    remote_home.wait_for_no_process(2)


@pytest.fixture
def small_disk(remote_home: RemoteHome) -> Iterator[Path]:
    """The home on a disk of half a megabyte."""
    disk = remote_home.home
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "tmpfs", str(disk)])
    if mounted.returncode:
        pytest.skip("only root mounts")
    yield disk
    remote_home.end()
    subprocess.run(["umount", "-l", str(disk)], check=True)


def wait_for_room(disk: Path, enough: Callable[[int], bool]) -> None:
    """Wait until so many bytes are left."""
    deadline = time.monotonic() + 10
    while not enough(os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_full_disk_is_told_and_the_exit_status_is_not_lost(
    remote_home: RemoteHome, small_disk: Path, shell: str
) -> None:
    remote_home.use(shell)
    follower = remote_home.start("head -c 3000000 /dev/zero; exit 3")
    wait_for_room(small_disk, lambda left: left == 0)
    follower.ask_to_watch()
    assert follower.wait_for_end()[1:] == ("3", "full")
    assert len(follower.output) > 300_000
    # Nothing can be started any more, and a name that was not used is free again.
    assert " ".join(remote_home.start("true", "s-1").wait_for("cannot")).endswith("its disk may be full")
    assert not remote_home.spool("s-1").exists()
    follower.finish()
    # A file that somebody still reads takes its room though it is removed.
    wait_for_room(small_disk, lambda left: left > 400_000)
    after = remote_home.start("echo hi", "s-1")
    assert after.wait_for_end() == (3, "0", "")


def test_idle_program_costs_no_measurable_time(remote_home: RemoteHome) -> None:
    """Nothing polls but the watch over the disk, and that less and less often."""
    follower = remote_home.start("exec sleep 1000")
    follower.wait_for("started")
    remote_home.wrapper()
    before = ticks(remote_home)
    # Long enough for a loop to show: one look a second would be ten starts of a process.
    deadline = time.monotonic() + 3
    with pytest.raises(AssertionError):
        follower.wait_until(lambda: None, timeout=deadline - time.monotonic())
    assert ticks(remote_home) - before <= 3 * os.sysconf("SC_CLK_TCK") / 100 + 2


def ticks(remote_home: RemoteHome) -> int:
    """Processor time of everything in the home, and of its ended children, in clock ticks."""
    total = 0
    for pid in remote_home.processes():
        with contextlib.suppress(FileNotFoundError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
    return total
