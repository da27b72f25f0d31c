"""The admin's sidebar: the same words as on the pages, and only what the user may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.urls import reverse
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from django.http import HttpRequest


class Entry(NamedTuple):
    """A link. ``icon`` is Tabler's name; ``waiting`` names a function that counts what waits behind the link."""

    title: str
    icon: str
    url_name: str
    permission: str = ""
    waiting: str = ""


SECTIONS: dict[str, tuple[Entry, ...]] = {
    "Runs": (
        Entry("New run", "player-play", "run-new", "consoles.add_run"),
        Entry("Runs", "list-details", "run-list"),
        Entry("Scripts", "file-code", "admin:consoles_script_changelist", "consoles.view_script"),
    ),
    "Inventory": (
        Entry("Servers", "server", "admin:servers_server_changelist", "servers.view_server"),
        Entry(
            "Host keys",
            "fingerprint",
            "admin:servers_hostkey_changelist",
            "servers.view_hostkey",
            "servers.admin.host_keys.pending_count",
        ),
        Entry("Credentials", "key", "admin:servers_credential_changelist", "servers.view_credential"),
        Entry("Groups", "folders", "admin:servers_group_changelist", "servers.view_group"),
        Entry("Tags", "tag", "admin:servers_tag_changelist", "servers.view_tag"),
    ),
    "Records": (
        Entry("Run records", "history", "admin:consoles_run_changelist", "consoles.view_run"),
        Entry("Records per server", "server-cog", "admin:consoles_hostrun_changelist", "consoles.view_hostrun"),
        Entry("Audit", "clipboard-list", "admin:consoles_auditentry_changelist", "consoles.view_auditentry"),
        Entry("Changes", "pencil", "admin:admin_logentry_changelist", "admin.view_logentry"),
    ),
    "Access": (
        Entry("Users", "users", "admin:auth_user_changelist", "auth.view_user"),
        Entry("User groups", "shield-lock", "admin:auth_group_changelist", "auth.view_group"),
        Entry("Failed logins", "lock-x", "admin:axes_accessattempt_changelist", "auth.change_user"),
    ),
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sections with at least one link for this user, as the theme wants them."""
    sections = []
    for title, entries in SECTIONS.items():
        items = [_item(entry) for entry in entries if not entry.permission or request.user.has_perm(entry.permission)]
        if items:
            sections.append({"title": title, "items": items})
    return sections


def _item(entry: Entry) -> dict[str, Any]:
    waiting = import_string(entry.waiting)() if entry.waiting else 0
    return {"title": entry.title, "icon": entry.icon, "link": reverse(entry.url_name), "waiting": waiting}
