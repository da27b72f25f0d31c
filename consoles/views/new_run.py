"""Asking for a run: pick, check, start."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consoles import access, actions
from consoles.forms import NewRunForm
from consoles.models import Run
from consoles.rerun import Prefill, prefill_from
from consoles.review import Review, key_state, review, with_keys
from consoles.selection import parse_names
from consoles.views import user_of
from consoles.views.runs import visible_run
from servers.models import Group, Tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from servers.models import Server

#: Where on the form an error of an action is shown.
_PLACES = {"servers": "names", "access": None, "key": None}


@require_http_methods(["GET", "POST"])
def run_new(request: HttpRequest) -> HttpResponse:
    """The form; with ``action=review`` the same page with the review filled in; with ``action=start`` the run."""
    _require_right_to_start(request)
    if request.method == "GET":
        prefill = _prefill(request)
        return _page(request, _form(request, initial=prefill.initial), notes=prefill.notes)
    if request.POST.get("action") == "start":
        return _start(request)
    form = _form(request, data=request.POST)
    return _page(request, form, review(form))


@require_POST
def run_review(request: HttpRequest) -> HttpResponse:
    """What the form as it stands would run, as a piece of the page."""
    _require_right_to_start(request)
    return render(request, "consoles/_review.html", {"review": review(_form(request, data=request.POST))})


@require_safe
def server_options(request: HttpRequest) -> HttpResponse:
    """All servers the user may pick, for the page's picker. Few columns: there may be thousands."""
    servers = access.servers_for(request.user)
    groups, tags = _labels(Group, servers), _labels(Tag, servers)
    annotated: Any = with_keys(servers)
    rows = [
        {
            "name": row["name"],
            "host": row["host"],
            "groups": groups.get(row["pk"], []),
            "tags": tags.get(row["pk"], []),
            "key": key_state(row),
        }
        for row in annotated.values("pk", "name", "host", "key_trusted", "key_changed")
    ]
    return JsonResponse(rows, safe=False, headers={"Cache-Control": "private, no-cache"})


def _start(request: HttpRequest) -> HttpResponse:
    if run := _started_before(request):
        return redirect(run)
    form = _form(request, data=request.POST)
    found = review(form)
    if not found.ready:
        return _page(request, form, found, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if request.POST.get("reviewed") != found.digest:
        note = "This is what will run now. Look it over, then press Start."
        return _page(request, form, found, notes=[note])
    try:
        return redirect(actions.request_run(_request(request, form, found), user_of(request)))
    except actions.RequestError as error:
        _tell(form, error.messages)
    return _page(request, form, review(form), status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _request(request: HttpRequest, form: NewRunForm, found: Review) -> actions.Request:
    values = form.cleaned_data
    return actions.Request(
        key=values["key"],
        servers=tuple(found.names),
        command="" if found.script else found.program,
        script=found.script,
        title=values["title"],
        mode=values["mode"],
        via=Run.Via.PAGE,
        rerun_of=access.runs_for(request.user).filter(pk=values["rerun"] or 0).first(),
        **{name: values[name] for name in form.LIMITS},
    )


def _started_before(request: HttpRequest) -> Run | None:
    """The run that an earlier submission of the same form started: a double click must lead to it, not to an error."""
    try:
        key = uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        return None
    return Run.objects.filter(key=key, requester_id=request.user.pk).first()


def _tell(form: NewRunForm, problems: Mapping[str, list[str]]) -> None:
    for field, sentences in problems.items():
        place = _PLACES.get(field, field)
        if field == "program":
            place = form.cleaned_data["source"]
        for sentence in sentences:
            form.add_error(place if place in form.fields else None, sentence)


def _prefill(request: HttpRequest) -> Prefill:
    number = request.GET.get("rerun", "")
    if number.isdecimal() and len(number) < 19:
        run, only, hosts = visible_run(request, int(number)), request.GET.get("only", ""), request.GET.get("hosts", "")
        return prefill_from(run, only, user_of(request), hosts)
    return Prefill({"names": "\n".join(parse_names(request.GET.get("servers", "")))})


def _form(request: HttpRequest, data: Any = None, initial: Any = None) -> NewRunForm:
    return NewRunForm(user_of(request), with_keys(access.servers_for(request.user)), data=data, initial=initial)


def _page(
    request: HttpRequest,
    form: NewRunForm,
    found: Review | None = None,
    *,
    notes: list[str] | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {"form": form, "review": found, "notes": notes or [], "has_servers": form.servers.exists()}
    return render(request, "consoles/run_new.html", context, status=status)


def _labels(model: type[Group] | type[Tag], servers: QuerySet[Server]) -> dict[int, list[str]]:
    """Names of the groups or tags by the id of the server."""
    column = f"{model._meta.model_name}__name"
    pairs = model.servers.through.objects.filter(server__in=servers.values("pk"))
    labels: dict[int, list[str]] = {}
    for server_id, name in pairs.order_by(column).values_list("server_id", column):
        labels.setdefault(server_id, []).append(name)
    return labels


def _require_right_to_start(request: HttpRequest) -> None:
    if not access.can_start(request.user):
        raise PermissionDenied("You may not start runs: ask an administrator for the right to add runs.")
