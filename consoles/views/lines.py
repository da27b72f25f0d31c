"""Lines and folds of one server's output, for the line view."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.http import JsonResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET

from consoles.outputlog import lines
from consoles.presenting import iso
from consoles.protocol import STDERR
from consoles.views.runs import visible_host_run

if TYPE_CHECKING:
    from django.http import HttpRequest, QueryDict

    from consoles.models import HostRun

MAX_COUNT = 1000
#: Larger numbers are no offset or line of any log, and not every database takes them.
_MAX_NUMBER = 2**53


class WrongParameterError(Exception):
    """What was asked cannot be answered; the message is a sentence for the asker."""


@require_GET
def host_lines(request: HttpRequest, pk: int, index: int) -> JsonResponse:
    """Lines of one server's output from ``from`` on, around the byte ``at``, or from ``time`` on."""
    log = _log_of(visible_host_run(request, pk, index))
    try:
        count = _number(request.GET, "count", 500, least=1, most=MAX_COUNT)
        most = _number(request.GET, "most", lines.MAX_LINE, least=1, most=lines.MAX_WHOLE_LINE)
        asked, first = _place(log, request.GET, count)
    except WrongParameterError as error:
        return JsonResponse({"error": str(error)}, status=400)
    rows = [_row(line) for line in log.read(first, count, most)]
    answer = {"first": first, "total": log.total, "size": log.size, "style": log.style_at(first), "lines": rows}
    return JsonResponse(answer if asked is None else answer | {"line": asked})


@require_GET
def host_folds(request: HttpRequest, pk: int, index: int) -> JsonResponse:
    """The folds of one server's output; ``complete`` is false where asking again would find more."""
    log = _log_of(visible_host_run(request, pk, index))
    found, complete = lines.folds(log)
    rows = [{"from": fold.first, "to": fold.last, "title": fold.title} for fold in found]
    answer = {"folds": rows, "complete": complete, "size": log.size}
    # Titles come from the host: escaped, each of its characters could take twelve bytes.
    return JsonResponse(answer, json_dumps_params={"ensure_ascii": False})


def _log_of(host_run: HostRun) -> lines.Log:
    return lines.Log(host_run.pk, host_run.size, host_run.lines)


def _place(log: lines.Log, query: QueryDict, count: int) -> tuple[int | None, int]:
    """The line that was asked for by offset or time, None where it was by number; and the first line to give."""
    if "at" in query:
        asked = log.line_at(_number(query, "at", 0, least=0, most=_MAX_NUMBER))
        return asked, max(1, asked - count // 2)
    if "time" in query:
        asked = log.line_since(_moment(query.get("time", "")))
        return asked, asked
    return None, _number(query, "from", 1, least=1, most=_MAX_NUMBER)


def _number(query: QueryDict, name: str, default: int, least: int, most: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):
        raise WrongParameterError(f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise WrongParameterError("time must be a time such as 2026-01-31T14:03:02Z.")
    return moment if timezone.is_aware(moment) else moment.replace(tzinfo=timezone.get_default_timezone())


def _row(line: lines.Line) -> dict[str, Any]:
    row = {
        "n": line.number,
        "time": iso(line.time),
        "text": line.text,
        "cut": line.cut,
        "stderr": line.stream == STDERR,
    }
    return row | {"tail": True} if line.is_tail else row
