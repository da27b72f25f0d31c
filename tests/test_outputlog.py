"""The output log under random chunks, cursors and streams: what was handed in comes out, once and in order."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection

from consoles import doorbell, outputlog
from consoles.models import HostRun, OutputChunk, Run, lease_end
from consoles.outputlog import MAX_CHUNK, Fenced, LogWriter, Ticket, batch, reading, writing
from consoles.protocol import STDERR, STDOUT
from consoles.recent_output import Piece, Recent
from consoles.statuses import Status
from tests.support.engine import assert_contiguous

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def writer() -> Iterator[LogWriter]:
    running = LogWriter()
    yield running
    running.stop(10)
    assert not running._thread.is_alive()


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing recent in memory: every read asks the database, as after a restart."""
    monkeypatch.setattr(reading, "recent", Recent(0))


def tickets(count: int = 1, status: Status = Status.RUNNING) -> list[Ticket]:
    run = Run.objects.create(requester_name="x", title="x", program="true", program_sha256="", output_limit=1)
    return [
        Ticket(
            HostRun.objects.create(
                run=run, index=index, server_name=f"s{index}", status=status, fence=1, lease_until=lease_end()
            ),
            1,
        )
        for index in range(count)
    ]


def joined(pieces: list[Piece], start: int) -> bytes:
    for piece in pieces:
        assert piece.offset == start and piece.data
        start = piece.end
    return b"".join(piece.data for piece in pieces)


def check_reading(pk: int, expected: bytes, cursors: Iterator[int], chance: random.Random) -> None:
    for cursor in cursors:
        most = chance.choice([1, 2, 7, 100, MAX_CHUNK - 1, MAX_CHUNK, MAX_CHUNK + 1, 3 * MAX_CHUNK, 10**7])
        assert joined(outputlog.read(pk, cursor, most), cursor) == expected[cursor : cursor + most]


def write_randomly(
    writer: LogWriter, written: list[Ticket], chance: random.Random, times: int, sizes: list[int]
) -> Any:
    """Append random data to random logs; what each log, and each stream of each, must hold now."""
    expected: dict[int, bytearray] = {ticket.host_run.pk: bytearray() for ticket in written}
    streams: dict[tuple[int, int], bytearray] = {}
    for _ in range(times):
        ticket, stream = chance.choice(written), chance.choice([STDOUT, STDOUT, STDERR])
        data = chance.randbytes(chance.choice(sizes))
        writer.append(ticket, stream, data)
        expected[ticket.host_run.pk] += data
        streams.setdefault((ticket.host_run.pk, stream), bytearray()).extend(data)
        if chance.random() < 0.05:
            assert writer.flush(10)
    assert writer.flush(30)
    return expected, streams


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("memory", ["warm", "cold"])
def test_small_chunks_can_be_read_from_every_cursor(
    writer: LogWriter, seed: int, memory: str, request: pytest.FixtureRequest
) -> None:
    if memory == "cold":
        request.getfixturevalue("cold")
    chance = random.Random(seed)
    expected, streams = write_randomly(writer, tickets(3), chance, 60, [1, 2, 3, 10])
    for pk, data in expected.items():
        assert_contiguous(pk)
        assert outputlog.size(pk) == HostRun.objects.get(pk=pk).size == len(data)
        check_reading(pk, bytes(data), iter(range(len(data) + 1)), chance)
        assert outputlog.read(pk, len(data) + 5, 10) == []
        assert b"".join(outputlog.stream(pk)) == data
        for stream in (STDOUT, STDERR):
            assert b"".join(outputlog.stream(pk, stream)) == streams.get((pk, stream), b"")


