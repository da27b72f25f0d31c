"""Finished runs with logs of any size, stored as the runner stores them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from consoles.models import HostRun, Run
from consoles.outputlog import LogWriter, Ticket
from consoles.protocol import STDOUT
from consoles.statuses import Status
from tests.support.runs import add_run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.auth.models import User

#: A line of a large log, 100 bytes with its line feed.
LINE = "2026-01-31T14:03:02.123Z INFO  worker-07 request {:>9} handled in 12 ms, 3 rows, status 200 OK"


def add_log(
    requester: User, pieces: Iterable[bytes | tuple[int, bytes]], status: Status = Status.SUCCEEDED, name: str = "web1"
) -> Run:
    """A run on one host that printed ``pieces``, bytes on stdout or pairs of stream and bytes."""
    run = add_run(requester, {name: status})
    fields = {"fence": 1, "started": timezone.now() - timedelta(minutes=2)}
    if status in (Status.SUCCEEDED, Status.FAILED):
        fields["exit_status"] = 0 if status == Status.SUCCEEDED else 1
    HostRun.objects.filter(run=run).update(**fields)
    ticket = Ticket(HostRun.objects.get(run=run), 1)
    writer = LogWriter()
    for piece in pieces:
        writer.append(ticket, *(piece if isinstance(piece, tuple) else (STDOUT, piece)))
    writer.stop(120)
    return run


def large_log(size: int) -> Iterable[bytes]:
    """``size`` bytes of lines like a server's, numbered from 1 on."""
    width = len(LINE.format(1)) + 1
    step = 5000
    for first in range(1, size // width + 1, step):
        last = min(first + step, size // width + 1)
        yield "".join(f"{LINE.format(number)}\n" for number in range(first, last)).encode()
