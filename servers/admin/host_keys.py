"""Host keys in the admin: nobody edits a key, and trust is an explicit act with the fingerprint in view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Prefetch
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectMultipleFilter, ChoicesDropdownFilter, RangeDateTimeFilter

from servers.admin.accounts import editor_of
from servers.admin.key_state import decision_links, host_key_badge
from servers.forms import HostKeyForm
from servers.models import HostKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse


@admin.register(HostKey)
class HostKeyAdmin(ModelAdmin):
    """Review keys: list, filter, then trust or revoke on a page that shows every fingerprint."""

    form = HostKeyForm
    list_display = ("shown_server", "key_type", "shown_fingerprint", "shown_state", "seen", "shown_decided")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        "conflict",
        ("server", AutocompleteSelectMultipleFilter),
        ("seen", RangeDateTimeFilter),
    )
    list_filter_submit = True
    list_select_related = ("server", "decided_by")
    search_fields = ("server__name", "server__host", "fingerprint", "key_type")
    autocomplete_fields = ("server",)
    actions = ("trust_selected", "revoke_selected")
    list_disable_select_all = True
    ordering = ("-conflict", "server__name", "key_type", "-seen")
    list_per_page = 200

    def get_list_display(self, request: HttpRequest) -> tuple[str | Callable[[HostKey], str], ...]:
        """With a way to decide beside each key that waits, for those who may."""
        if not self.has_trust_permission(request):
            return self.list_display
        filters = self.get_preserved_filters(request)

        @admin.display(description="decision")
        def shown_decision(key: HostKey) -> str:
            return decision_links(key, filters)

        return (*self.list_display, shown_decision)

    def get_urls(self) -> list[Any]:
        """With the pages to decide about one key."""
        view = self.admin_site.admin_view(self.decide_view)
        acts = [path(f"<int:pk>/{act}/", view, {"act": act}, f"servers_hostkey_{act}") for act in ("trust", "revoke")]
        return [*acts, *super().get_urls()]

    def decide_view(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        """Show the fingerprint of one key; on confirmation trust or revoke it and go back."""
        key = get_object_or_404(HostKey, pk=pk)
        if not (self.has_view_permission(request, key) and self.has_trust_permission(request)):
            raise PermissionDenied
        chosen = HostKey.objects.filter(pk=pk)
        asked = self.trust_selected(request, chosen) if act == "trust" else self.revoke_selected(request, chosen)
        return asked or HttpResponseRedirect(_back(request))

    @admin.display(description="server", ordering="server__name")
    def shown_server(self, key: HostKey) -> str:
        """Name and address, because both matter when a fingerprint is compared."""
        return format_html(
            '<strong class="font-semibold">{}</strong><br><span class="oc-quiet">{}</span>',
            key.server.name,
            key.server.address,
        )

    @admin.display(description="SHA-256 fingerprint", ordering="fingerprint")
    def shown_fingerprint(self, key: HostKey) -> str:
        """The fingerprint as ssh prints it."""
        return format_html('<code class="oc-fingerprint">{}</code>', key.fingerprint)

    @admin.display(description="state", ordering="state")
    def shown_state(self, key: HostKey) -> str:
        """Pending, trusted, revoked, or loudly: changed."""
        return host_key_badge(key)

    @admin.display(description="decided", ordering="decided")
    def shown_decided(self, key: HostKey) -> str:
        """When, and by whom."""
        if not key.decided:
            return "-"
        who = key.decided_by.get_username() if key.decided_by else "the console"
        when = f"{key.decided:%Y-%m-%d %H:%M}"
        return format_html('<span class="oc-one-line">{}</span><span class="oc-quiet">by {}</span>', when, who)

    @admin.display(description="key")
    def shown_key(self, key: HostKey) -> str:
        """The public key, to compare or to copy into known_hosts."""
        return format_html('<code class="oc-fingerprint">{} {}</code>', key.key_type, key.key)

    def get_fieldsets(self, request: HttpRequest, obj: HostKey | None = None) -> Any:
        """Adding asks for a line; an existing key is only shown."""
        if obj is None:
            return ((None, {"fields": ("server", "line")}),)
        shown = ("server", "shown_state", "shown_fingerprint", "shown_key", "seen", "shown_decided")
        return ((None, {"fields": shown}),)

    def get_readonly_fields(self, request: HttpRequest, obj: HostKey | None = None) -> tuple[str, ...]:
        """Everything about an existing key."""
        shown = ("server", "shown_state", "shown_fingerprint", "shown_key", "seen", "shown_decided")
        return () if obj is None else shown

    def has_change_permission(self, request: HttpRequest, obj: HostKey | None = None) -> bool:
        """Nobody edits a key."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: HostKey | None = None) -> bool:
        """Forgetting a trusted key hides that it changed, so it needs the right to decide about keys too."""
        return super().has_delete_permission(request, obj) and self.has_trust_permission(request)

    def has_trust_permission(self, request: HttpRequest) -> bool:
        """Whether the user may trust and revoke host keys."""
        return request.user.has_perm("servers.trust_hostkey")

    def save_model(self, request: HttpRequest, obj: HostKey, form: Any, change: bool) -> None:
        """Store a pasted key, pending."""
        super().save_model(request, obj, form, change)
        messages.info(request, "The key is stored, not trusted: select it and choose “Trust selected keys”.")

    @admin.action(description="Trust selected keys", permissions=["trust"])
    def trust_selected(self, request: HttpRequest, queryset: QuerySet[HostKey]) -> TemplateResponse | None:
        """Show the fingerprints; on confirmation trust the keys."""
        keys = list(queryset.exclude(state=HostKey.State.TRUSTED).select_related("server"))
        return self._decide(request, keys, "trust")

    @admin.action(description="Revoke selected keys", permissions=["trust"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[HostKey]) -> TemplateResponse | None:
        """Show the fingerprints; on confirmation revoke the keys."""
        keys = list(queryset.exclude(state=HostKey.State.REVOKED, conflict=False).select_related("server"))
        return self._decide(request, keys, "revoke")

    def _decide(self, request: HttpRequest, keys: list[HostKey], act: str) -> TemplateResponse | None:
        done = "trusted" if act == "trust" else "revoked"
        if not keys:
            messages.info(request, f"Nothing to do: the selected keys are {done} already.")
            return None
        if clashes := _clashes(keys) if act == "trust" else []:
            messages.error(request, f"Select one key per server and key type, not several as for {', '.join(clashes)}.")
            return None
        if request.POST.get("confirmed") != "yes":
            return self._ask(request, keys, act)
        _carry_out(request, keys, act)
        messages.success(request, f"{len(keys)} host key{'s' if len(keys) > 1 else ''} {done}.")
        return None

    def _ask(self, request: HttpRequest, keys: list[HostKey], act: str) -> TemplateResponse:
        trusted = HostKey.objects.filter(state=HostKey.State.TRUSTED)
        servers = Prefetch("server__host_keys", queryset=trusted, to_attr="trusted_keys")
        keys = list(HostKey.objects.filter(pk__in=[key.pk for key in keys]).prefetch_related("server", servers))
        rows = [(key, _replaced(key) if act == "trust" else None) for key in keys]
        context = {
            **self.admin_site.each_context(request),
            "title": f"{act.capitalize()} {len(keys)} host key{'s' if len(keys) > 1 else ''}?",
            "opts": self.opts,
            "rows": rows,
            "act": act,
            "changed": any(replaced or key.conflict for key, replaced in rows),
            "back": _back(request),
            "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/servers/hostkey/confirm.html", context)


def pending_count() -> int:
    """How many keys wait for a decision."""
    return HostKey.objects.filter(state=HostKey.State.PENDING).count()


def _back(request: HttpRequest) -> str:
    """Where the question was asked: a server's page, or the list with its filters."""
    server = request.GET.get("from_server", "")
    if server.isdecimal():
        return reverse("admin:servers_server_change", args=[server])
    changelist = reverse("admin:servers_hostkey_changelist")
    if request.path == changelist:
        return request.get_full_path()
    return f"{changelist}?{request.GET.get('_changelist_filters', '')}"


def _replaced(key: Any) -> HostKey | None:
    """The trusted key that trusting ``key`` would revoke."""
    others = (other for other in key.server.trusted_keys if other.key_type == key.key_type and other.pk != key.pk)
    return next(others, None)


def _clashes(keys: list[HostKey]) -> list[str]:
    """Servers for which two keys of one type are selected: trusting both would leave only the last."""
    seen: set[tuple[int, str]] = set()
    names = []
    for key in keys:
        if (key.server_id, key.key_type) in seen:
            names.append(f"{key.server.name} ({key.key_type})")
        seen.add((key.server_id, key.key_type))
    return names


@transaction.atomic
def _carry_out(request: HttpRequest, keys: list[HostKey], act: str) -> None:
    user = editor_of(request)
    for key in keys:
        key.trust(user) if act == "trust" else key.revoke(user)
        sentence = f"{'Trusted' if act == 'trust' else 'Revoked'} for {key.server.name}: {key.fingerprint}"
        LogEntry.objects.log_actions(user.pk, [key], CHANGE, sentence, single_object=True)
