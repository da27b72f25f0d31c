"""Who may use the console. Somebody who edits users can give away only what they have themselves.

Django's own pages let anybody with the right to change users make themselves a superuser. Here an editor sees only
permissions they hold, and changes only accounts and roles that can do nothing the editor cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.forms import Widget
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import BooleanRadioFilter, RelatedDropdownFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from servers.admin.badges import badge

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


_ALL = "add change delete view"
#: The permissions worth giving away, by app.
_ASKED_FOR = {
    "admin": {"logentry": "view"},
    "auth": {"user": _ALL, "group": _ALL},
    "servers": {"server": _ALL, "group": _ALL, "tag": _ALL, "credential": _ALL, "hostkey": "add delete view trust"},
    "consoles": {
        "script": _ALL,
        "scriptversion": "view",
        "run": "add cancel view",
        "all_runs": "view",
        "hostrun": "view",
        "auditentry": "view",
    },
}


def editor_of(request: HttpRequest) -> User:
    """Who is at work: the admin lets nobody in who is not logged in."""
    return cast(User, request.user)


def held_permissions(user: User) -> QuerySet[Permission]:
    """What ``user`` may do, whether the account is active or not; a superuser may do everything."""
    if user.is_superuser:
        return Permission.objects.all()
    return Permission.objects.filter(Q(user=user) | Q(group__user=user)).distinct()


def asked_for() -> Q:
    """The permissions that something here asks about; Django makes four for every table, asked about or not."""
    wanted = Q(pk=None)
    for app, kinds in _ASKED_FOR.items():
        names = [f"{act}_{kind}" for kind, acts in kinds.items() for act in acts.split()]
        wanted |= Q(content_type__app_label=app, codename__in=names)
    return wanted


def may_manage(editor: User, account: User) -> bool:
    """Whether ``account`` can do nothing that ``editor`` cannot."""
    if editor.is_superuser:
        return True
    held = held_permissions(editor).values("pk")
    return not account.is_superuser and not held_permissions(account).exclude(pk__in=held).exists()


def may_grant(editor: User, role: Group) -> bool:
    """Whether every permission of ``role`` is one that ``editor`` has."""
    if editor.is_superuser:
        return True
    return not role.permissions.exclude(pk__in=held_permissions(editor).values("pk")).exists()


class PasswordNote(Widget):
    """Says whether a password is set. Django shows the start of salt and hash here; nobody needs those."""

    read_only = True

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """A word, no part of the password."""
        return format_html("<p>{}</p>", "Set" if value and is_password_usable(value) else "None: no login by password")

    def id_for_label(self, id_: str | None) -> str:
        """There is nothing to focus."""
        return ""


class AccountForm(UserChangeForm):
    """An account, without a look at its password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "password" in self.fields:
            self.fields["password"].widget = PasswordNote()
            self.fields["password"].help_text = format_html(
                '<a class="text-link" href="{}">Set another password</a>', "../password/"
            )


