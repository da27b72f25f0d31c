"""The filters of the history."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import django_filters
from django import forms
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from consoles import access
from consoles.models import HostRun, Run, Script
from consoles.statuses import ACTIVE, SEVERITY, Status

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import QuerySet
    from django.http import QueryDict

PERIODS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
PERIOD_WORDS = [("hour", "Last hour"), ("day", "Last 24 hours"), ("week", "Last 7 days"), ("month", "Last 30 days")]
#: Derived statuses of a run, in the order people look for them.
RUN_STATUSES = (Status.RUNNING, Status.QUEUED, *(status for status in SEVERITY if status is not Status.SUCCEEDED))
#: More people than this are not worth a list to choose from.
_MOST_PEOPLE = 200


def _has(*statuses: Status) -> Exists:
    return Exists(HostRun.objects.filter(run=OuterRef("pk"), status__in=statuses))


def with_status(runs: QuerySet[Run], status: Status) -> QuerySet[Run]:
    """The runs whose derived status is ``status``: ``status_of_run`` in the words of the database."""
    if status is Status.QUEUED:
        return runs.filter(_has(Status.QUEUED), ~_has(*(set(Status) - {Status.QUEUED})))
    if status in ACTIVE:
        begun = _has(*(set(Status) - {Status.QUEUED}))
        return runs.filter(_has(*ACTIVE), begun) if status is Status.RUNNING else runs.none()
    finished = runs.filter(~_has(*ACTIVE))
    if status is Status.SUCCEEDED:
        return finished.filter(~_has(*(set(SEVERITY) - {status})))
    worse = SEVERITY[: SEVERITY.index(status)]
    return finished.filter(_has(status), ~_has(*worse)) if worse else finished.filter(_has(status))


class RunFilter(django_filters.FilterSet):
    """Who, when, script, server, status, and text in the command."""

    q = django_filters.CharFilter(method="by_text", label="Text in the command", max_length=200)
    status = django_filters.ChoiceFilter(
        method="by_status",
        label="Status",
        empty_label="Any status",
        choices=[(status.value, status.label.capitalize()) for status in (*RUN_STATUSES, Status.SUCCEEDED)],
    )
    who = django_filters.ChoiceFilter(field_name="requester_name", label="Who", empty_label="Anybody")
    script = django_filters.ModelChoiceFilter(
        field_name="script_version__script", label="Script", empty_label="Any program", queryset=Script.objects.none()
    )
    server = django_filters.CharFilter(method="by_server", label="Server", max_length=100)
    when = django_filters.ChoiceFilter(method="by_period", label="When", empty_label="Any time", choices=PERIOD_WORDS)
    since = django_filters.DateFilter(
        field_name="created", lookup_expr="date__gte", label="From", widget=forms.DateInput(attrs={"type": "date"})
    )
    until = django_filters.DateFilter(
        field_name="created", lookup_expr="date__lte", label="To", widget=forms.DateInput(attrs={"type": "date"})
    )

    class Meta:
        model = Run
        fields: tuple[str, ...] = ()

    def __init__(self, data: QueryDict, user: User) -> None:
        runs = access.runs_for(user)
        super().__init__(data, queryset=runs)
        if access.can_see_all(user):
            people = runs.order_by("requester_name").values_list("requester_name", flat=True).distinct()
            self.filters["who"].extra["choices"] = [(name, name) for name in people[:_MOST_PEOPLE]]
        else:
            del self.filters["who"]
        used = Run.objects.filter(script_version__script=OuterRef("pk"), pk__in=runs.values("pk"))
        self.filters["script"].queryset = Script.objects.filter(Exists(used))

    @property
    def active(self) -> bool:
        """Whether anything narrows the list."""
        return any(self.form.cleaned_data.values()) if self.form.is_valid() else True

    def by_text(self, runs: QuerySet[Run], name: str, text: str) -> QuerySet[Run]:
        """Every word must occur in the program or the title; ``#12`` and ``12`` find a run by its number too."""
        number = text.strip().removeprefix("#")
        by_number = Q(pk=int(number)) if number.isdecimal() and len(number) < 16 else Q(pk__in=[])
        by_words = Q()
        for word in text.split():
            by_words &= Q(program__icontains=word) | Q(title__icontains=word)
        return runs.filter(by_words | by_number)

    def by_server(self, runs: QuerySet[Run], name: str, text: str) -> QuerySet[Run]:
        """Runs on at least one server whose name or address contains ``text``."""
        on = HostRun.objects.filter(run=OuterRef("pk"))
        return runs.filter(Exists(on.filter(Q(server_name__icontains=text) | Q(address__icontains=text))))

    def by_status(self, runs: QuerySet[Run], name: str, value: str) -> QuerySet[Run]:
        return with_status(runs, Status(value))

    def by_period(self, runs: QuerySet[Run], name: str, value: str) -> QuerySet[Run]:
        start: datetime = timezone.now() - PERIODS[value]
        return runs.filter(created__gte=start)


def without(data: QueryDict, *names: str) -> str:
    """The query string of ``data`` without ``names``: what links to other pages of the same list carry on."""
    rest: Any = data.copy()
    for name in names:
        rest.pop(name, None)
    return str(rest.urlencode())
