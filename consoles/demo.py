"""Puts the demo fleet and its scripts into the inventory. Calling it again changes only what has changed.

Servers are told apart by the demo's credential: one of the same name that an operator made is left alone, and so is
what an operator changed on the demo's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from consoles.models import Script
from demo import inventory
from demo.fleet import Fleet
from servers.keys import read_private_key
from servers.models import Credential, Group, Server, Tag

if TYPE_CHECKING:
    from demo.fleet import Host

CREDENTIAL = "demo fleet"


def make_fleet() -> Fleet:
    """The demo's hosts, not started yet. Keys and ports are kept in the data directory."""
    return Fleet.demo(settings.DATA_DIR / "demo", [host.name for host in inventory.HOSTS])


@transaction.atomic
def load(fleet: Fleet) -> list[str]:
    """Make the running ``fleet`` and the demo's scripts known; gives back the names of its servers."""
    credential = _credential(fleet)
    loaded = [_load_server(host, fleet.host(host.name), credential) for host in inventory.HOSTS]
    for script in inventory.scripts():
        _load_script(script)
    return [server.name for server in loaded if server is not None]


def _credential(fleet: Fleet) -> Credential:
    key = read_private_key(fleet.private_key.read_text())
    credential, _ = Credential.objects.get_or_create(name=CREDENTIAL, defaults={"user": fleet.user})
    if (credential.user, credential.public_key) != (fleet.user, key.public_key):
        credential.user, credential.method = fleet.user, Credential.Method.KEY
        credential.public_key, credential.fingerprint = key.public_key, key.fingerprint
        credential.set_secret("private_key", key.text)
        credential.save()
    return credential


def _load_server(planned: inventory.DemoHost, host: Host, credential: Credential) -> Server | None:
    server, made = Server.objects.get_or_create(
        name=planned.name, defaults={"host": host.address, "port": host.port, "credential": credential}
    )
    if server.credential_id != credential.pk:
        return None
    if made:
        server.groups.set([Group.objects.get_or_create(name=name)[0] for name in planned.groups])
        server.tags.set([Tag.objects.get_or_create(name=name)[0] for name in planned.tags])
    elif (server.host, server.port) != (host.address, host.port):
        server.host, server.port = host.address, host.port
        server.save(update_fields=["host", "port"])
    known = {"key_type": host.key_type, "key": host.key}
    if not server.host_keys.filter(**known).exists():
        # We made this key ourselves a moment ago, which is as good a reason to trust it as there can be.
        server.host_keys.create(**known, fingerprint=host.fingerprint).trust(by=None)
    return server


def _load_script(planned: inventory.DemoScript) -> None:
    script, _ = Script.objects.get_or_create(name=planned.name, defaults={"description": planned.description})
    # An operator's own version stays the newest; one we brought before is followed by what it says now.
    if not script.versions.exclude(author=None).exists():
        script.add_version(planned.text)
