"""What people write to each other, made fit to be stored and shown anywhere. Pure; no Django here."""

from __future__ import annotations

import re
from typing import Final

#: Most characters of one note.
MAX_NOTE: Final = 2_000

_LINE_ENDS = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
#: Control characters other than tab and newline, what reorders the text around it, and half characters.
_UNWANTED = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_MANY_EMPTY_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")


def clean(text: str) -> str:
    """``text`` with plain line ends, without control characters and without space around it; "" when none is left."""
    lines = _UNWANTED.sub("", _LINE_ENDS.sub("\n", text))
    return _MANY_EMPTY_LINES.sub("\n\n", lines).strip()
