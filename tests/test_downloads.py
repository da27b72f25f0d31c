"""Downloads hold exactly the stored bytes, under names that cannot do harm, and never a whole log in memory."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consoles import downloads
from consoles.models import AuditEntry, HostRun, Run
from consoles.outputlog import MAX_CHUNK
from consoles.protocol import STDERR
from consoles.statuses import Status
from tests.support.runs import add_output, add_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User
    from django.test import Client

pytestmark = pytest.mark.django_db

HOSTILE = b"\x00\xff\xfe\x1b]0;title\x07 caf\xc3 \r\n<script>\n"


@pytest.fixture
def run(alice: User) -> Run:
    return add_run(alice, {"web1": Status.SUCCEEDED, "web2": Status.FAILED, "web3": Status.RUNNING}, "date")


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def unzipped(data: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    return archive


def test_gives_every_byte_of_a_host_as_it_was_stored(alice_client: Client, run: Run) -> None:
    stored = [HOSTILE, b"x" * MAX_CHUNK, b"last line without end"]
    add_output(run, 0, *stored)
    response = alice_client.get(f"/runs/{run.pk}/hosts/0/output")
    assert body(response) == b"".join(stored)
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == f'attachment; filename="run{run.pk}-web1.log"'
    assert int(response["Content-Length"]) == sum(map(len, stored))


def test_gives_one_stream_alone(alice_client: Client, run: Run) -> None:
    add_output(run, 0, b"out1\n", (STDERR, b"err\n"), b"out2\n")
    out = alice_client.get(f"/runs/{run.pk}/hosts/0/output?stream=stdout")
    err = alice_client.get(f"/runs/{run.pk}/hosts/0/output?stream=stderr")
    assert (body(out), body(err)) == (b"out1\nout2\n", b"err\n")
    assert f'"run{run.pk}-web1.stderr.log"' in err["Content-Disposition"]


def test_refuses_a_stream_that_does_not_exist(alice_client: Client, run: Run) -> None:
    response = alice_client.get(f"/runs/{run.pk}/hosts/0/output?stream=../etc")
    assert response.status_code == 400
    assert response.content == b"The stream must be stdout or stderr."


def test_promises_no_length_while_the_host_is_still_printing(alice_client: Client, run: Run) -> None:
    add_output(run, 2, b"so far\n")
    response = alice_client.get(f"/runs/{run.pk}/hosts/2/output")
    assert not response.has_header("Content-Length")
    assert body(response) == b"so far\n"


def test_says_in_the_name_that_a_log_was_cut_off(alice_client: Client, run: Run) -> None:
    add_output(run, 0, b"y\n", dropped=12)
    response = alice_client.get(f"/runs/{run.pk}/hosts/0/output")
    assert f'"run{run.pk}-web1.truncated.log"' in response["Content-Disposition"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../etc/passwd", "etc_passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a\r\nSet-Cookie: x=1", "a_Set-Cookie_x_1"),
        ('x"; filename="evil.exe', "x_filename_evil.exe"),
        ("=cmd|' /C calc'!A0", "cmd_C_calc_A0"),
        ("-rf", "rf"),
        ("日本", "server3"),
        ("n" * 300, "n" * 100),
    ],
)
def test_names_of_servers_are_harmless_as_file_names(name: str, file: str) -> None:
    host_run = HostRun(run_id=7, index=3, server_name=name)
    assert downloads.file_name(host_run) == f"run7-{file}.log"


def test_zip_holds_every_log_and_a_manifest_that_fits(alice_client: Client, run: Run) -> None:
    add_output(run, 0, HOSTILE, b"more\n")
    add_output(run, 1, b"y\n" * 10, dropped=500)
    response = alice_client.get(f"/runs/{run.pk}/output.zip")
    assert f'filename="run{run.pk}.zip"' in response["Content-Disposition"]
    archive = unzipped(body(response))
    folder = f"run{run.pk}"
    assert archive.namelist() == [
        f"{folder}/{name}"
        for name in (f"{folder}-web1.log", f"{folder}-web2.truncated.log", f"{folder}-web3.log", "manifest.json")
    ]
    assert archive.read(f"{folder}/{folder}-web1.log") == HOSTILE + b"more\n"
    manifest = json.loads(archive.read(f"{folder}/manifest.json"))
    assert manifest["truncated"] == [f"{folder}-web2.truncated.log"]
    assert manifest["unfinished"] == [f"{folder}-web3.log"]
    assert manifest["program"] == "date"
    for row in manifest["hosts"]:
        data = archive.read(f"{folder}/{row['file']}")
        assert (row["bytes"], row["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


def test_zip_of_hostile_names_stays_in_its_folder_and_loses_no_log(alice_client: Client, alice: User) -> None:
    names = ["../../x", "..\\x", "x", "X", "/etc/passwd", "manifest.json", "a\r\nb"]
    run = add_run(alice, dict.fromkeys(names, Status.SUCCEEDED))
    for index in range(len(names)):
        add_output(run, index, f"{index}".encode())
    archive = unzipped(body(alice_client.get(f"/runs/{run.pk}/output.zip")))
    files = archive.namelist()
    assert len({file.lower() for file in files}) == len(names) + 1
    assert all(file.startswith(f"run{run.pk}/") and ".." not in file and file.count("/") == 1 for file in files)
    manifest = json.loads(archive.read(f"run{run.pk}/manifest.json"))
    assert [row["server"] for row in manifest["hosts"]] == names
    told = [archive.read(f"run{run.pk}/{row['file']}") for row in manifest["hosts"]]
    assert told == [f"{index}".encode() for index in range(len(names))]


def test_downloads_are_written_down(alice_client: Client, alice: User, run: Run) -> None:
    alice_client.get(f"/runs/{run.pk}/hosts/0/output")
    alice_client.get(f"/runs/{run.pk}/output.zip")
    entries = AuditEntry.objects.filter(act=AuditEntry.Act.OUTPUT_DOWNLOADED, run=run, actor=alice)
    assert sorted(entries.values_list("detail", flat=True)) == [f"run{run.pk}-web1.log", f"run{run.pk}.zip"]


def test_looking_by_head_request_downloads_nothing(alice_client: Client, run: Run) -> None:
    assert alice_client.head(f"/runs/{run.pk}/hosts/0/output").status_code == 405
    assert not AuditEntry.objects.exists()


def test_zip_never_holds_a_whole_log_in_memory(run: Run) -> None:
    host_run = add_output(run, 0, *[bytes([number]) * MAX_CHUNK for number in range(200)])
    assert host_run.size > 12_000_000
    tracemalloc.start()
    try:
        most = max(len(piece) for piece in downloads.zip_pieces(run))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2_500_000
    assert peak < 9_000_000


def test_under_asgi_a_download_is_pulled_piece_by_piece() -> None:
    pulled: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(5):
            pulled.append(number)
            yield b"%d" % number

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    response = downloads.respond(ASGIRequest(scope, io.BytesIO()), pieces(), "x.log")

    async def first_two() -> list[bytes]:
        parts = aiter(response)
        return [await anext(parts), await anext(parts)]

    # In a thread of its own: where browser tests ran before, this one has a running loop.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asyncio.run, first_two()).result(10) == [b"0", b"1"]
    assert pulled == [0, 1]


def test_reading_a_log_takes_few_queries(run: Run) -> None:
    host_run = add_output(run, 0, *[b"x" * MAX_CHUNK] * 40)
    with CaptureQueriesContext(connection) as queries:
        assert sum(map(len, downloads.host_pieces(host_run))) == 40 * MAX_CHUNK
    assert len(queries) <= 10
