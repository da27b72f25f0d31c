"""The history, one run, and canceling without a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from consoles import access, actions
from consoles.estimates import estimate_for
from consoles.filters import RunFilter, without
from consoles.models import HostRun, Run
from consoles.presenting import host_row
from consoles.statuses import ACTIVE, status_of_run
from consoles.views import user_of
from servers.models import Tag

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpRequest, HttpResponse

RUNS_PER_PAGE = 50

#: The views of the run page: name, title, icon and key. Each has its part of a template and its style sheet.
VIEWS = (
    ("focus", "Focus", "terminal-2", "o"),
    ("lines", "Lines", "list-numbers", "l"),
    ("grid", "Grid", "layout-grid", "v"),
    ("grouped", "Grouped", "stack-2", "g"),
    ("merged", "Merged", "arrows-join", "m"),
    ("search", "Search", "list-search", "s"),
)
STYLES = (*(name for name, *_ in VIEWS), "side", "chosen")


@require_safe
def run_list(request: HttpRequest) -> HttpResponse:
    """The runs the user may see, newest first."""
    narrowed = RunFilter(request.GET, user=user_of(request))
    page = Paginator(narrowed.qs, RUNS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "filter": narrowed,
        "page": page,
        "runs": _with_counts(page),
        "query": without(request.GET, "page"),
        "may_start": access.can_start(request.user),
    }
    return render(request, "consoles/run_list.html", context)


@require_safe
def run_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The run page: everything a first paint needs; the socket goes on from there."""
    run = visible_run(request, pk)
    counts = run.counts()
    context = {
        "run": run,
        "status": status_of_run(counts),
        "hosts": _rows_with_tags(run, user_of(request)),
        "estimate": estimate_for(run, request.user) if counts.keys() & ACTIVE else None,
        "counts": counts,
        "may_cancel": access.can_cancel(request.user, run),
        "may_start": access.can_start(request.user),
        "program": run.program,
        "view_tabs": VIEWS,
        "views": [(name, title) for name, title, *_ in VIEWS],
        "view_styles": [f"css/run/{name}.css" for name in STYLES],
    }
    return render(request, "consoles/run_detail.html", context)


@require_POST
def run_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel the run, or with ``host`` (an index) only that server's part."""
    run = visible_run(request, pk)
    if not access.can_cancel(request.user, run):
        raise PermissionDenied(f"You may see this run but not cancel it: ask {run.requester_name} or an administrator.")
    host = request.POST.get("host", "")
    if host:
        _cancel_host(request, run, host)
    else:
        count = actions.cancel_run(run, user_of(request))
        told = f"Canceling {count:,} server{'' if count == 1 else 's'}." if count else "Nothing was left to cancel."
        messages.info(request, told)
    return redirect(run)


def visible_run(request: HttpRequest, pk: int) -> Run:
    """The run, or 404 both when it does not exist and when the user may not see it."""
    try:
        return access.access_run(request.user, pk)
    except (Run.DoesNotExist, OverflowError):
        raise Http404(f"There is no run #{pk} that you may see.") from None


def visible_host_run(request: HttpRequest, pk: int, index: int) -> HostRun:
    """The run's part on one server, or 404."""
    try:
        return access.access_host_run(request.user, pk, index)
    except (HostRun.DoesNotExist, OverflowError):
        raise Http404(f"Run #{pk} has no server {index} that you may see.") from None


def _rows_with_tags(run: Run, user: User) -> list[dict[str, Any]]:
    """The hosts as frames have them, with the tags of those that are in the inventory, as far as ``user`` sees it."""
    pairs = Tag.servers.through.objects.filter(
        server__host_runs__run=run, server__in=access.servers_for(user).values("pk")
    )
    tags: dict[int | None, list[str]] = {}
    for server, tag in pairs.order_by("tag__name").values_list("server_id", "tag__name"):
        tags.setdefault(server, []).append(tag)
    return [
        host_row(host_run) | {"tags": tags.get(host_run.server_id, [])} for host_run in run.host_runs.order_by("index")
    ]


def _cancel_host(request: HttpRequest, run: Run, host: str) -> None:
    if not host.isdecimal() or len(host) > 9:
        raise Http404("A server of a run is named by its index.")
    host_run = visible_host_run(request, run.pk, int(host))
    name = host_run.server_name
    done = actions.cancel_host_run(host_run, user_of(request))
    messages.info(request, f"Canceling {name}." if done else f"{name} had ended already.")


def _with_counts(page: Page[Run]) -> list[Run]:
    """The page's runs with their counts, in its order: counting hosts of runs on other pages would be in vain."""
    shown = [run.pk for run in page]
    counted = Run.objects.filter(pk__in=shown).select_related("script_version__script").with_counts()
    return sorted(counted, key=lambda run: shown.index(run.pk))