class _GrantingAdmin(admin.ModelAdmin):
    """Offers only roles and permissions the editor may give away; Django refuses all others on the way in."""

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Narrow the choices of ``groups``, ``user_permissions`` and ``permissions``."""
        held = held_permissions(editor_of(request))
        if db_field.name == "groups":
            beyond = Permission.objects.exclude(pk__in=held.values("pk"))
            kwargs["queryset"] = Group.objects.exclude(permissions__in=beyond)
        elif db_field.name in ("permissions", "user_permissions"):
            kwargs["queryset"] = held.filter(asked_for()).select_related("content_type")
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field is None:
            return None
        field.widget = UnfoldAdminSelect2MultipleWidget(choices=field.choices)
        field.help_text = "Only what your own account has can be given away." if not request.user.is_superuser else ""
        return field


for model in (User, Group, AccessAttempt, AccessLog, AccessFailureLog):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(User)
class UserAdmin(_GrantingAdmin, DjangoUserAdmin, ModelAdmin):
    """Accounts. Those with rights beyond the editor's can be looked at, not changed."""

    form = AccountForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "shown_name", "email", "shown_roles", "shown_rank", "last_login")
    list_filter = (
        ("is_active", BooleanRadioFilter),
        ("is_staff", BooleanRadioFilter),
        ("is_superuser", BooleanRadioFilter),
        ("groups", RelatedDropdownFilter),
    )
    list_filter_submit = True
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """With the roles that the list shows."""
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="name", ordering="first_name")
    def shown_name(self, user: User) -> str:
        """First and last name."""
        return user.get_full_name()

    @admin.display(description="roles")
    def shown_roles(self, user: User) -> str:
        """The roles by name."""
        return ", ".join(group.name for group in user.groups.all())

    @admin.display(description="rank", ordering="is_superuser")
    def shown_rank(self, user: User) -> str:
        """The most that the account is."""
        if not user.is_active:
            return badge("rest", "ban", "Inactive")
        if user.is_superuser:
            return badge("odd", "crown", "Superuser")
        return badge("busy", "settings", "Staff") if user.is_staff else badge("rest", "user", "Operator")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Only a superuser makes superusers."""
        return (*self.readonly_fields, *(() if request.user.is_superuser else ("is_superuser",)))

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Not beyond oneself: who may set an account's password can act with its rights."""
        return super().has_change_permission(request, obj) and (obj is None or may_manage(editor_of(request), obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Neither oneself nor beyond oneself."""
        if obj is not None and (obj.pk == request.user.pk or not may_manage(editor_of(request), obj)):
            return False
        return super().has_delete_permission(request, obj)


@admin.register(Group)
class RoleAdmin(_GrantingAdmin, DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]  # Django's is typed narrower
    """Roles: named sets of permissions. Those with rights beyond the editor's can be looked at, not changed."""

    list_display = ("name", "shown_count")
    filter_horizontal = ()

    @admin.display(description="permissions")
    def shown_count(self, role: Group) -> int:
        """How many permissions the role has."""
        return role.permissions.count()

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Not beyond oneself."""
        return super().has_change_permission(request, obj) and (obj is None or may_grant(editor_of(request), obj))

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Not beyond oneself."""
        return super().has_delete_permission(request, obj) and (obj is None or may_grant(editor_of(request), obj))


class ReadOnlyAdmin(ModelAdmin):
    """Rows to look at."""

    actions: Any = None

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds rows by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes rows."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes rows."""
        return False


@admin.register(AccessAttempt)
class LockoutAdmin(ReadOnlyAdmin):
    """Failed logins. Deleting a row lets that account log in from that address again at once."""

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    fields = (*list_display, "user_agent", "path_info")
    search_fields = ("username", "ip_address")
    actions = ()

    def has_delete_permission(self, request: HttpRequest, obj: AccessAttempt | None = None) -> bool:
        """Whoever may change accounts may let them in again."""
        return request.user.has_perm("auth.change_user")

    def has_view_permission(self, request: HttpRequest, obj: AccessAttempt | None = None) -> bool:
        """As for deleting."""
        return request.user.has_perm("auth.change_user")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """As for deleting."""
        return request.user.has_perm("auth.change_user")


@admin.register(LogEntry)
class ChangeAdmin(ReadOnlyAdmin):
    """Who changed what in the administration. Rows go nowhere, so accounts with rows are deactivated, not deleted."""

    list_display = ("action_time", "user", "content_type", "object_repr", "shown_change")
    fields = list_display
    list_filter = (("user", RelatedDropdownFilter), ("content_type", RelatedDropdownFilter))
    list_filter_submit = True
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "change_message", "user__username")

    @admin.display(description="change")
    def shown_change(self, entry: LogEntry) -> str:
        """What was done, in words."""
        words = {1: "Added", 2: "Changed", 3: "Deleted"}
        return entry.get_change_message() or words.get(entry.action_flag, "")


@login_not_required
def site_login(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """Send people to the console's own login page, and back to where they were going."""
    target = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = reverse("admin:index")
    if not request.user.is_authenticated:
        return redirect_to_login(target)
    if not request.user.is_staff:
        # The login page sends people who are logged in on to where they were going, which is here again.
        raise PermissionDenied("Your account may not use the administration: ask an administrator.")
    return HttpResponseRedirect(target)


admin.site.login = site_login  # type: ignore[method-assign]  # how Django's documentation replaces it
