"""Fills an empty database for a job. Runs as a process with the console's settings: JSON in, JSON out.

``{"user": …, "private_key": …, "hosts": [{"address", "port", "key_type", "key", "fingerprint"}, …]}`` is answered by
``{"names": […], "session": …}``: the servers' names, and the session key of somebody who may run things on them.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django


def fill(order: dict[str, Any]) -> dict[str, Any]:
    """Put the hosts into the inventory with their keys trusted, and log somebody in."""
    from servers.models import Credential, HostKey, Server

    credential = Credential(name="bench", user=order["user"])
    credential.set_secret("private_key", order["private_key"])
    credential.save()
    hosts = order["hosts"]
    servers = Server.objects.bulk_create(
        Server(name=f"h{number}", host=host["address"], port=host["port"], credential=credential)
        for number, host in enumerate(hosts)
    )
    HostKey.objects.bulk_create(
        HostKey(
            server=server, state=HostKey.State.TRUSTED, key_type=host["key_type"], key=host["key"],
            fingerprint=host["fingerprint"],
        )
        for server, host in zip(servers, hosts, strict=True)
    )  # fmt: skip
    return {"names": [server.name for server in servers], "session": _session()}


def _session() -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore

    user = User.objects.create_superuser("bench")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


if __name__ == "__main__":
    django.setup()
    print(json.dumps(fill(json.load(sys.stdin))))
