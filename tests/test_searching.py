"""Text and expressions are found line by line, in whatever pieces the output arrives."""

from __future__ import annotations

import random
import time

import pytest

from consoles.searching import MAX_EXCERPT, MAX_LINE, MAX_QUERY, STEP, BadQuery, Hit, Matcher, Scan, line_text, prepared


def hits(data: bytes, query: str, *, pieces: int = 0, listed: int = 1000, most: int = 10_000, **how: bool) -> list[Hit]:
    """What a scan of ``data``, fed ``pieces`` bytes at a time, gives back."""
    scan = Scan(Matcher(query, **how), listed=listed, most=most)
    found = []
    for start in range(0, len(data), pieces or len(data) or 1):
        found += scan.feed(data[start : start + (pieces or len(data))])
    return found + scan.close()


def lines(data: bytes, query: str, **how: bool) -> list[int]:
    return [hit.line for hit in hits(data, query, **how)]


def test_finds_text_in_any_case_unless_told_otherwise() -> None:
    data = b"Error: one\nfine\nan ERROR\nerror"
    assert lines(data, "error") == [1, 3, 4]
    assert lines(data, "error", case=True) == [4]
    assert lines("GRÖSSE\ngröße\nГОТОВО\n".encode(), "готово") == [3]


def test_tells_number_and_offset_of_each_line() -> None:
    data = "eins\nzwei ä\n\nvier zwei\n".encode()
    assert hits(data, "zwei") == [Hit(2, 5, "zwei ä", ((0, 4),)), Hit(4, 14, "vier zwei", ((5, 9),))]
    assert data[14:].startswith(b"vier")


def test_text_is_no_expression() -> None:
    data = b"a.c\nabc\n(x)+\n\\d 5\n"
    assert lines(data, "a.c") == [1]
    assert lines(data, "(x)+") == [3]
    assert lines(data, "\\d") == [4]


def test_an_expression_fits_within_one_line() -> None:
    data = b"foo\n bar\nfoo bar\n\nend"
    assert lines(data, r"foo\s+bar", regex=True) == [3]
    assert lines(data, r"(?s)foo.*bar", regex=True) == [3]
    assert lines(data, r"^bar|^ bar$", regex=True) == [2]
    assert lines(data, r"^$", regex=True) == [4]
    assert lines(data, r"[^x]{9,}", regex=True) == []
    assert lines(data, r"d$", regex=True) == [5]


def test_anchors_of_the_whole_text_mean_the_line() -> None:
    data = b"foo\nbar foo\nfoo bar\n"
    assert lines(data, r"\Afoo\z", regex=True) == [1]
    assert lines(data, r"(?-m)^foo$", regex=True) == [1]


def test_finds_the_same_in_whatever_pieces_it_arrives() -> None:
    data = "größe 1\r\n\x1b[31mfeh\x1b[0mler: größe\n10%\r99% größe\r\n\n😀 größe und größe\nohne Ende größe".encode()
    whole = hits(data, "größe")
    assert [hit.line for hit in whole] == [1, 2, 3, 5, 6]
    for size in range(1, 30):
        assert hits(data, "größe", pieces=size) == whole


def test_random_output_is_searched_as_its_lines_one_by_one() -> None:
    chance = random.Random(7)
    alphabet = [b"a", b"b", b"B", b"\n", b"\r", b"\r\n", b"\x1b[1m", b"\x1b]0;ab\x07", b"\xc3", b"\xa4", b"\x00", b" "]
    for _ in range(400):
        data = b"".join(chance.choices(alphabet, k=chance.randrange(60)))
        for query, how in (("ab", {}), ("b+", {"regex": True}), ("^$|ä", {"regex": True}), ("ä", {})):
            split = data.split(b"\n")
            rows = split if split[-1] else split[:-1]
            expected = [number for number, row in enumerate(rows, 1) if hits(row or b"\n", query, **how)]
            found = hits(data, query, pieces=chance.randrange(1, 20), **how)
            assert [hit.line for hit in found] == expected, (data, query)
            assert all(hit.offset == 0 or data[hit.offset - 1 : hit.offset] == b"\n" for hit in found)
            assert all(data[: hit.offset].count(b"\n") == hit.line - 1 for hit in found)


