"""The admin's first page: what waits for somebody, and what ran last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q
from django.urls import reverse

from consoles import access
from consoles.admin.history import status_badge
from consoles.models import Run
from servers.admin.key_state import KeyState, with_key_state
from servers.models import Credential, HostKey, Server

if TYPE_CHECKING:
    from django.http import HttpRequest

    from servers.admin.badges import Tone

#: Runs on the page.
LAST_RUNS = 8


class Waiting(NamedTuple):
    """Something that wants a decision or a look, with the list to do it in."""

    tone: Tone
    icon: str
    text: str
    url: str


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what waits and the last runs to the page's context."""
    waiting: list[Waiting] = []
    if request.user.has_perm("servers.view_hostkey"):
        waiting += _keys()
    if request.user.has_perm("servers.view_server"):
        waiting += _servers()
    if request.user.has_perm("servers.view_credential"):
        waiting += _credentials()
    latest = access.runs_for(request.user).order_by("-pk").values_list("pk", flat=True)[:LAST_RUNS]
    runs = Run.objects.filter(pk__in=list(latest)).with_counts().order_by("-pk")
    rows = [{"run": run, "badge": status_badge(run.status)} for run in runs]
    return {**context, "waiting": waiting, "last_runs": rows, "title": "Overview"}


def _keys() -> list[Waiting]:
    """Keys to decide about, changed ones first."""
    pending = HostKey.objects.filter(state=HostKey.State.PENDING)
    changed = pending.filter(conflict=True).count()
    new = pending.filter(conflict=False).count()
    url = reverse("admin:servers_hostkey_changelist") + f"?state__exact={HostKey.State.PENDING.value}"
    return [
        *_some("bad", "alert-triangle", changed, "host key", "changed: decide before anything runs there", url),
        *_some("warn", "fingerprint", new, "host key", "to review", url),
    ]


def _servers() -> list[Waiting]:
    """Servers that nothing can run on as they are."""
    url = reverse("admin:servers_server_changelist") + "?enabled__exact=1"
    enabled = Server.objects.filter(enabled=True)
    failed = enabled.filter(test_ok=False).count()
    unknown = with_key_state(enabled).filter(key_state=KeyState.UNKNOWN).count()
    return [
        *_some("bad", "plug-connected-x", failed, "server", "failed the last test", f"{url}&test=failed"),
        *_some("warn", "key-off", unknown, "server", "without a host key", f"{url}&keys=unknown"),
    ]


def _credentials() -> list[Waiting]:
    """Credentials whose method lacks its secret."""
    no_key = Q(method=Credential.Method.KEY, private_key_token="")
    no_password = Q(method=Credential.Method.PASSWORD, password_token="")  # noqa: S106 - the empty column
    count = Credential.objects.filter(no_key | no_password).count()
    url = reverse("admin:servers_credential_changelist")
    return _some("bad", "key-off", count, "credential", "without its secret", url)


def _some(tone: Tone, icon: str, count: int, noun: str, text: str, url: str) -> list[Waiting]:
    if not count:
        return []
    return [Waiting(tone, icon, f"{count} {noun}{'' if count == 1 else 's'} {text}", url)]
