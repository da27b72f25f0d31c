"""Output as files: one host's log, or a zip of all, streamed from the output log without holding it in memory."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from consoles import outputlog
from consoles.notes import note_rows
from consoles.presenting import iso
from consoles.protocol import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime

    from django.http import HttpRequest

    from consoles.models import HostRun, Run

STREAMS = {"stdout": STDOUT, "stderr": STDERR}
MANIFEST = "manifest.json"

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
#: Output is mostly text: the quickest level already makes it a fraction, and the network is the slow part.
_COMPRESSION = 1


def file_name(host_run: HostRun, stream: str = "") -> str:
    """The name of a host's log: no separators, line ends or leading dots, and it says when something was cut off."""
    name = _UNSAFE.sub("_", host_run.server_name).lstrip("._-")[:100] or f"server{host_run.index}"
    parts = [f"run{host_run.run_id}-{name}", stream, "truncated" if host_run.dropped else "", "log"]
    return ".".join(part for part in parts if part)


def host_pieces(host_run: HostRun, stream: str = "") -> Iterator[bytes]:
    """The bytes of a host's log exactly as stored; only those of ``stream`` when it is stdout or stderr."""
    return outputlog.stream(host_run.pk, only=STREAMS[stream] if stream else None)


def zip_pieces(run: Run) -> Iterator[bytes]:
    """A zip of all hosts' logs, made while it is read, with a manifest as its last file.

    Whoever stops halfway has a file that no zip program opens: the directory, too, is written last.
    """
    buffer = _Buffer()
    folder = f"run{run.pk}"
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION) as archive:
        rows: list[dict[str, Any]] = []
        used = {MANIFEST}
        # A list, not an iterator: an open cursor would hold a read transaction for as long as the download takes.
        for host_run in list(run.host_runs.order_by("index")):
            name = _unused(file_name(host_run), host_run.index, used)
            entry = _entry(f"{folder}/{name}", host_run.finished or run.created)
            digest, size = hashlib.sha256(), 0
            with archive.open(entry, "w", force_zip64=True) as log:
                for data in host_pieces(host_run):
                    digest.update(data)
                    size += len(data)
                    log.write(data)
                    yield from buffer.take()
            rows.append(_manifest_row(host_run, name, size, digest.hexdigest()))
        archive.writestr(_entry(f"{folder}/{MANIFEST}", run.created), json.dumps(_manifest(run, rows), indent=2))
    yield from buffer.take()


def respond(request: HttpRequest, pieces: Iterator[bytes], name: str, size: int | None = None) -> StreamingHttpResponse:
    """An attachment that is sent as ``pieces`` come; browsers must neither show nor guess what it is."""
    # Under ASGI, Django would collect a plain iterator into a list first.
    content: Any = _one_by_one(pieces) if isinstance(request, ASGIRequest) else pieces
    response = StreamingHttpResponse(content, content_type="application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-cache, no-transform"
    if size is not None:
        response["Content-Length"] = str(size)
    return response


async def _one_by_one(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    pull = sync_to_async(_pull)
    while (piece := await pull(pieces)) is not None:
        yield piece


def _pull(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)


class _Buffer:
    """What ``zipfile`` writes to: it cannot seek, and forgets what was taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing to do: ``take`` gives out all there is."""

    def close(self) -> None:
        """Nothing to do either."""

    def take(self) -> Iterator[bytes]:
        """What was written since the last time, if anything."""
        if data := b"".join(self._parts):
            self._parts.clear()
            yield data


def _unused(name: str, index: int, used: set[str]) -> str:
    """``name``, or with the host's index in front where another host's name became the same file name."""
    if name.lower() in used:
        name = f"{index}-{name}"
    used.add(name.lower())
    return name


def _entry(path: str, moment: datetime) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, moment.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def _manifest_row(host_run: HostRun, name: str, size: int, digest: str) -> dict[str, Any]:
    return {
        "server": host_run.server_name,
        "address": host_run.address,
        "status": host_run.status,
        "reason": host_run.reason,
        "exit_status": host_run.exit_status,
        "exit_signal": host_run.exit_signal,
        "started": iso(host_run.started),
        "finished": iso(host_run.finished),
        "file": name,
        "bytes": size,
        "sha256": digest,
        "dropped_bytes": host_run.dropped,
    }


def _manifest(run: Run, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "run": run.pk,
        "title": run.title,
        "requester": run.requester_name,
        "created": iso(run.created),
        "program_sha256": run.program_sha256,
        "program": run.program,
        "truncated": [row["file"] for row in rows if row["dropped_bytes"]],
        "unfinished": [row["file"] for row in rows if row["finished"] is None],
        "notes": [{name: note[name] for name in ("author", "text", "created")} for note in note_rows(run.pk)],
        "hosts": rows,
    }
