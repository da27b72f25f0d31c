"""Who may see, start and cancel what. Every route that shows or changes a run asks here, and nowhere else.

Each call asks the database afresh what belongs to whom; what a user may do is cached by Django on the user object,
so whoever keeps a user for long (a socket) loads it again before asking.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from consoles.models import HostRun, Run, Script
from servers.models import Server

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User
    from django.db.models import QuerySet

    from consoles.models import RunQuerySet


def runs_for(user: User | AnonymousUser) -> RunQuerySet:
    """The runs ``user`` may see: their own, or all with ``consoles.view_all_runs``."""
    if not user.is_active:
        return Run.objects.none()
    if can_see_all(user):
        return Run.objects.all()
    return Run.objects.filter(requester_id=user.pk)


def access_run(user: User | AnonymousUser, run_id: int) -> Run:
    """The run, if ``user`` may see it. Raises ``Run.DoesNotExist`` when it is missing and when it is not visible."""
    return runs_for(user).get(pk=run_id)


def access_host_run(user: User | AnonymousUser, run_id: int, index: int) -> HostRun:
    """The run's part on its ``index``-th server. Raises ``HostRun.DoesNotExist`` when missing or not visible."""
    return HostRun.objects.select_related("run").get(run__in=runs_for(user).filter(pk=run_id), index=index)


def can_see_all(user: User | AnonymousUser) -> bool:
    """Whether ``user`` may see the runs of everybody."""
    return user.has_perm("consoles.view_all_runs")


def can_start(user: User | AnonymousUser) -> bool:
    """Whether ``user`` may start runs at all."""
    return user.has_perm("consoles.add_run")


def can_cancel(user: User | AnonymousUser, run: Run) -> bool:
    """Whether ``user`` may cancel ``run`` or one server of it: their own, or any they see with ``cancel_run``."""
    if not user.is_active:
        return False
    return run.requester_id == user.pk or (can_see_all(user) and user.has_perm("consoles.cancel_run"))


def can_note(user: User | AnonymousUser, run: Run) -> bool:
    """Whether ``user`` may write notes into ``run``: whoever may see it."""
    return runs_for(user).filter(pk=run.pk).exists()


def servers_for(user: User | AnonymousUser) -> QuerySet[Server]:
    """The servers ``user`` may pick for a run: the enabled ones, with ``servers.view_server``."""
    if not user.has_perm("servers.view_server"):
        return Server.objects.none()
    return Server.objects.filter(enabled=True)


def scripts_for(user: User | AnonymousUser) -> QuerySet[Script]:
    """The scripts ``user`` may pick for a run: the enabled ones, with ``consoles.view_script``."""
    if not user.has_perm("consoles.view_script"):
        return Script.objects.none()
    return Script.objects.filter(enabled=True)


def session_user(session_key: str | None) -> User | None:
    """The active user whose login the session still holds, read afresh; None when there is none any more.

    A socket is authenticated once, when it opens; this is how it notices a log-out, a new password or a lost account.
    """
    if not session_key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    return user if user.is_authenticated and user.is_active else None
