"""What several servers of a run printed, as one stream in the order of arrival."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from django.http import JsonResponse
from django.views.decorators.http import require_GET

from consoles import outputlog
from consoles.outputlog import merged
from consoles.presenting import iso
from consoles.ranges import parse_ranges
from consoles.views.runs import visible_run

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

_LEAST_BYTES = 1024
_CURSOR = re.compile(r"\d{1,6}\.\d{1,15}(,\d{1,6}\.\d{1,15})*", re.ASCII)


@require_GET
def run_merged(request: HttpRequest, pk: int) -> HttpResponse:
    """Output of the servers ``hosts`` (indexes such as ``0-5,7``) after the cursor ``after`` of the last answer."""
    run = visible_run(request, pk)
    try:
        hosts = parse_ranges(request.GET.get("hosts", ""), merged.MOST_HOSTS)
        cursor = _cursor(request.GET.get("after", ""))
        most = _most(request.GET.get("limit", ""), is_first=cursor is None)
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse(_answer(outputlog.read_merged(run.pk, hosts, cursor, most)))


def _answer(found: merged.Merged) -> dict[str, Any]:
    return {
        "pieces": [
            {
                "id": found_piece.id,
                "host": found_piece.host,
                "offset": found_piece.piece.offset,
                "time": iso(found_piece.piece.time),
                "stream": found_piece.piece.stream,
                "data": base64.b64encode(found_piece.piece.data).decode(),
            }
            for found_piece in found.pieces
        ],
        "after": ",".join(f"{host}.{offset}" for host, offset in found.cursor.items()),
        "skipped": found.skipped,
        "more": found.more,
        "lines": found.lines,
    }


def _cursor(text: str) -> dict[int, int] | None:
    """Bytes told so far by server index, or None at the first time. Raises ValueError with a sentence."""
    if not text:
        return None
    if not _CURSOR.fullmatch(text):
        raise ValueError("Hand in `after` as the last answer told it.")
    return {int(host): int(offset) for host, _, offset in (part.partition(".") for part in text.split(","))}


def _most(text: str, is_first: bool) -> int:
    """Bytes wanted in the answer. Raises ValueError with a sentence."""
    if not text:
        return merged.FIRST_BYTES if is_first else merged.MOST_BYTES
    if not (text.isascii() and text.isdecimal() and _LEAST_BYTES <= int(text[:9]) <= merged.MOST_BYTES):
        raise ValueError(f"The limit must be a number of bytes from {_LEAST_BYTES} to {merged.MOST_BYTES}.")
    return int(text[:9])
