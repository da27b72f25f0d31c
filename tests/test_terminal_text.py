"""Bytes for a terminal as plain text: what lists and the command line may show of hostile output."""

from __future__ import annotations

import random
import re
import time

import pytest

from consoles.terminal_text import last_line, one_line, plain, safe_for_terminal, unseen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", "hello"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[Hhome", "home"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]52;c;ZXZpbA==\x1b\\text", "text"),
        ("\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ('\x1bP$q"p\x1b\\text', "text"),
        ("\x1b]0;never ended", ""),
        ("\x9b31mred", "31mred"),
        ("\x1b\x1b[0m[31mx", "[31mx"),
        ("a\x00b\x07c\x7f", "abc"),
        ("safe\u202eexe.txt", "safeexe.txt"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("日本 grüße", "日本 grüße"),
    ],
)
def test_plain_text_has_no_escapes(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (b"", ""),
        (b"\n\n  \n", ""),
        (b"one\ntwo\n", "two"),
        (b"one\ntwo", "two"),
        (b"10%\r20%\r30%", "30%"),
        (b"10%\r20%\r\n", "20%"),
        (b"done\n\x1b[0m\n", "done"),
        (b"\xff\xfe broken", "\ufffd\ufffd broken"),
        (b"x" * 500, "x" * 200),
        (b"a\tb", "a b"),
        ("日本".encode()[1:], "\ufffd\ufffd本"),
    ],
)
def test_last_line_is_what_a_terminal_would_leave(tail: bytes, expected: str) -> None:
    assert last_line(tail) == expected


def test_colours_stay_and_nothing_else_passes_to_a_terminal() -> None:
    text = "\x1b[32mok\x1b[0m \x1b]0;title\x07\x1b[2Jx\x1b[?25l\x1bcy"
    assert safe_for_terminal(text) == "\x1b[32mok\x1b[0m xy"


def test_random_bytes_never_leave_a_control_character() -> None:
    chance = random.Random(1)
    pieces = [*"\x1b[]P0;m\x07\\\x9b\x9dx\r\n\x00\u202e?"]
    control = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
    for _ in range(3000):
        text = "".join(chance.choices(pieces, k=chance.randrange(30)))
        assert not control.search(plain(text)), repr(text)
        without_colours = re.sub(r"\x1b\[[0-9;:]*m", "", safe_for_terminal(text))
        assert not control.search(without_colours), repr(text)


@pytest.mark.parametrize("text", ["\x1b]" * 20_000, "\x1b[" + "1;" * 20_000, "\x1bP" + "x\x1b" * 20_000, "\r" * 40_000])
def test_hostile_text_takes_no_time(text: str) -> None:
    began = time.process_time()
    plain(text), safe_for_terminal(text), last_line(text.encode())
    assert time.process_time() - began < 2


def test_a_title_is_one_plain_line() -> None:
    assert one_line(" Fix\u202e\tthe\r\n\x1b[31mweb\x1b[0m \u200bservers ") == "Fix the web servers"
    assert one_line("\x1b]0;gotcha\x07") == ""


def test_names_what_cannot_be_seen() -> None:
    assert unseen("a\tb\x00\u202ec") == ["\x00", "\u202e"]
    assert unseen("日本 grüße") == []
