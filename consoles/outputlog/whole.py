"""Many small logs at once: a query for each of 1,000 hosts would take longer than what is done with their output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consoles.models import OutputChunk
from consoles.recent_output import Piece

if TYPE_CHECKING:
    from collections.abc import Iterable


def read_whole(host_run_ids: Iterable[int]) -> dict[int, list[Piece]]:
    """All that is stored of these logs, by HostRun, in order. The caller sees to it that they are few and small."""
    logs: dict[int, list[Piece]] = {pk: [] for pk in host_run_ids}
    chunks = OutputChunk.objects.filter(host_run_id__in=list(logs)).order_by("host_run_id", "offset")
    for pk, offset, stream, time, data in chunks.values_list("host_run_id", "offset", "stream", "time", "data"):
        logs[pk].append(Piece(offset, stream, time, bytes(data)))
    return logs
