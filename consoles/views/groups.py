"""Hosts that printed the same, and what two outputs differ in, as JSON for the run page."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.http import JsonResponse
from django.views.decorators.http import require_GET

from consoles import comparing
from consoles.presenting import fold_names, iso
from consoles.ranges import as_ranges
from consoles.views import user_of
from consoles.views.runs import visible_host_run, visible_run

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from consoles.differing import Difference
    from consoles.models import HostRun

#: Folded names told of one group; the page knows all its hosts by index.
_MOST_NAMES = 60
_LAST_GOOD = "last-good"


@require_GET
def run_groups(request: HttpRequest, pk: int) -> HttpResponse:
    """The groups of the hosts that have ended. With ``pending`` there is more to work out: ask again."""
    found = comparing.group(visible_run(request, pk))
    groups = [_group(group) for group in found.groups]
    return _json({"groups": groups, "pending": found.pending, "unfinished": found.unfinished})


@require_GET
def host_diff(request: HttpRequest, pk: int, index: int) -> HttpResponse:
    """What one host printed differently from the host ``against`` of the same run, or from its last good run."""
    host_run = visible_host_run(request, pk, index)
    against = request.GET.get("against", "")
    if against == _LAST_GOOD:
        left = comparing.last_good(user_of(request), host_run)
        if left is None:
            return _json(_nothing_to_compare(host_run))
    elif against.isascii() and against.isdecimal() and len(against) <= 9:
        left = visible_host_run(request, pk, int(against))
    else:
        sentence = f"Say what to compare with: against=<index of a host>, or against={_LAST_GOOD}."
        return _json({"error": sentence}, HTTPStatus.BAD_REQUEST)
    try:
        found = comparing.compare(left, host_run)
    except comparing.Busy as busy:
        return _json({"error": str(busy)}, HTTPStatus.SERVICE_UNAVAILABLE)
    return _json(_diff(left, host_run, found))


@require_GET
def host_end(request: HttpRequest, pk: int, index: int) -> HttpResponse:
    """The end of what one host printed, as it printed it."""
    text, skipped = comparing.end_of(visible_host_run(request, pk, index))
    return _json({"text": text, "skipped": skipped})


def _json(answer: dict[str, Any], status: int = HTTPStatus.OK) -> JsonResponse:
    return JsonResponse(answer, status=status, headers={"Cache-Control": "private, no-store"})


def _group(group: comparing.Group) -> dict[str, Any]:
    names = fold_names(row.server_name for row in group.members)
    sample = group.sample
    return {
        "key": group.key,
        "status": sample.status,
        "exit_status": sample.exit_status,
        "exit_signal": sample.exit_signal,
        "reason": group.reason,
        "count": len(group.members),
        "hosts": as_ranges(row.index for row in group.members),
        "names": " ".join(names[:_MOST_NAMES]) + (" …" if len(names) > _MOST_NAMES else ""),
        "sample": sample.index,
        "size": sample.size,
        "lines": sample.lines,
        "in_part": group.in_part,
        "largest": group.largest,
        "differs": group.differs,
    }


def _diff(left: HostRun, right: HostRun, found: Difference) -> dict[str, Any]:
    hunks = [{"header": hunk.header, "lines": [list(line) for line in hunk.lines]} for hunk in found.hunks]
    sides = {"left": _side(left), "right": _side(right)}
    return sides | {"same": found.same, "hunks": hunks, "truncated": found.truncated, "note": ""}


def _nothing_to_compare(host_run: HostRun) -> dict[str, Any]:
    program = host_run.run.script_version.script.name if host_run.run.script_version else "this command"
    note = f"No earlier run of {program} that you may see succeeded on {host_run.server_name}."
    right = _side(host_run)
    return {"left": None, "right": right, "same": False, "hunks": [], "truncated": False, "note": note}


def _side(host_run: HostRun) -> dict[str, Any]:
    run = host_run.run
    return {
        "run": run.pk,
        "created": iso(run.created),
        "host": host_run.index,
        "name": host_run.server_name,
        "status": str(host_run.status),
        "exit_status": host_run.exit_status,
        "exit_signal": host_run.exit_signal,
        "size": host_run.size,
        "lines": host_run.lines,
        "link": f"{run.get_absolute_url()}#{urlencode({'h': host_run.server_name})}",
    }