def test_colours_do_not_part_a_word() -> None:
    assert hits(b"ok\n\x1b[1;31mER\x1b[0mROR\x1b[K here\n", "error here") == [Hit(2, 3, "ERROR here", ((0, 10),))]
    assert lines(b"\x1b]8;;https://example.org/\x1b\\link\x1b]8;;\x1b\\ text\n", "link text") == [1]
    assert lines(b"\x1b]0;title\x07shown\n", "title") == []


def test_searches_what_was_left_of_a_line_that_was_drawn_over() -> None:
    data = b"10%\r50%\r100% done\r\nnext\r\n"
    assert lines(data, "50%") == []
    assert [hit.text for hit in hits(data, "100%")] == ["100% done"]
    assert lines(data, "next") == [2]
    assert lines(data, "done$", regex=True) == [1]


def test_control_and_hidden_characters_are_no_hindrance() -> None:
    assert lines("pass\x00word\nra\u200bre\n\u202eevil\u202c disk\n".encode(), "password") == [1]
    assert [hit.text for hit in hits("ra\u200bre \u202eevil\u202c\n".encode(), "rare")] == ["rare evil"]


def test_broken_characters_are_shown_as_such_and_hide_nothing() -> None:
    found = hits(b"\xff\xfe broken \xc3\n\xe2\x82 next\n", "broken")
    assert found == [Hit(1, 0, "\ufffd\ufffd broken \ufffd", ((3, 9),))]
    assert lines(b"\xff\xfe broken \xc3\n\xe2\x82 next\n", "next") == [2]


def test_an_excerpt_shows_the_match_in_a_long_line() -> None:
    line = b"x" * 2000 + b" needle " + b"y" * 2000 + b" needle\n"
    (hit,) = hits(line, "needle")
    assert len(hit.text) == MAX_EXCERPT
    assert hit.text.startswith("…x") and hit.text.endswith("y…")
    assert [hit.text[start:end] for start, end in hit.spans] == ["needle"]
    assert hit.parts[1] == "needle" and "".join(hit.parts) == hit.text


def test_an_excerpt_counts_characters_not_bytes() -> None:
    (hit,) = hits(("😀" * 500 + "nadel" + "ä" * 500 + "\n").encode(), "nadel")
    assert len(hit.text) == MAX_EXCERPT and hit.parts[1] == "nadel"


def test_marks_every_match_of_an_excerpt_and_the_part_of_one_that_does_not_fit() -> None:
    (hit,) = hits(b"ab ab ab\n", "ab")
    assert hit.spans == ((0, 2), (3, 5), (6, 8))
    (hit,) = hits(b"a" * 5000 + b"\n", "a+", regex=True)
    assert hit.spans == ((0, MAX_EXCERPT - 1),) or hit.spans[0][1] <= MAX_EXCERPT
    (hit,) = hits(b"abc\n", "x*", regex=True)
    assert hit.spans == () and hit.parts == ["abc"]


@pytest.mark.parametrize("size", [1000, MAX_LINE, 10**6])
def test_only_the_beginning_of_an_endless_line_is_searched(size: int) -> None:
    data = b"first\n" + b"x" * (MAX_LINE - 10) + b"early" + b"x" * 300_000 + b"late\nafter\n"
    assert [(hit.line, hit.offset) for hit in hits(data, "early", pieces=size)] == [(2, 6)]
    assert hits(data, "late", pieces=size) == []
    assert [(hit.line, hit.offset) for hit in hits(data, "after", pieces=size)] == [(3, len(data) - 6)]


def test_goes_on_where_it_was_stopped() -> None:
    data = b"".join(b"line %d %s\n" % (n, b"hit" if n % 7 == 0 else b"") for n in range(1, 5000))
    data += b"x" * 200_000 + b"\nlast hit"
    matcher = Matcher("hit")
    whole = hits(data, "hit")
    state = {"offset": 0, "line": 1, "count": 0, "within": False}
    found: list[Hit] = []
    end = 0
    while end < len(data):
        start = state["offset"]
        end = min(start + 30_000 + MAX_LINE, len(data))
        scan = Scan(matcher, listed=10_000, most=10_000, **state)  # type: ignore[arg-type]
        found += scan.feed(data[start:end])
        state = {"offset": scan.offset, "line": scan.line, "count": scan.count, "within": scan.within}
    assert found + scan.close() == whole
    assert scan.count == len(whole)


