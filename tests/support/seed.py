"""What tests ask of a server process's database. Runs as a helper process: a line of JSON in, a line of JSON out.

``["function", {"argument": …}]`` is answered by ``{"value": …}`` or ``{"error": …}``.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

import django


def person_with_session(name: str, rights: list[str], fields: dict[str, Any]) -> dict[str, str]:
    """Create somebody, unless they are there, and log them in."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore

    from tests.support.accounts import person

    user = User.objects.filter(username=name).first() or person(name, *rights, **fields)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    assert session.session_key is not None
    return {"name": name, "password": f"{name}-password", "session": session.session_key}


def add_hosts(hosts: list[dict[str, Any]], names: list[str], user: str, private_key: str) -> list[str]:
    """Put SSH hosts into the inventory with their host keys trusted; names that are there already stay as they are."""
    from servers.models import Credential, HostKey, Server

    credential, made = Credential.objects.get_or_create(name=f"fleet {hosts[0]['port']}", defaults={"user": user})
    if made:
        credential.set_secret("private_key", private_key)
        credential.save()
    for host, name in zip(hosts, names, strict=True):
        fields = {"host": host["address"], "port": host["port"], "credential": credential}
        server, made = Server.objects.get_or_create(name=name, defaults=fields)
        pinned = {field: host[field] for field in ("key_type", "key", "fingerprint")}
        if made:
            HostKey.objects.create(server=server, state=HostKey.State.TRUSTED, **pinned)
    return names


def add_script(name: str, text: str) -> None:
    """Save a script."""
    from consoles.models import Script

    Script.objects.get_or_create(name=name)[0].add_version(text)


def host_runs(run: int) -> list[dict[str, Any]]:
    """What is known of a run's servers, in order."""
    from consoles.models import HostRun

    fields = ("index", "server_name", "status", "reason", "exit_status", "exit_signal", "size", "dropped", "owner")
    rows = HostRun.objects.filter(run=run).order_by("index")
    return [dict(row) for row in rows.values(*fields, "fence", "mode")]


def output_sha256(run: int, index: int) -> str:
    """SHA-256 of all that is stored of one server's output, in hex."""
    import hashlib

    from consoles import outputlog
    from consoles.models import HostRun

    digest = hashlib.sha256()
    for block in outputlog.stream(HostRun.objects.get(run=run, index=index).pk):
        digest.update(block)
    return digest.hexdigest()


def runs() -> list[dict[str, Any]]:
    """All runs, newest first."""
    from consoles.models import Run

    return [dict(run) for run in Run.objects.values("id", "title", "program", "requester_name", "via", "mode")]


def add_log(user: str, text: str = "", size: int = 0, status: str = "succeeded", stderr: str = "") -> int:
    """A run on one host, web1, that printed ``text`` (its characters are bytes), or a log of ``size`` bytes."""
    from django.contrib.auth.models import User

    from consoles.statuses import Status
    from tests.support import logs

    pieces: list[Any] = [*logs.large_log(size), *([text.encode("latin-1")] if text else [])]
    pieces += [(2, stderr.encode("latin-1"))] if stderr else []
    return logs.add_log(User.objects.get(username=user), pieces, Status(status)).pk


def add_wide_run(requester: str, statuses: dict[str, int], tag: str = "", **fields: Any) -> int:
    """A run with so many servers in each status; every tenth carries ``tag`` if one is given."""
    from tests.support import wide

    run = wide.add_wide_run(requester, statuses, **fields)
    if tag:
        wide.tag_servers(run, tag, every=10)
    return run.pk


def feed(run: int, rounds: float) -> None:
    """Let all running servers of a run print a line ``rounds`` times a second, until :func:`stop_feeding`."""
    from consoles.models import Run
    from tests.support import wide

    _feeders[run] = wide.Feeder(Run.objects.get(pk=run), rounds)


def stop_feeding(run: int, to: str = "") -> int:
    """End what :func:`feed` began, with the servers in status ``to``; gives back how many lines were printed."""
    return int(_feeders.pop(run).stop(to))


