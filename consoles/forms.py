"""The new-run form: what was picked and typed, checked as far as a page can, with nothing typed lost."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Count

from consoles import access
from consoles.models import Run, unix_lines
from consoles.protocol import MAX_SERVERS
from consoles.selection import UnknownNames, parse_names, resolve
from servers.models import Group, Tag

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import QuerySet

    from servers.models import Server

Mode = Run.Mode
#: What each mode means for whoever starts a run: a name, and what becomes of the programs.
MODES = {
    Mode.AUTO: (
        "Detached if possible",
        "Goes on when the connection or this console ends; on a server that cannot do that, ends with the connection.",
    ),
    Mode.DETACHED: (
        "Detached",
        "Goes on when the connection or this console ends; on a server that cannot do that, it is not started.",
    ),
    Mode.ATTACHED: ("Attached", "Ends with the connection, and when this console ends."),
}
COMMAND, SCRIPT = "command", "script"
#: What a form says that nobody has filled in yet.
NOTHING_YET = {
    "names": "Pick at least one server: by name, group, tag or search.",
    "command": "Type the command to run.",
    "script": "Choose the script to run.",
}


class LimitField(forms.IntegerField):
    """A whole number with the limits of the Run's column, explained in words."""

    def __init__(self, column: str, label: str, unit: str, explained: str) -> None:
        stored: Any = Run._meta.get_field(column)
        self.least = max(rule.limit_value for rule in stored.validators if isinstance(rule, MinValueValidator))
        self.most = min(rule.limit_value for rule in stored.validators if isinstance(rule, MaxValueValidator))
        self.unit = unit
        sentence = f"{label} must be a whole number from {self.least} to {self.most}."
        super().__init__(
            label=label,
            initial=stored.default,
            help_text=explained,
            min_value=self.least,
            max_value=self.most,
            error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), sentence),
        )


