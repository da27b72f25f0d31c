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

    from tests.support.people import person

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
    return [dict(row) for row in HostRun.objects.filter(run=run).order_by("index").values(*fields)]


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

    return [dict(run) for run in Run.objects.values("id", "title", "program", "requester_name", "via")]


def change_person(name: str, **fields: Any) -> None:
    """Change fields of somebody, such as ``is_active``."""
    from django.contrib.auth.models import User

    User.objects.filter(username=name).update(**fields)


def end_sessions(name: str) -> None:
    """Log somebody out everywhere."""
    from django.contrib.auth.models import User
    from django.contrib.sessions.models import Session

    user = str(User.objects.get(username=name).pk)
    for session in Session.objects.all():
        if session.get_decoded().get("_auth_user_id") == user:
            session.delete()


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opsconsole.settings")
    django.setup()
    for line in sys.stdin:
        function, arguments = json.loads(line)
        try:
            answer = {"value": globals()[function](**arguments)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer, default=str), flush=True)


if __name__ == "__main__":
    main()
