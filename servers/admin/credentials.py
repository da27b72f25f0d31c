"""Credentials in the admin: secrets are written, never read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.debug import SafeExceptionReporterFilter
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from servers.admin.badges import badge
from servers.forms import LABELS, NEEDED_SECRET, CredentialForm
from servers.models import Credential

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class AlwaysHiding(SafeExceptionReporterFilter):
    """Hides secrets in error reports in debug mode too, where Django would show everything."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True


@admin.register(Credential)
class CredentialAdmin(ModelAdmin):
    """How to log in. The list and the form say which secrets are stored, never what they are."""

    form = CredentialForm
    list_display = ("name", "user", "shown_method", "shown_stored", "fingerprint", "used_by", "changed")
    list_filter = (("method", ChoicesDropdownFilter),)
    search_fields = ("name", "user", "fingerprint")
    readonly_fields = ("shown_stored", "shown_public_key", "fingerprint", "changed")
    conditional_fields = {
        "private_key": "method == 'key'",
        "passphrase": "method == 'key'",
        "password": "method == 'password'",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credential]:
        """With the number of servers that use each credential."""
        return super().get_queryset(request).annotate(server_count=Count("servers"))

    def get_fieldsets(self, request: HttpRequest, obj: Credential | None = None) -> Any:
        """What is stored is shown once there is something stored; so are the ways to remove it."""
        secrets: list[str] = list(Credential.SECRET_FIELDS)
        if not self._may_write(request, obj):
            secrets = []
        removable = [f"remove_{name}" for name in NEEDED_SECRET.values() if secrets and obj and obj.has_secret(name)]
        stored = ("shown_stored", "shown_public_key", "fingerprint", "changed")
        return (
            *(((None, {"fields": stored}),) if obj else ()),
            (None, {"fields": ("name", "user", "method", *secrets, *removable)}),
        )

    def _may_write(self, request: HttpRequest, obj: Credential | None) -> bool:
        return self.has_change_permission(request, obj) if obj else self.has_add_permission(request)

    @admin.display(description="method", ordering="method")
    def shown_method(self, credential: Credential) -> str:
        """The method in words, loud where its secret is missing."""
        needed = NEEDED_SECRET.get(credential.method)
        if needed and not credential.has_secret(needed):
            return badge("bad", "alert-triangle", f"No {LABELS[needed]}", "Open the credential and enter it.")
        return credential.get_method_display()

    @admin.display(description="secrets")
    def shown_stored(self, credential: Credential) -> str:
        """Which secrets are stored, by name."""
        stored = [LABELS[name] for name in Credential.SECRET_FIELDS if credential.has_secret(name)]
        return ", ".join(stored).capitalize() or "Nothing"

    @admin.display(description="public key")
    def shown_public_key(self, credential: Credential) -> str:
        """The line for authorized_keys."""
        if not credential.public_key:
            return ""
        return format_html(
            '<code class="oc-fingerprint">{}</code><span class="oc-quiet">Put this line into ~{}/.ssh/authorized_keys '
            "on the servers.</span>",
            credential.public_key,
            credential.user,
        )

    @admin.display(description="servers", ordering="server_count")
    def used_by(self, credential: Any) -> int:
        """How many servers log in with it."""
        count: int = credential.server_count
        return count

    def response_post_save_add(self, request: HttpRequest, obj: Credential) -> HttpResponse:
        """A new key's public line is wanted next, so show it instead of the list."""
        if not obj.public_key or not self.has_view_or_change_permission(request, obj):
            return super().response_post_save_add(request, obj)
        messages.info(request, f"Next, put its public key into ~{obj.user}/.ssh/authorized_keys on the servers.")
        return HttpResponseRedirect(reverse("admin:servers_credential_change", args=[obj.pk]))

    # Every frame below this one is hidden in error reports: forms and widgets hold the secrets in their variables.
    @method_decorator(sensitive_post_parameters())
    @method_decorator(sensitive_variables())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form, with its secrets kept out of every error report."""
        request.exception_reporter_filter = AlwaysHiding()
        return super().changeform_view(request, *args, **kwargs)
