"""Runs with very many servers, without servers: rows made directly, and a feeder that prints for all of them.

What is printed goes through the console's own writer, so a page sees real frames.
"""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from consoles import lease
from consoles.models import HostRun, Run, text_sha256
from consoles.outputlog import LogWriter, Ticket
from consoles.statuses import FINAL, Status
from servers.models import Credential, Server, Tag

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROGRAM = "#!/bin/sh\napt-get -y upgrade\n"
_STEPS = ("Reading package lists", "Get:1 deb.internal bookworm", "Unpacking openssl (3.0.17-1)", "Setting up libssl3")


def add_wide_run(
    requester: str, statuses: Mapping[str, int], host_fields: Mapping[str, Any] | None = None, **fields: Any
) -> Run:
    """A run with so many servers in each status, in this order; what is active belongs to this process.

    ``host_fields`` are further fields of each HostRun, ``fields`` of the run.
    """
    user = User.objects.get(username=requester)
    fields = {"title": "Security update", "output_limit": 1_000_000, "program": _PROGRAM} | fields
    fields["program_sha256"] = text_sha256(str(fields["program"]))
    run = Run.objects.create(requester=user, requester_name=requester, **fields)
    order = [Status(status) for status, count in statuses.items() for _ in range(count)]
    rows = [_host_run(run, index, status) for index, status in enumerate(order)]
    for row in rows:
        for name, value in (host_fields or {}).items():
            setattr(row, name, value)
    HostRun.objects.bulk_create(rows, batch_size=500)
    return run


def _host_run(run: Run, index: int, status: Status) -> HostRun:
    now = timezone.now()
    is_over = status in FINAL
    return HostRun(
        run=run,
        index=index,
        server_name=f"web{index + 1:04d}",
        address=f"10.4.{index // 250}.{index % 250}:22",
        status=status,
        started=None if status in (Status.QUEUED, Status.SKIPPED) else now - timedelta(seconds=20 + index % 40),
        finished=now - timedelta(seconds=index % 20) if is_over else None,
        exit_status={Status.FAILED: 100, Status.SUCCEEDED: 0}.get(status),
        last_line="E: dpkg was interrupted, run 'dpkg --configure -a'" if status == Status.FAILED else "",
        reason="The host key has changed." if status == Status.UNREACHABLE else "",
        owner=owner().name,
        fence=1,
        lease_until=now + timedelta(hours=1),
    )


def tag_servers(run: Run, tag: str, every: int) -> None:
    """Give every n-th server of the run an inventory record with this tag."""
    credential, _ = Credential.objects.get_or_create(name="wide", defaults={"user": "root"})
    mark, _ = Tag.objects.get_or_create(name=tag)
    for host_run in run.host_runs.order_by("index")[::every]:
        fields = {"host": "10.0.0.1", "credential": credential}
        server, _ = Server.objects.get_or_create(name=host_run.server_name, defaults=fields)
        server.tags.add(mark)
        HostRun.objects.filter(pk=host_run.pk).update(server=server)


class Feeder:
    """Prints a line for every running server of a run, ``rounds`` times a second, until it is stopped."""

    def __init__(self, run: Run, rounds: float) -> None:
        self.printed = 0
        self._tickets = [Ticket(host_run, host_run.fence) for host_run in run.host_runs.filter(status=Status.RUNNING)]
        self._pause = 1 / rounds
        self._writer = LogWriter()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    def stop(self, to: str = "") -> int:
        """End it, with the servers in status ``to`` if one is given; gives back how many lines were printed."""
        self._stopping.set()
        self._thread.join()
        if to:
            moves = [self._writer.move(ticket, Status(to), exit_status=0) for ticket in self._tickets]
            for move in moves:
                move.result(30)
        self._writer.stop(30)
        return self.printed

    def _feed(self) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            for number, ticket in enumerate(self._tickets):
                step = _STEPS[(self.printed + number) % len(_STEPS)]
                self._writer.append(ticket, 1, f"{step} {self.printed}\n".encode())
                self.printed += 1
            due = max(due + self._pause, time.monotonic())
            self._stopping.wait(due - time.monotonic())
        connection.close()


def owner() -> lease.Owner:
    """This process as one that owns HostRuns, so that nobody settles those it made up."""
    global _known
    _known = _known or lease.Owner()
    return _known


_known: lease.Owner | None = None
