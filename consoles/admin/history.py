"""The history in the admin: to read, filter and search. What is visible is decided by ``access``, as on the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RangeDateTimeFilter, TextFilter
from unfold.views import ChangeList

from consoles import access
from consoles.admin.scripts import program_block
from consoles.filters import RUN_STATUSES, with_status
from consoles.models import AuditEntry, HostRun, Run
from consoles.presenting import duration_words
from consoles.statuses import ACTIVE, Status
from consoles.templatetags.console import RECONNECTING, isolated, standing, status_icon, status_word
from servers.admin.accounts import ReadOnlyAdmin
from servers.admin.badges import Tone, badge

if TYPE_CHECKING:
    from django.http import HttpRequest

_TONES: dict[str, Tone] = {
    Status.SUCCEEDED: "good",
    Status.FAILED: "bad",
    Status.TIMED_OUT: "warn",
    Status.UNREACHABLE: "warn",
    Status.LOST: "odd",
    RECONNECTING: "warn",
    Status.RUNNING: "busy",
    Status.STARTING: "busy",
}


_NOTE = '<p class="oc-note"><span class="oc-inline-quiet oc-numbers">{} UTC</span> <b>{}</b><br>{}</p>'


def status_badge(status: str, title: str = "") -> str:
    """The badge of a status, as on the pages."""
    return badge(_TONES.get(status, "rest"), status_icon(status), status_word(status), title)


def run_link(run: Run) -> str:
    """A link to the run page."""
    return format_html('<a class="text-link" href="{}">{} #{}</a>', run.get_absolute_url(), isolated(run.title), run.pk)


def _counted(run: Run) -> Any:
    """The run with its counts; the list has them already."""
    return run if hasattr(run, "hosts") else Run.objects.with_counts().get(pk=run.pk)


class PageOfRuns(ChangeList):
    """Counts the hosts of the shown runs only: counting those of all pages would be in vain."""

    def get_results(self, request: HttpRequest) -> None:
        """One page, with counts, in its order."""
        super().get_results(request)
        shown = [run.pk for run in cast("list[Run]", vars(self)["result_list"])]
        counted = Run.objects.filter(pk__in=shown).select_related("script_version__script").with_counts()
        self.result_list = sorted(counted, key=lambda run: shown.index(run.pk))


class RunStatusFilter(DropdownFilter):
    """By the status derived from the run's hosts."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """What is going on first, then the worst first."""
        return [(status.value, status.label.capitalize()) for status in (*RUN_STATUSES, Status.SUCCEEDED)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """The runs with that status."""
        known = self.value() in {status.value for status in Status}
        return with_status(queryset, Status(self.value())) if known else queryset


class ServerNameFilter(TextFilter):
    """Runs on a server whose name contains the text."""

    title = "server"
    parameter_name = "server"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """By a subquery, so that a run on many such servers is listed once."""
        on_it = HostRun.objects.filter(run=OuterRef("pk"), server_name__icontains=self.value() or "")
        return queryset.filter(Exists(on_it)) if self.value() else queryset


class RequesterFilter(TextFilter):
    """Runs asked for by somebody whose name contains the text."""

    title = "requester"
    parameter_name = "who"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """By the name kept on the run, which outlives the account."""
        return queryset.filter(requester_name__icontains=self.value()) if self.value() else queryset


class ScriptFilter(TextFilter):
    """Runs of a script whose name contains the text."""

    title = "script"
    parameter_name = "script"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """Whatever the version."""
        return queryset.filter(script_version__script__name__icontains=self.value()) if self.value() else queryset


class HistoryAdmin(ReadOnlyAdmin):
    """Rows of the history: to look at, never to change."""

    list_filter_submit = True
    list_per_page = 50
    show_full_result_count = False


@admin.register(Run)
class RunAdmin(HistoryAdmin):
    """Runs. The title leads to the run page, the number to everything that was frozen when it was asked for."""

    list_display = ("number", "shown_title", "shown_status", "shown_hosts", "requester_name", "via", "created", "took")
    list_display_links = ("number",)
    list_filter = (
        RunStatusFilter,
        ("created", RangeDateTimeFilter),
        RequesterFilter,
        ServerNameFilter,
        ScriptFilter,
        ("via", ChoicesDropdownFilter),
        ("mode", ChoicesDropdownFilter),
    )
    search_fields = ("title", "program", "requester_name")
    search_help_text = "Text in the command, title, requester or server"
    fieldsets = (
        (None, {"fields": ("shown_title", "shown_status", "shown_hosts", "requester_name", "via", "created", "took")}),
        ("Program", {"fields": ("script_version", "shown_program", "program_sha256")}),
        ("Notes", {"fields": ("shown_notes",)}),
        ("Mode", {"fields": ("mode",)}),
        ("Limits", {"fields": (("fanout", "connect_timeout"), ("idle_timeout", "total_timeout"), "output_limit")}),
        ("More", {"fields": ("rerun_of", "cancel_requested", "canceled_by", "key")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        """The runs that ``access`` lets the user see."""
        return access.runs_for(request.user)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Counting for the shown page only."""
        return PageOfRuns

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Run], search_term: str) -> Any:
        """By text, and by the name of a server."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if search_term:
            on_it = HostRun.objects.filter(run=OuterRef("pk"), server_name__icontains=search_term)
            found = queryset.filter(Q(pk__in=found.values("pk")) | Exists(on_it))
        return found, duplicates

    @admin.display(description="run", ordering="id")
    def number(self, run: Run) -> str:
        """Its number."""
        return f"#{run.pk}"

    @admin.display(description="title", ordering="title")
    def shown_title(self, run: Run) -> str:
        """A link to the run page, with the script's version."""
        script = format_html('<br><span class="oc-quiet">{}</span>', run.script_version) if run.script_version else ""
        return format_html(
            '<a class="text-link" href="{}">{}</a>{}', run.get_absolute_url(), isolated(run.title), script
        )

    @admin.display(description="status")
    def shown_status(self, run: Run) -> str:
        """The derived status."""
        return status_badge(run.status)

    @admin.display(description="servers")
    def shown_hosts(self, run: Run) -> str:
        """How many of its servers succeeded; a link to them."""
        counted = _counted(run)
        url = f"{reverse('admin:consoles_hostrun_changelist')}?run__id__exact={run.pk}"
        numbers = (counted.n_succeeded, counted.hosts)
        return format_html('<a class="text-link oc-numbers" href="{}">{} of {} succeeded</a>', url, *numbers)

    @admin.display(description="took")
    def took(self, run: Run) -> str:
        """From the request to the last server's end."""
        counted = _counted(run)
        if not counted.ended or counted.status in ACTIVE:
            return "-"
        return duration_words((counted.ended - counted.created).total_seconds())

    @admin.display(description="program")
    def shown_program(self, run: Run) -> str:
        """What ran, as it was frozen."""
        return program_block(run.program)

    @admin.display(description="notes", empty_value="-")
    def shown_notes(self, run: Run) -> str | None:
        """What people wrote into it, oldest first."""
        told = ((f"{note.created:%Y-%m-%d %H:%M:%S}", note.author_name, note.text) for note in run.notes.all())
        return format_html_join("", _NOTE, told) or None


@admin.register(HostRun)
class HostRunAdmin(HistoryAdmin):
    """Each run's part on each server."""

    list_display = ("server_name", "shown_run", "shown_status", "exit_status", "reason", "started", "took", "size")
    list_filter = (("status", ChoicesDropdownFilter), ("started", RangeDateTimeFilter))
    list_select_related = ("run",)
    search_fields = ("server_name", "address", "reason", "run__title", "run__program")
    search_help_text = "Server, address, reason, or text in the command"
    ordering = ("-run_id", "index")
    fields = (
        "server_name", "address", "shown_run", "shown_status", "reason", "mode", "contact_lost", "exit_status",
        "exit_signal", "started", "finished", "size", "dropped", "last_line", "cancel_requested",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[HostRun]:
        """Those of the runs that the user may see."""
        return super().get_queryset(request).filter(run__in=access.runs_for(request.user))

    @admin.display(description="run", ordering="run_id")
    def shown_run(self, host_run: HostRun) -> str:
        """A link to this server's output on the run page."""
        url = f"{host_run.run.get_absolute_url()}#h={host_run.index}"
        return format_html(
            '<a class="text-link" href="{}">{} #{}</a>', url, isolated(host_run.run.title), host_run.run_id
        )

    @admin.display(description="status", ordering="status")
    def shown_status(self, host_run: HostRun) -> str:
        """The status, as on the run page."""
        return status_badge(standing(host_run.status, host_run.contact_lost), host_run.reason)

    @admin.display(description="took")
    def took(self, host_run: HostRun) -> str:
        """From its start to its end."""
        if not host_run.started or not host_run.finished:
            return "-"
        return duration_words((host_run.finished - host_run.started).total_seconds())


@admin.register(AuditEntry)
class AuditEntryAdmin(HistoryAdmin):
    """Who asked for what, and when."""

    list_display = ("shown_time", "who", "shown_act", "shown_run", "detail")
    fields = list_display
    list_filter = (("act", ChoicesDropdownFilter), ("time", RangeDateTimeFilter))
    list_select_related = ("run",)
    search_fields = ("actor_name", "detail", "run__title", "run__program")
    search_help_text = "Name, detail, title, or text in the command"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """Entries about visible runs, and one's own."""
        entries = super().get_queryset(request)
        if access.can_see_all(request.user):
            return entries
        return entries.filter(Q(run__in=access.runs_for(request.user)) | Q(actor=request.user))

    @admin.display(description="time", ordering="time")
    def shown_time(self, entry: AuditEntry) -> str:
        """To the second, to compare with other logs."""
        return format_html('<span class="oc-one-line oc-numbers">{} UTC</span>', f"{entry.time:%Y-%m-%d %H:%M:%S}")

    @admin.display(description="who", ordering="actor_name")
    def who(self, entry: AuditEntry) -> str:
        """The name as it was then, which outlives the account."""
        return entry.actor_name

    @admin.display(description="what", ordering="act")
    def shown_act(self, entry: AuditEntry) -> str:
        """What was done, in words."""
        return entry.get_act_display()

    @admin.display(description="run", ordering="run_id")
    def shown_run(self, entry: AuditEntry) -> str:
        """A link to the run page."""
        return run_link(entry.run) if entry.run else "-"
