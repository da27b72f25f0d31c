"""What counts as the same output, and what does not."""

from __future__ import annotations

import random
import time

import pytest

from consoles.grouping import LINE_MOST, VERSION, Fingerprint, Normaliser, key_of, mask, own_names, shown

NAMES = own_names("web17.corp.example", "10.4.1.17:22")


def lines_of(output: bytes, piece: int = 0, names: tuple[str, ...] = NAMES) -> list[str]:
    normaliser = Normaliser(names)
    size = piece or max(len(output), 1)
    fed = [line for at in range(0, len(output), size) for line in normaliser.feed(output[at : at + size])]
    return fed + normaliser.end()


def digest_of(output: bytes, names: tuple[str, ...] = NAMES) -> str:
    fingerprint = Fingerprint()
    fingerprint.take(1, lines_of(output, names=names))
    return fingerprint.value()


@pytest.mark.parametrize(
    ("printed", "final"),
    [
        ("10 %\r 55 %\r100 %", "100 %"),
        ("abcdef\rxy", "xycdef"),
        ("abcdef\rxy\x1b[K", "xy"),
        ("abcdef\r\x1b[2Kxy", "xy"),
        ("foo\x1b[1Gba", "bao"),
        ("done\r", "done"),
        ("|\b/\b-\bdone", "done"),
        ("\x1b[32mgreen\x1b[0m", "green"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://example.org/\x07link\x1b]8;;\x07", "link"),
        ("a\u202eb\u200bc\x00\x07", "abc"),
    ],
)
def test_a_line_counts_as_a_terminal_would_leave_it(printed: str, final: str) -> None:
    assert shown(printed) == final


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("web17 is up", "<host> is up"),
        ("WEB17.corp.example: ok", "<host>: ok"),
        ("root@web17:~# cat /etc/web17.pem", "root@<host>:~# cat /etc/<host>.pem"),
        ("listening on 10.4.1.17:80", "listening on <host>:80"),
        ("web170 my-web17 web17-old 10.4.1.170", "web170 my-web17 web17-old 10.4.1.170"),
        ("db3 answered web17", "db3 answered <host>"),
    ],
)
def test_a_hosts_own_name_does_not_count(line: str, masked: str) -> None:
    assert mask(line, NAMES) == masked


def test_short_names_do_not_hit_ordinary_words() -> None:
    assert own_names("a", "a:22") == ()
    assert own_names("h1", "h1:22") == ("h1",)
    assert own_names("17", "[2001:db8::17]:2222") == ("2001:db8::17",)


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("2026-11-21T10:59:46.123Z start", "<time> start"),
        ("2026-11-21 10:59:46,123 - x", "<time> - x"),
        ("time=2026-11-21T10:59:46+01:00 level=info", "time=<time> level=info"),
        ("Nov 21 10:59:46 box sshd[123]: ok", "<time> box sshd[<pid>]: ok"),
        ("Sat Nov 21 10:59:46 UTC 2026", "<time>"),
        ("Sat, 21 Nov 2026 10:59:46 GMT", "<time>"),
        ("- - [21/Nov/2026:10:59:46 +0000] GET", "- - [<time>] GET"),
        ("on 21.11.2026 and 11/21/2026", "on <time> and <time>"),
        ("[    1.234567] usb 1-1: new", "[<time>] usb 1-1: new"),
        ("10:00:00 INFO started", "<time> INFO started"),
        (" 10:59:46 up  3:33,  0 user", " <time> up <duration>,  0 user"),
        ("up 3 days,  2:04, 1 user", "up <duration>, 1 user"),
        ("real\t0m0.123s", "real\t<duration>"),
        ("took 12.5 s, 300ms, 1h2m3s, 3 minutes", "took <duration>, <duration>, <duration>, <duration>"),
        ("Fetched 312 kB in 1s (298 kB/s)", "Fetched 312 kB in <duration> (<rate>)"),
        ("pid 123 PID: 4 (pid=77)", "pid <pid> PID: <pid> (pid=<pid>)"),
        (
            'File "/home/ops/.opsconsole/63a9ad13-0405-46de-89be-ab9e27ead2d2-17.script", line 3, in <module>',
            'File "<program>", line 3, in <module>',
        ),
        ("/tmp/opsc.qA7xYz: line 3: apt: command not found", "<program>: line 3: apt: command not found"),
    ],
)
def test_times_durations_rates_and_process_numbers_do_not_count(line: str, masked: str) -> None:
    assert mask(line, NAMES) == masked


