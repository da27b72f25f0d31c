"""Servers, groups and tags in the admin. The actions that need SSH are added by the app ``consoles``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectMultipleFilter, BooleanRadioFilter, DropdownFilter

from servers.admin.badges import badge
from servers.admin.key_state import KeyState, decision_links, host_key_badge, key_state_badge, with_key_state
from servers.models import Group, HostKey, Server, Tag

if TYPE_CHECKING:
    from django.forms import ModelChoiceField
    from django.http import HttpRequest


class KeyStateFilter(DropdownFilter):
    """By what a server's host keys amount to."""

    title = "key state"
    parameter_name = "keys"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All states, worst first."""
        return list(KeyState.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The servers in the chosen state."""
        return queryset.filter(key_state=self.value()) if self.value() else queryset


class LastTestFilter(DropdownFilter):
    """By how the last connection test ended."""

    title = "last test"
    parameter_name = "test"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Failed first: that is what somebody looks for."""
        return [("failed", "Failed"), ("passed", "Passed"), ("never", "Never tested")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Server]) -> QuerySet[Server]:
        """The servers with that result."""
        results = {"failed": False, "passed": True, "never": None}
        return queryset.filter(test_ok=results[self.value()]) if self.value() in results else queryset


class HostKeyInline(TabularInline):
    """The keys a server is known by, with links to decide about those that wait."""

    model = HostKey
    fields = ("key_type", "shown_fingerprint", "shown_state", "seen", "decided", "decided_by", "shown_decision")
    readonly_fields = fields
    extra = 0
    show_change_link = True
    verbose_name_plural = "Host keys"

    @admin.display(description="SHA-256 fingerprint")
    def shown_fingerprint(self, key: HostKey) -> str:
        """The fingerprint as ssh prints it."""
        return format_html('<code class="oc-fingerprint">{}</code>', key.fingerprint)

    @admin.display(description="state")
    def shown_state(self, key: HostKey) -> str:
        """Pending, trusted, revoked, or loudly: changed."""
        return host_key_badge(key)

    @admin.display(description="decision")
    def shown_decision(self, key: HostKey) -> str:
        """Links to the page that asks, which leads back here."""
        return decision_links(key, f"from_server={key.server_id}")

    def get_fields(self, request: HttpRequest, obj: Server | None = None) -> Any:
        """Deciding is offered to those who may."""
        return self.fields if request.user.has_perm("servers.trust_hostkey") else self.fields[:-1]

    def has_add_permission(self, request: HttpRequest, obj: Server | None = None) -> bool:
        """Keys are fetched, or pasted in the list of host keys."""
        return False

    has_change_permission = has_add_permission

    def has_delete_permission(self, request: HttpRequest, obj: Server | None = None) -> bool:
        """Deleting happens in the list of host keys."""
        return False


class ServerAdmin(ModelAdmin):
    """The inventory. Registered here, and again with the SSH actions by ``consoles.admin``."""

    list_display = (
        "name", "shown_address", "shown_groups", "credential", "shown_key_state", "shown_test", "shown_enabled",
    )  # fmt: skip
    list_filter = (
        ("groups", AutocompleteSelectMultipleFilter),
        ("tags", AutocompleteSelectMultipleFilter),
        KeyStateFilter,
        LastTestFilter,
        ("enabled", BooleanRadioFilter),
    )
    list_filter_submit = True
    list_select_related = ("credential",)
    list_per_page = 100
    search_fields = ("name", "host", "groups__name", "tags__name", "note")
    search_help_text = "Name, address, group, tag or note"
    autocomplete_fields = ("credential", "groups", "tags")
    readonly_fields = ("shown_key_state", "shown_test_story")
    inlines = (HostKeyInline,)
    actions: tuple[str, ...] = ("enable_selected", "disable_selected")
    fieldsets = (
        (None, {"fields": ("name", ("host", "port"), "credential", ("groups", "tags"), "shell", "enabled", "note")}),
        (None, {"fields": (("shown_key_state", "shown_test_story"),)}),
    )
    change_form_before_template = "admin/servers/server/alarm.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Server]:
        """With the key state and what the list shows of groups and tags."""
        return with_key_state(super().get_queryset(request)).prefetch_related("groups", "tags")

    def get_fieldsets(self, request: HttpRequest, obj: Server | None = None) -> Any:
        """A server that is being added has no state yet."""
        return self.fieldsets[::-1] if obj else self.fieldsets[:1]

    def get_inlines(self, request: HttpRequest, obj: Server | None) -> Any:
        """A server that is being added has no keys yet."""
        return self.inlines if obj else ()

    def get_readonly_fields(self, request: HttpRequest, obj: Server | None = None) -> Any:
        """Who may not see credentials cannot swap the one a server uses."""
        fixed = ("credential",) if obj and not _may_pick_credential(request) else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A note is a few lines, not a page."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "note" and field:
            field.widget.attrs["rows"] = 3
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> ModelChoiceField | None:
        """Offer no credentials to somebody who may not see them."""
        if db_field.name == "credential" and not _may_pick_credential(request):
            kwargs["queryset"] = db_field.remote_field.model.objects.none()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="address", ordering="host")
    def shown_address(self, server: Server) -> str:
        """Where the console connects to."""
        return format_html("<code>{}</code>", server.address)

    @admin.display(description="groups and tags")
    def shown_groups(self, server: Server) -> str:
        """Groups, then tags."""
        names = [("group", group.name) for group in server.groups.all()]
        names += [("tag", tag.name) for tag in server.tags.all()]
        return format_html_join(" ", '<span class="oc-chip oc-chip-{}">{}</span>', names)

    @admin.display(description="host key", ordering="key_state")
    def shown_key_state(self, server: Any) -> str:
        """What its host keys amount to; a link to them."""
        url = f"{reverse('admin:servers_hostkey_changelist')}?server__id__exact={server.pk}"
        return format_html('<a href="{}">{}</a>', url, key_state_badge(server.key_state))

    @admin.display(description="last test", ordering="test_ok")
    def shown_test(self, server: Server) -> str:
        """Passed or failed, with the sentence one hover away."""
        if server.test_ok is None:
            return format_html('<span class="oc-quiet">{}</span>', "Never tested")
        when = f"{server.tested:%Y-%m-%d %H:%M} UTC: {server.test_result}" if server.tested else server.test_result
        return badge("good", "check", "Passed", when) if server.test_ok else badge("bad", "x", "Failed", when)

    @admin.display(description="last test")
    def shown_test_story(self, server: Server) -> str:
        """The result with its sentence."""
        result = self.shown_test(server)
        if server.test_ok is None:
            return result
        when = f"{server.tested:%Y-%m-%d %H:%M} UTC" if server.tested else ""
        return format_html('{}<span class="oc-quiet">{} {}</span>', result, server.test_result, when)

    @admin.display(description="enabled", ordering="enabled")
    def shown_enabled(self, server: Server) -> str:
        """A word for the switch."""
        return badge("good", "check", "Yes") if server.enabled else badge("rest", "ban", "No")

    @admin.action(description="Enable for runs", permissions=["change"])
    def enable_selected(self, request: HttpRequest, queryset: QuerySet[Server]) -> None:
        """Let the selected servers be picked for runs."""
        self._switch(request, queryset, True)

    @admin.action(description="Disable for runs", permissions=["change"])
    def disable_selected(self, request: HttpRequest, queryset: QuerySet[Server]) -> None:
        """Keep the selected servers out of new runs."""
        self._switch(request, queryset, False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Server], enabled: bool) -> None:
        servers = list(Server.objects.filter(pk__in=queryset.values("pk")).exclude(enabled=enabled))
        for server in servers:
            server.enabled = enabled
            server.save(update_fields=["enabled"])
            self.log_change(request, server, f"{'Enabled' if enabled else 'Disabled'} for runs.")
        self.message_user(request, f"{len(servers)} servers {'enabled' if enabled else 'disabled'} for runs.")


class _CountedAdmin(ModelAdmin):
    """Groups and tags: a name, and how many servers have it."""

    search_fields: tuple[str, ...] = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the number of servers."""
        return super().get_queryset(request).annotate(server_count=Count("servers"))

    @admin.display(description="servers", ordering="server_count")
    def shown_servers(self, row: Any) -> str:
        """The number, as a link to the servers."""
        field = f"{row._meta.model_name}s"
        url = f"{reverse('admin:servers_server_changelist')}?{field}__id__exact={row.pk}"
        return format_html('<a class="text-link" href="{}">{}</a>', url, row.server_count)


@admin.register(Group)
class GroupAdmin(_CountedAdmin):
    """Sets of servers that belong together."""

    list_display = ("name", "description", "shown_servers")
    search_fields = ("name", "description")


@admin.register(Tag)
class TagAdmin(_CountedAdmin):
    """Free labels on servers."""

    list_display = ("name", "shown_servers")


def _may_pick_credential(request: HttpRequest) -> bool:
    return request.user.has_perm("servers.view_credential") or request.user.has_perm("servers.change_credential")


admin.site.register(Server, ServerAdmin)