def change_host_run(run: int, index: int, **fields: Any) -> None:
    """Change what is known of one server of a run.

    ``ago`` is how many seconds ago it printed last, ``away`` since how many seconds there has been no contact to it.
    """
    from datetime import timedelta

    from django.utils import timezone

    from consoles.models import HostRun

    if "ago" in fields:
        fields["printed"] = timezone.now() - timedelta(seconds=fields.pop("ago"))
    if "away" in fields:
        fields["contact_lost"] = timezone.now() - timedelta(seconds=fields.pop("away"))
    HostRun.objects.filter(run=run, index=index).update(**fields)


_feeders: dict[int, Any] = {}


def add_alike_run(requester: str, kinds: list[tuple[int, str, str]], program: str = "update") -> int:
    """A run with so many servers of each kind: [count, status, what each printed]; ``{name}`` is a server's name."""
    from django.contrib.auth.models import User

    from tests.support import alike

    return alike.add_alike_run(User.objects.get(username=requester), kinds, program).pk


def change_person(name: str, **fields: Any) -> None:
    """Change fields of somebody, such as ``is_active``."""
    from django.contrib.auth.models import User

    User.objects.filter(username=name).update(**fields)


def expire_leases() -> None:
    """Let all leases have run out, as 45 seconds without a renewal do."""
    from datetime import timedelta

    from django.db.models.functions import Now

    from consoles.models import HostRun
    from consoles.statuses import ACTIVE

    HostRun.objects.filter(status__in=ACTIVE).update(lease_until=Now() - timedelta(seconds=1))


def take_rights(name: str) -> None:
    """Take away all rights that were given to somebody."""
    from django.contrib.auth.models import User

    User.objects.get(username=name).user_permissions.clear()


def lock_database() -> None:
    """Let nobody else write until :func:`unlock_database`."""
    from django.db import connection

    from tests.support.locks import DatabaseLock

    _locks.append(DatabaseLock(connection.settings_dict))


def unlock_database() -> None:
    """Let others write again."""
    _locks.pop().release()


_locks: list[Any] = []


def end_sessions(name: str) -> None:
    """Log somebody out everywhere."""
    from django.contrib.auth.models import User
    from django.contrib.sessions.models import Session

    user = str(User.objects.get(username=name).pk)
    for session in Session.objects.all():
        if session.get_decoded().get("_auth_user_id") == user:
            session.delete()


def runs_of_others() -> list[int]:
    """Runs that are not over and that this process did not make up: the server executes them.

    Without those whose hosts are all out of reach: the server waits for them for a day, and lets go of deleted rows.
    """
    from consoles.models import HostRun
    from consoles.statuses import ACTIVE
    from tests.support import wide

    others = HostRun.objects.filter(status__in=ACTIVE, contact_lost=None).exclude(owner__in=["", wide.owner().name])
    return sorted(set(others.values_list("run", flat=True)))


def empty_database() -> None:
    """Delete all rows but those that migrations made. Primary keys are not given out again."""
    from tests.support.emptying import empty_tables

    while _locks:
        unlock_database()
    for run in list(_feeders):
        stop_feeding(run)
    empty_tables()


def _leave_out_admin() -> None:
    """Do without the pages of the admin, which are half of a helper's start. Its models stay, as do everybody's."""
    from django.conf import settings

    pages = {"daphne", "unfold", "unfold.contrib.filters", "django_filters", "csp"}
    apps = [app for app in settings.INSTALLED_APPS if app not in pages]
    apps[apps.index("django.contrib.admin")] = "django.contrib.admin.apps.SimpleAdminConfig"
    settings.INSTALLED_APPS = apps


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opsconsole.settings")
    _leave_out_admin()
    django.setup()
    from django.contrib.auth.hashers import PBKDF2PasswordHasher
    from django.db import close_old_connections

    # A quarter of a second for everybody who is made up is too long; the server reads a hash of any strength.
    PBKDF2PasswordHasher.iterations = 1
    for line in sys.stdin:
        function, arguments = json.loads(line)
        close_old_connections()
        try:
            answer = {"value": globals()[function](**arguments)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer, default=str), flush=True)


if __name__ == "__main__":
    main()