@pytest.mark.parametrize(
    "line",
    [
        "openssl 3.0.17-1~deb12u2 over 3.0.16-1",
        "14 upgraded, 0 newly installed, 2 to remove",
        "expires in 5 days",
        "May 12 packages be removed?",
        "port 10:80 of 3",
        "values[3]= 7",
        "312 kB of 14.2 MB",
        "version 3.11.2024 of v10.04.2023",
        "exit status 100",
        "/dev/sda1 97%",
    ],
)
def test_everything_else_counts(line: str) -> None:
    assert mask(line, NAMES) == line


def test_blanks_at_the_end_of_a_line_do_not_count() -> None:
    assert lines_of(b"a  \t\r\n  b \n") == ["a", "  b"]


def test_hosts_that_differ_in_names_colours_and_times_have_one_digest() -> None:
    one = b"\x1b[32m+ update on web1\x1b[0m\n10:00:01 Fetched 3 kB in 2s\n 10 %\r100 %\n"
    other = b"+ update on db22\r\n11:30:59 Fetched 3 kB in 41 s\n 7 %\r 60 %\r100 %"
    assert digest_of(one, own_names("web1", "10.0.0.1:22")) == digest_of(other, own_names("db22", "10.0.0.9:22"))
    assert digest_of(one, own_names("web1", "x:22")) != digest_of(one.replace(b"3 kB", b"4 kB"), own_names("web1", "x"))


def test_the_order_of_the_two_streams_does_not_count_but_which_of_them_it_was_does() -> None:
    def digest(*taken: tuple[int, str]) -> str:
        fingerprint = Fingerprint()
        for stream, line in taken:
            fingerprint.take(stream, [line])
        return fingerprint.value()

    assert digest((1, "out"), (2, "err")) == digest((2, "err"), (1, "out"))
    assert digest((1, "out"), (2, "err")) != digest((1, "err"), (2, "out"))
    assert digest((1, "a"), (1, "b")) != digest((1, "b"), (1, "a"))


def test_a_digest_says_by_which_rules_it_was_made_and_fits_its_column() -> None:
    assert digest_of(b"x").startswith(f"{VERSION}:")
    assert len(digest_of(b"x")) <= 80


def test_a_missing_line_end_does_not_count_and_an_empty_line_does() -> None:
    assert digest_of(b"a\nb") == digest_of(b"a\nb\n")
    assert digest_of(b"a\n\nb\n") != digest_of(b"a\nb\n")


@pytest.mark.parametrize("piece", [1, 7, 4096, LINE_MOST - 1, LINE_MOST, LINE_MOST + 1])
def test_lines_do_not_depend_on_where_the_pieces_were_cut(piece: int) -> None:
    rng = random.Random(piece)
    long_bar = b"".join(b"\r%3d %% of web17" % (n % 101) for n in range(10_000)) + b"\rall of it on web17\n"
    output = b"caf\xc3\xa9 web17\n" + long_bar + b"z" * (LINE_MOST + 100) + b"\n" + rng.randbytes(3 * LINE_MOST)
    whole = lines_of(output)
    assert lines_of(output, piece) == whole
    assert whole[:2] == ["café <host>", "all of it on <host>"]


def test_a_progress_bar_without_a_line_end_is_one_line_of_bounded_memory() -> None:
    normaliser = Normaliser(NAMES)
    for n in range(10_000):
        assert normaliser.feed(b"\r[%-40s] %d" % (b"#" * (n % 40), n)) == []
    assert normaliser.end() == [f"[{'#' * 39:<40}] 9999"]


@pytest.mark.parametrize(
    "output",
    [
        b"y\n" * 500_000,
        b"a" * 1_000_000,
        b"1" * 1_000_000,
        b"1:" * 500_000,
        b"10%\r" * 250_000,
        b"\x1b]" * 500_000,
        b"\x1b[1m" * 250_000,
        b"a\b" * 500_000,
        b"web17 " * 160_000,
        b"up  1 day, " * 90_000,
        b"Mon  " * 200_000,
        b"1.1." * 250_000,
        b" " * 1_000_000,
        random.Random(1).randbytes(1_000_000),
    ],
    ids=lambda output: repr(output[:6]),
)
def test_a_megabyte_of_anything_is_normalised_within_seconds(output: bytes) -> None:
    begin = time.process_time()
    lines = lines_of(output, 64 * 1024)
    assert time.process_time() - begin < 3
    assert max(map(len, lines)) <= 2 * LINE_MOST


def test_a_key_is_the_same_for_the_same_parts_only() -> None:
    assert key_of("failed", 1, "x") == key_of("failed", 1, "x")
    assert key_of("failed", 1, "x") != key_of("failed", 11, "x")