class NewRunForm(forms.Form):
    """Servers, program and limits of a run about to be asked for.

    ``picked`` is what the page's script selected, ``names`` what somebody typed or pasted; groups, tags and a search
    pick too. All of them together are the selection.
    """

    key = forms.UUIDField(
        widget=forms.HiddenInput(attrs={"autocomplete": "off"}),
        error_messages=dict.fromkeys(("required", "invalid"), "Reload the page and try again."),
    )
    rerun = forms.IntegerField(required=False, widget=forms.HiddenInput)
    reviewed = forms.CharField(required=False, widget=forms.HiddenInput)
    picked = forms.CharField(required=False, widget=forms.HiddenInput)
    names = forms.CharField(required=False, label="Names", strip=False, widget=forms.Textarea)
    groups = forms.MultipleChoiceField(required=False, label="Groups", widget=forms.CheckboxSelectMultiple)
    tags = forms.MultipleChoiceField(required=False, label="Tags", widget=forms.CheckboxSelectMultiple)
    search = forms.CharField(required=False, label="Search", max_length=200)
    source = forms.ChoiceField(
        label="Program", choices=[(COMMAND, "Type a command"), (SCRIPT, "Saved script")], widget=forms.RadioSelect
    )
    script = forms.ChoiceField(required=False, label="Script")
    command = forms.CharField(required=False, label="Command", strip=False, widget=forms.Textarea)
    mode = forms.ChoiceField(
        required=False,
        label="Mode",
        choices=[(mode.value, name) for mode, (name, _) in MODES.items()],
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": "Choose one of the modes."},
    )
    title = forms.CharField(required=False, label="Title", max_length=200)
    fanout = LimitField("fanout", "Fan-out", "servers", "How many servers work at the same time.")
    connect_timeout = LimitField(
        "connect_timeout", "Connect timeout", "seconds", "How long a server may take to be reached and log in."
    )
    idle_timeout = LimitField(
        "idle_timeout", "Idle timeout", "seconds", "How long a program may print nothing; 0 waits for ever."
    )
    total_timeout = LimitField(
        "total_timeout", "Total timeout", "seconds", "How long a program may take on one server; 0 waits for ever."
    )

    LIMITS = ("fanout", "connect_timeout", "idle_timeout", "total_timeout")

    def __init__(self, user: User, servers: QuerySet[Server], data: Any = None, initial: Any = None) -> None:
        blank = {"key": uuid.uuid4(), "source": COMMAND, "mode": Mode.AUTO.value}
        super().__init__(data, initial=blank | (initial or {}), auto_id="run-%s")
        self.user, self.servers = user, servers
        self.script_rows = list(access.scripts_for(user).order_by("name"))
        self.fields["groups"].choices = _names_in_use(Group, servers)  # type: ignore[attr-defined]
        self.fields["tags"].choices = _names_in_use(Tag, servers)  # type: ignore[attr-defined]
        self.fields["script"].choices = [("", "Choose a script"), *((s.name, s.name) for s in self.script_rows)]  # type: ignore[attr-defined]
        for field in ("groups", "tags", "script"):
            self.fields[field].error_messages["invalid_choice"] = f"There is no {field.rstrip('s')} %(value)s to pick."

    @property
    def modes(self) -> list[tuple[forms.boundfield.BoundWidget, str]]:
        """The choices of how to start, each with its sentence."""
        return list(zip(self["mode"], (told for _, told in MODES.values()), strict=True))

    @property
    def limit_fields(self) -> list[forms.BoundField]:
        """The number fields, in the order they stand on the page."""
        return [self[name] for name in self.LIMITS]

    @property
    def limits_open(self) -> bool:
        """Whether the limits are worth showing at once: something is wrong or set there."""
        if self.is_bound and self.errors.keys() & {*self.LIMITS, "title"}:
            return True
        return any(str(field.value()) != str(field.field.initial) for field in self.limit_fields)

    def clean_key(self) -> str:
        return str(self.cleaned_data["key"])

    def clean_mode(self) -> str:
        return self.cleaned_data["mode"] or Mode.AUTO.value

    def clean_command(self) -> str:
        return unix_lines(self.cleaned_data["command"])

    def clean(self) -> dict[str, Any]:
        """Resolve the selection and settle which program is meant; what is wrong is said beside its field."""
        self._clean_selection()
        self._clean_program()
        return self.cleaned_data

    def _clean_selection(self) -> None:
        values = self.cleaned_data
        names = parse_names(values.get("picked", "")) + parse_names(values.get("names", ""))
        if len(names) > MAX_SERVERS:
            self.add_error("names", f"A run may have at most {MAX_SERVERS:,} servers: split the list.")
            return
        labels = {kind: values.get(kind, []) for kind in ("groups", "tags")}
        try:
            selection = resolve(self.servers, names=names, **labels, search=values.get("search", ""), loosely=True)
        except UnknownNames as unknown:
            for sentence in unknown.sentences():
                self.add_error("names", sentence)
            selection = unknown.selection
        if not selection and not self.errors.keys() & {"names", "groups", "tags", "search"}:
            self.add_error("names", NOTHING_YET["names"])
        values["servers"] = selection

    def _clean_program(self) -> None:
        """Exactly one of command and script counts: the one that ``source`` says."""
        values = self.cleaned_data
        source = values.get("source")
        if source == SCRIPT:
            values["command"] = ""
            if not values.get("script") and "script" not in self.errors:
                self.add_error("script", NOTHING_YET["script"])
        elif source == COMMAND:
            values["script"] = ""
            if "command" not in self.errors and not values.get("command", "").strip():
                self.add_error("command", NOTHING_YET["command"])


def _names_in_use(model: type[Group] | type[Tag], servers: QuerySet[Server]) -> list[tuple[str, str]]:
    """The groups or tags that at least one of ``servers`` has, as choices that say of how many."""
    used = model._default_manager.filter(servers__in=servers.values("pk")).annotate(count=Count("servers"))
    return [(label.name, f"{label.name} ({label.count})") for label in used]