@pytest.mark.parametrize("memory", ["warm", "cold", "tight"])
def test_large_chunks_can_be_read_from_random_cursors(
    writer: LogWriter, memory: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if memory == "cold":
        request.getfixturevalue("cold")
    if memory == "tight":
        monkeypatch.setattr(reading, "recent", Recent(300_000))
    chance = random.Random(11)
    sizes = [1, 100, MAX_CHUNK - 1, MAX_CHUNK, MAX_CHUNK + 1, 200_000]
    expected, _ = write_randomly(writer, tickets(2), chance, 40, sizes)
    for pk, data in expected.items():
        assert_contiguous(pk)
        chunks = OutputChunk.objects.filter(host_run=pk)
        assert max(map(len, chunks.values_list("data", flat=True))) <= MAX_CHUNK
        edges = list(chunks.values_list("offset", flat=True))
        near = [cursor for edge in edges for cursor in (edge - 1, edge, edge + 1) if 0 <= cursor <= len(data)]
        check_reading(pk, bytes(data), iter([*near, *(chance.randrange(len(data)) for _ in range(50))]), chance)


def test_reader_beside_the_writer_sees_a_growing_prefix(writer: LogWriter) -> None:
    [ticket] = tickets()
    pk, run = ticket.host_run.pk, ticket.host_run.run_id
    received = bytearray()
    with doorbell.watch(run) as rung:
        for number in range(200):
            writer.append(ticket, STDOUT, b"%d\n" % number)
            if number % 10 == 0:
                received += joined(outputlog.read(pk, len(received), 50), len(received))
        done = writer.move(ticket, Status.SUCCEEDED)
        over = False
        while not over:
            rung.clear()
            over = HostRun.objects.get(pk=pk).is_final
            while more := outputlog.read(pk, len(received), 50):
                received += joined(more, len(received))
            assert over or rung.wait(10)
    assert done.result(10)
    assert received == b"".join(b"%d\n" % number for number in range(200))


@pytest.mark.databases
def test_final_status_is_never_seen_before_the_last_byte(writer: LogWriter) -> None:
    for _ in range(20):
        [ticket] = tickets()
        writer.append(ticket, STDOUT, b"x" * 100_000)
        future = writer.move(ticket, Status.SUCCEEDED, exit_status=0)
        assert future.result(10)
        row = HostRun.objects.get(pk=ticket.host_run.pk)
        assert (row.status, row.size) == ("succeeded", 100_000)


@pytest.mark.databases
def test_impossible_move_is_answered_and_changes_nothing(writer: LogWriter) -> None:
    [ticket] = tickets(status=Status.QUEUED)
    assert writer.move(ticket, Status.SUCCEEDED).result(10) is False
    assert writer.move(ticket, Status.STARTING).result(10) is True
    assert writer.move(ticket, Status.STARTING).result(10) is False
    assert HostRun.objects.get(pk=ticket.host_run.pk).status == "starting"


@pytest.mark.databases
def test_fenced_ticket_stores_nothing_and_is_told(writer: LogWriter) -> None:
    fenced, other = tickets(2)
    writer.append(fenced, STDOUT, b"before")
    assert writer.flush(10)
    HostRun.objects.filter(pk=fenced.host_run.pk).update(fence=2)
    writer.append(fenced, STDOUT, b"stale")
    writer.append(other, STDOUT, b"mine")
    moved = writer.move(fenced, Status.SUCCEEDED)
    assert writer.flush(10)
    with pytest.raises(Fenced):
        writer.append(fenced, STDOUT, b"more")
    assert moved.result(10) is False
    assert b"".join(outputlog.stream(fenced.host_run.pk)) == b"before"
    assert b"".join(outputlog.stream(other.host_run.pk)) == b"mine"
    assert HostRun.objects.get(pk=fenced.host_run.pk).size == 6


@pytest.mark.databases
def test_host_run_deleted_meanwhile_harms_nobody_else(writer: LogWriter) -> None:
    deleted, other = tickets(2)
    HostRun.objects.filter(pk=deleted.host_run.pk).delete()
    writer.append(deleted, STDOUT, b"nowhere")
    writer.append(other, STDOUT, b"mine")
    assert writer.flush(10)
    assert writer.trouble == ""
    assert not OutputChunk.objects.filter(host_run=deleted.host_run.pk).exists()
    assert b"".join(outputlog.stream(other.host_run.pk)) == b"mine"


@pytest.mark.databases
def test_failed_commits_repeat_without_doubling(writer: LogWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction fails after its output was written, as on a disk that fills up at the last moment."""
    monkeypatch.setattr(writing, "RETRY_PAUSE", 0.01)
    failures = iter([True, True, True])
    move = HostRun.move

    def fail_at_first(self: HostRun, *args: Any, **fields: Any) -> bool:
        if next(failures, False):
            raise OperationalError("disk I/O error")
        return move(self, *args, **fields)

    monkeypatch.setattr(HostRun, "move", fail_at_first)
    [ticket] = tickets()
    writer.append(ticket, STDOUT, b"once")
    assert writer.move(ticket, Status.SUCCEEDED).result(10)
    assert b"".join(outputlog.stream(ticket.host_run.pk)) == b"once"
    assert_contiguous(ticket.host_run.pk)


def test_reader_of_a_fast_host_is_held_up_and_goes_on(writer: LogWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded while the database refuses: the host's reader waits, and in turn the host."""
    monkeypatch.setattr(writing, "RETRY_PAUSE", 0.01)
    monkeypatch.setattr(writing, "MAX_WAITING_ONE", 4 * 1024 * 1024)
    refuse = threading.Event()
    refuse.set()
    commit = batch.Batch.commit

    def refused(self: Any) -> None:
        if refuse.is_set():
            raise OperationalError("database is locked")
        commit(self)

    monkeypatch.setattr(batch.Batch, "commit", refused)
    [ticket] = tickets()
    handed_in = threading.Semaphore(0)

    def produce() -> None:
        for _ in range(40):
            writer.append(ticket, STDOUT, b"z" * 256 * 1024)
            handed_in.release()

    producer = threading.Thread(target=produce)
    producer.start()
    most = writing.MAX_WAITING_ONE // (256 * 1024)
    for _ in range(most):
        assert handed_in.acquire(timeout=10)
    assert not handed_in.acquire(timeout=0.2)
    assert ticket.waiting == writing.MAX_WAITING_ONE
    refuse.clear()
    producer.join(20)
    assert writer.flush(10)
    assert outputlog.size(ticket.host_run.pk) == 40 * 256 * 1024
    assert_contiguous(ticket.host_run.pk)
    assert (ticket.waiting, writer.trouble) == (0, "")


def test_recent_output_in_memory_is_bounded_whatever_its_pieces() -> None:
    """Single bytes weigh more than themselves."""
    recent = Recent(100_000)
    for offset in range(5000):
        recent.add(1, [Piece(offset, STDOUT, None, b"x")])  # type: ignore[arg-type]
    held = recent._pieces[1]
    assert len(held) * 200 < 100_000
    assert recent.end(1) == 5000


@pytest.mark.databases
def test_last_line_is_stored_beside_the_size(writer: LogWriter) -> None:
    [ticket] = tickets()
    steps = [(b"one\nhalf a l", "half a l"), (b"ine\n", "half a line"), (b"50%\r100%", "100%"), (b"\n\n", "100%")]
    for data, shown in steps:
        writer.append(ticket, STDOUT, data)
        assert writer.flush(10)
        assert HostRun.objects.get(pk=ticket.host_run.pk).last_line == shown
    connection.close()
