"""Servers, scripts and finished runs made directly in the database, for tests of pages."""

from __future__ import annotations

from datetime import timedelta
from itertools import repeat
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from consoles.models import HostRun, OutputChunk, Run, text_sha256
from consoles.protocol import STDOUT
from consoles.statuses import FINAL, Status
from servers.models import Credential, Group, HostKey, Server, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from django.contrib.auth.models import User


def add_server(name: str, groups: Iterable[str] = (), tags: Iterable[str] = (), trusted: bool = True) -> Server:
    """A server in these groups and with these tags; unless told otherwise its host key is trusted."""
    credential, _ = Credential.objects.get_or_create(name="deploy", defaults={"user": "root"})
    server = Server.objects.create(name=name, host=f"{name}.example.net", credential=credential)
    server.groups.add(*(Group.objects.get_or_create(name=group)[0] for group in groups))
    server.tags.add(*(Tag.objects.get_or_create(name=tag)[0] for tag in tags))
    if trusted:
        state = HostKey.State.TRUSTED
        HostKey.objects.create(server=server, key_type="ssh-ed25519", key="AAAA", fingerprint="SHA256:x", state=state)
    return server


def add_run(requester: User | None, hosts: Mapping[str, Status], program: str = "uptime", **fields: Any) -> Run:
    """A run whose servers have these statuses. The servers need not exist; those not over have an owner for an hour."""
    name = requester.get_username() if requester else "cron"
    fields = {"title": program.split("\n")[0][:200], "requester_name": name, "output_limit": 1000} | fields
    run = Run.objects.create(requester=requester, program=program, program_sha256=text_sha256(program), **fields)
    now = timezone.now()
    HostRun.objects.bulk_create(
        HostRun(
            run=run,
            index=index,
            server_name=server,
            address=f"{server}:22",
            status=status,
            finished=now if status in FINAL else None,
            # Without it a server looking for what nobody owns, as each does now and then, would say they were lost.
            lease_until=None if status in FINAL else now + timedelta(hours=1),
        )
        for index, (server, status) in enumerate(hosts.items())
    )
    return run


def add_output(
    run: Run,
    index: int,
    *pieces: bytes | tuple[int, bytes],
    dropped: int = 0,
    times: Iterable[datetime] | None = None,
) -> HostRun:
    """Store what a server printed: bytes on stdout, or pairs of stream and bytes; all of it now, or at these times."""
    host_run = run.host_runs.get(index=index)
    chunks = []
    for piece, time in zip(pieces, times or repeat(timezone.now()), strict=False):
        stream, data = piece if isinstance(piece, tuple) else (STDOUT, piece)
        lines = data.count(b"\n")
        chunks.append(
            OutputChunk(host_run=host_run, offset=host_run.size, stream=stream, time=time, lines=lines, data=data)
        )
        host_run.size += len(data)
        host_run.lines += lines
    OutputChunk.objects.bulk_create(chunks)
    host_run.dropped = dropped
    host_run.save(update_fields=["size", "lines", "dropped"])
    return host_run
