"""Bytes for a terminal, read as plain text. Pure; no Django here."""

from __future__ import annotations

import re

# ECMA-48: CSI sequences, then strings (OSC, DCS, SOS, PM, APC) up to their terminator, then other escapes.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]|[\x80-\x9f]", re.DOTALL
)
# Other control characters, and the Unicode ones that reorder or hide text.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def plain(text: str) -> str:
    """``text`` without terminal escapes, control characters and bidirectional overrides; newlines and tabs stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def unseen(text: str) -> list[str]:
    """The characters of ``text`` that hide or reorder what is read: controls and bidirectional ones, without tabs."""
    return _CONTROLS.findall(text)


def one_line(text: str) -> str:
    """``text`` plain, on one line, with single spaces: for titles, which others typed or a command began with."""
    return " ".join(plain(text).split())


def last_line(tail: bytes, most: int = 200) -> str:
    """The last line of output that says something, as a terminal would leave it: after the last ``\\r``, plain."""
    for line in reversed(tail.decode(errors="replace").split("\n")):
        for part in reversed(line.split("\r")):
            shown = plain(part).replace("\t", " ").strip()
            if shown:
                return shown[:most]
    return ""


_COLOURS = re.compile(r"(\x1b\[[0-9;:]*m)")


def safe_for_terminal(text: str) -> str:
    """``text`` with its colours, and without what could move the cursor, set titles or the clipboard, or hide text."""
    parts = _COLOURS.split(text)
    return "".join(part if number % 2 else plain(part) for number, part in enumerate(parts))