def test_lists_some_counts_more_and_then_stops() -> None:
    scan = Scan(Matcher("x"), listed=2, most=5)
    assert [hit.line for hit in scan.feed(b"x\n" * 100)] == [1, 2]
    assert scan.count == 5 and scan.is_full


@pytest.mark.parametrize(
    ("query", "how", "told"),
    [
        ("", {}, "Type what to look for"),
        ("x" * (MAX_QUERY + 1), {}, "at most 500 characters"),
        ("a\nb", {}, "line break"),
        ("a\x00b", {}, "control characters"),
        ("\ud800", {}, "control characters"),
        ("(", {"regex": True}, "missing )"),
        ("[z-a]", {"regex": True}, "cannot be read"),
        (r"(a)\1", {"regex": True}, "cannot be read"),
        (r"a(?=b)", {"regex": True}, "cannot look ahead"),
        (r"\C", {"regex": True}, "may not use"),
        (r"a{1001}", {"regex": True}, "too large"),
        (r"((a{100}){100}){100}", {"regex": True}, "too large"),
        (r"\pL{900}", {"regex": True}, "too large"),
        (r".{1000}.{1000}", {"regex": True}, "too large"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_one_sentence(query: str, how: dict[str, bool], told: str) -> None:
    with pytest.raises(BadQuery, match=r".") as caught:
        Matcher(query, **how)
    assert told in str(caught.value)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+c", "((((a*)*)*)*)*z", "(a|b)*a(a|b){20}z", "(?:a?){200}a{200}z", "(.*)(.*)(.*)(.*)z"]
)
def test_a_hostile_expression_takes_no_longer_than_the_output_is_long(pattern: str) -> None:
    data = b"a" * 60_000 + b"!\n" + b"ab" * 20_000 + b"\n"
    begun = time.process_time()
    hits(data * 3, pattern, regex=True)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "data",
    [
        b"\r" * 400_000,
        b"\x1b]" * 200_000,
        b"\x1b[" * 200_000,
        b"\x1b[1;" + b"1" * 400_000,
        b"\x1bP" + b"\r\n" * 200_000,
    ],
)
def test_hostile_output_takes_no_longer_than_it_is_long(data: bytes) -> None:
    begun = time.process_time()
    hits(data, "needle", pieces=65_536)
    assert time.process_time() - begun < 3


def test_a_prepared_block_is_its_lines_prepared() -> None:
    rows = [b"a\x1b[1mb", b"", b"1\r2\r", b"\xc3\xa4\xff", b"\x1b]0;open", b"\xe2\x80\xaex", b"\r"]
    assert prepared(b"\n".join(rows) + b"\n").decode().split("\n") == [line_text(row) for row in rows]


def megabytes(count: int) -> list[bytes]:
    """So many megabytes as a package manager prints them, in the pieces a log is read in."""
    lines = b"".join(b"Unpacking lib%d (3.%d-1) over (2.%d-4) ...\n" % (n, n % 40, n % 7) for n in range(25_000))
    megabyte = lines[: 1024 * 1024]
    return [megabyte[start : start + STEP] for start in range(0, len(megabyte), STEP)] * count


@pytest.mark.parametrize(("query", "regex"), [("no such text", False), (r"fail(ed|ure)\s+\d+$", True)])
def test_looks_through_a_hundred_megabytes_in_a_moment(query: str, regex: bool) -> None:
    pieces = megabytes(100)
    scan = Scan(Matcher(query, regex=regex), listed=20, most=1000)
    begun = time.process_time()
    assert not any(scan.feed(piece) for piece in pieces)
    seconds = time.process_time() - begun
    print(f"\n{query!r}: 100 MB in {seconds:.2f} s, {sum(map(len, pieces)) / seconds / 1e6:.0f} MB/s")
    # Far above what it takes, so that only another order of magnitude fails.
    assert seconds < 4
