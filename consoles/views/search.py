"""Searching what was printed: in one run, and in all runs somebody may see."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Q
from django.http import JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from consoles import access, finding
from consoles.filters import without
from consoles.models import HostRun, Run, Script
from consoles.presenting import fold_names, iso
from consoles.protocol import MAX_SERVERS
from consoles.ranges import parse_ranges
from consoles.searching import Matcher
from consoles.terminal_text import one_line
from consoles.views import user_of
from consoles.views.runs import visible_run

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse, QueryDict

    from consoles.models import RunQuerySet

#: Within a run: all that a reader may want to see of each server.
WITHIN = finding.Limits()
#: Only which servers have a hit at all: the first one ends the search of a log.
ONLY_WHICH = finding.Limits(listed=0, most=1)
#: Across runs a few lines of each server say enough: the whole is one click away.
ACROSS = finding.Limits(listed=3, most=100)
#: The same for the page itself, which is not shown before it is done.
FIRST_PAGE = finding.Limits(listed=3, most=100, budget=1.0)
DAYS = ((1, "Last 24 hours"), (7, "Last 7 days"), (30, "Last 30 days"), (365, "Last year"))


@require_GET
def run_search(request: HttpRequest, pk: int) -> HttpResponse:
    """The lines of a run's servers that have ``q``, searched for about two seconds; ``next`` is where to go on."""
    run = visible_run(request, pk)
    try:
        matcher = _matcher(request.GET)
        after = finding.Place.parse(request.GET.get("after", ""))
        hosts = request.GET.get("hosts", "")
        indexes = parse_ranges(hosts, MAX_SERVERS) if hosts else None
    except ValueError as error:
        return _refused(error)
    # The run is what was asked for and allowed, whatever the place to go on from says.
    host_runs = run.host_runs.all() if indexes is None else run.host_runs.filter(index__in=indexes)
    limits = ONLY_WHICH if request.GET.get("hits") == "0" else WITHIN
    answer = finding.search(host_runs, matcher, after, limits)
    total = host_runs.count()
    left = host_runs.filter(index__gte=answer.next.index).count() if answer.next else 0
    return JsonResponse(
        {
            "hosts": [_host(found) for found in answer.found],
            "searched": total - left,
            "of": total,
            "next": str(answer.next) if answer.next else None,
        }
    )


@require_safe
def search_page(request: HttpRequest) -> HttpResponse:
    """Which servers ever printed something. With a query, the page has what a second of searching finds."""
    scope = _Scope(user_of(request), request.GET)
    context: dict[str, Any] = {"scope": scope, "days": DAYS, "query": request.GET.get("q", "")}
    if "q" not in request.GET:
        return render(request, "consoles/search.html", context)
    try:
        data = scope.search(FIRST_PAGE)
    except ValueError as error:
        context["error"] = str(error)
        return render(request, "consoles/search.html", context, status=HTTPStatus.BAD_REQUEST)
    further = without(request.GET, "after")
    context |= {"data": data, "hosts": _by_host(data), "further": f"{further}&after={data['next']}"}
    context["folded"] = fold_names(host["name"] for host in context["hosts"])
    return render(request, "consoles/search.html", context)


@require_GET
def search_data(request: HttpRequest) -> HttpResponse:
    """The same as data, from ``after`` on."""
    try:
        return JsonResponse(_Scope(user_of(request), request.GET).search(ACROSS))
    except ValueError as error:
        return _refused(error)


class _Scope:
    """The runs and servers that somebody may see and wants to search."""

    def __init__(self, user: User, query: QueryDict) -> None:
        self._query = query
        self.server = query.get("server", "").strip()[:100]
        self.script = _number(query.get("script", ""))
        self.days = _number(query.get("days", ""))
        self._visible = access.runs_for(user)
        self.is_regex, self.is_case = query.get("regex") == "1", query.get("case") == "1"

    @property
    def scripts(self) -> QuerySet[Script]:
        """The scripts of runs that may be seen, to choose from."""
        used = Run.objects.filter(script_version__script=OuterRef("pk"), pk__in=self._visible.values("pk"))
        return Script.objects.filter(Exists(used))

    def search(self, limits: finding.Limits) -> dict[str, Any]:
        """One step of the search. Raises ValueError with a sentence."""
        matcher = _matcher(self._query)
        after = finding.Place.parse(self._query.get("after", ""))
        runs = self._runs()
        on = self._on()
        answer = finding.search(HostRun.objects.filter(on, run__in=runs), matcher, after, limits)
        of = runs.filter(Exists(HostRun.objects.filter(on, run=OuterRef("pk"))))
        total = of.count()
        return {
            "hosts": [_host(found) | {"run": found.host_run.run_id} for found in answer.found],
            "runs": _told({found.host_run.run_id for found in answer.found}),
            "searched": total - (of.filter(pk__lte=answer.next.run).count() if answer.next else 0),
            "of": total,
            "next": str(answer.next) if answer.next else None,
        }

    def _runs(self) -> RunQuerySet:
        runs = self._visible
        if self.script:
            runs = runs.filter(script_version__script=self.script)
        if self.days:
            runs = runs.filter(created__gte=timezone.now() - timedelta(days=self.days))
        return runs

    def _on(self) -> Q:
        return Q(server_name__icontains=self.server) | Q(address__icontains=self.server) if self.server else Q()


def _matcher(query: QueryDict) -> Matcher:
    return Matcher(query.get("q", ""), regex=query.get("regex") == "1", case=query.get("case") == "1")


def _host(found: finding.Found) -> dict[str, Any]:
    return {
        "i": found.host_run.index,
        "name": found.host_run.server_name,
        "status": str(found.host_run.status),
        "count": found.count,
        "more": found.is_capped,
        "hits": [{"line": hit.line, "offset": hit.offset, "parts": hit.parts} for hit in found.hits],
    }


def _told(run_ids: set[int]) -> dict[int, dict[str, Any]]:
    runs = Run.objects.filter(pk__in=run_ids).only("title", "created", "requester_name")
    return {
        run.pk: {"title": one_line(run.title), "created": iso(run.created), "requester": run.requester_name}
        for run in runs
    }


def _by_host(data: dict[str, Any]) -> list[dict[str, Any]]:
    """What was found, by server; static/js/search_results.js puts further answers together the same way."""
    hosts: dict[str, dict[str, Any]] = {}
    for row in data["hosts"]:
        host = hosts.setdefault(row["name"], {"name": row["name"], "runs": []})
        host["runs"].append(row | {"told": data["runs"][row["run"]]})
    return list(hosts.values())


def _refused(error: ValueError) -> JsonResponse:
    return JsonResponse({"error": str(error)}, status=HTTPStatus.BAD_REQUEST)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
