"""A viewer's place in a run, without a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consoles import outputlog, protocol
from consoles.outputlog import reading
from consoles.protocol import Subscribe, decode_output
from consoles.recent_output import Piece, Recent
from consoles.statuses import Status
from consoles.viewer import Viewer
from tests.support.runs import add_output, add_run

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from consoles.models import HostRun, Run


@pytest.fixture
def run(alice: User) -> Run:
    return add_run(alice, {"web1": Status.SUCCEEDED})


def received(viewer: Viewer) -> bytes:
    return b"".join(decode_output(frame).data for frame in viewer.output() if isinstance(frame, bytes))


def remember(monkeypatch: pytest.MonkeyPatch, host_run: HostRun, data: bytes) -> None:
    """Let memory hold only ``data``, the beginning of what is stored."""
    recent = Recent(1_000_000)
    recent.add(host_run.pk, [Piece(0, protocol.STDOUT, host_run.run.created, data)])
    monkeypatch.setattr(reading, "recent", recent)


def test_output_is_sent_up_to_what_the_row_says_though_memory_lags_behind(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer commits first and then remembers: who looks in between has a final row and a short memory."""
    host_run = add_output(run, 0, b"first half, ", b"second half")
    remember(monkeypatch, host_run, b"first half, ")
    viewer = Viewer(run)
    viewer.load_hosts()
    viewer.subscribe(Subscribe(0, 0, 0))
    assert received(viewer) == b"first half, second half"
    assert not viewer.has_more


def test_memory_alone_answers_while_it_knows_all_there_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    host_run = add_output(run, 0, b"all")
    remember(monkeypatch, host_run, b"all")
    assert outputlog.read(host_run.pk, 3, 100, stored=3) == []
    assert [piece.data for piece in outputlog.read(host_run.pk, 0, 100, stored=3)] == [b"all"]
