"""Scripts in the admin: one text field, and each save that changes it adds a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Max, QuerySet
from django.utils.html import format_html
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import BooleanRadioFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from consoles.models import Script, ScriptVersion, unix_lines
from servers.admin.accounts import ReadOnlyAdmin
from servers.admin.badges import badge

if TYPE_CHECKING:
    from django.http import HttpRequest


class ProgramField(forms.CharField):
    """A program's text: kept as it is, but for line ends, which browsers send in the Windows way."""

    def to_python(self, value: Any) -> str:
        """Unix line ends, and one at the end."""
        text = unix_lines(super().to_python(value) or "")
        return text if not text or text.endswith("\n") else text + "\n"


class ScriptForm(forms.ModelForm):
    """A script and the text of its newest version."""

    text = ProgramField(
        label="Program",
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 24, "spellcheck": "false", "class": "oc-program"}),
        help_text="Runs under /bin/sh unless its first line names another interpreter. Saving a changed program adds a "
        "version; runs keep the version they ran.",
    )

    class Meta:
        model = Script
        fields = ("name", "description", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        latest = self.instance.latest if self.instance.pk else None
        self.initial["text"] = latest.text if latest else "#!/bin/sh\nset -eu\n\n"

    def clean_text(self) -> str:
        """Refuse a program without a word in it."""
        text: str = self.cleaned_data["text"]
        if not text.strip():
            raise forms.ValidationError("Enter the program.")
        return text


class VersionInline(TabularInline):
    """The versions of a script, newest first."""

    model = ScriptVersion
    fields = ("number", "created", "author", "shown_size", "sha256")
    readonly_fields = fields
    extra = 0
    per_page = 20
    show_change_link = True
    verbose_name_plural = "Versions"

    @admin.display(description="size")
    def shown_size(self, version: ScriptVersion) -> str:
        """Lines of the program."""
        lines = version.text.count("\n")
        return f"{lines} line{'' if lines == 1 else 's'}"

    def has_add_permission(self, request: HttpRequest, obj: Script | None = None) -> bool:
        """Versions come from saving the script."""
        return False

    has_change_permission = has_delete_permission = has_add_permission


@admin.register(Script)
class ScriptAdmin(ModelAdmin):
    """Saved programs."""

    form = ScriptForm
    list_display = ("name", "description", "shown_version", "changed", "shown_enabled")
    list_filter = (("enabled", BooleanRadioFilter),)
    search_fields = ("name", "description", "versions__text")
    search_help_text = "Name, description or text of any version"
    inlines = (VersionInline,)
    warn_unsaved_form = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Script]:
        """With number and time of the newest version."""
        newest = {"newest": Max("versions__number"), "changed_at": Max("versions__created")}
        return super().get_queryset(request).annotate(**newest)

    def get_inlines(self, request: HttpRequest, obj: Script | None) -> Any:
        """A script that is being added has no versions yet."""
        return self.inlines if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Script | None = None) -> Any:
        """The program as a field to write, or only to read."""
        may_write = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        program = "text" if may_write else "shown_program"
        return ((None, {"fields": ("name", "description", "enabled", program)}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Script | None = None) -> tuple[str, ...]:
        """The program, for those who may only look."""
        return ("shown_program",)

    @admin.display(description="version", ordering="newest")
    def shown_version(self, script: Any) -> str:
        """Number of the newest version."""
        return f"v{script.newest}" if script.newest else "-"

    @admin.display(description="changed", ordering="changed_at")
    def changed(self, script: Any) -> Any:
        """When the newest version was saved."""
        return script.changed_at

    @admin.display(description="enabled", ordering="enabled")
    def shown_enabled(self, script: Script) -> str:
        """A word for the switch."""
        return badge("good", "check", "Yes") if script.enabled else badge("rest", "ban", "No")

    @admin.display(description="program")
    def shown_program(self, script: Script) -> str:
        """The newest version's text."""
        latest = script.latest
        return program_block(latest.text if latest else "")

    def save_model(self, request: HttpRequest, obj: Script, form: Any, change: bool) -> None:
        """Save the script, and its program as a new version where it changed."""
        super().save_model(request, obj, form, change)
        before = obj.latest
        version = obj.add_version(form.cleaned_data["text"], request.user)
        if before and version.pk != before.pk:
            messages.info(request, f"The program was saved as version {version.number}.")


@admin.register(ScriptVersion)
class ScriptVersionAdmin(ReadOnlyAdmin):
    """What each version said."""

    list_display = ("__str__", "created", "author", "sha256")
    fields = ("script", "number", "created", "author", "sha256", "shown_program")
    readonly_fields = fields
    search_fields = ("script__name", "text", "sha256")
    list_select_related = ("script", "author")

    @admin.display(description="program")
    def shown_program(self, version: ScriptVersion) -> str:
        """The text."""
        return program_block(version.text)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Versions are reached from their script."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ScriptVersion | None = None) -> bool:
        """Versions go with their script, never alone: Django asks here when the script is deleted."""
        page = request.resolver_match.url_name if request.resolver_match else ""
        return str(page).startswith("consoles_script_") and request.user.has_perm("consoles.delete_script")


def program_block(text: str) -> str:
    """A program's text, to read."""
    return format_html('<pre class="oc-program-block">{}</pre>', text)
