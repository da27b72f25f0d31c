"""A viewer of several hosts: one that prints without end does not keep the others' output back."""

from __future__ import annotations

import struct

import pytest
from django.contrib.auth.models import User

from consoles import protocol
from consoles.statuses import Status
from consoles.viewer import Viewer
from tests.support.runs import add_output, add_run

pytestmark = pytest.mark.django_db

FLOOD = b"x" * (64 * 1024)


def hosts_sent(viewer: Viewer) -> list[int]:
    """Send what may be sent, acknowledge all of it, and tell whose output it was."""
    frames = [frame for frame in viewer.output() if isinstance(frame, bytes)]
    for frame in frames:
        host, offset = struct.unpack("!IQ", frame[4:16])
        viewer.acknowledge(protocol.Ack(host, offset + len(frame) - protocol.HEADER_SIZE))
    return [struct.unpack("!I", frame[4:8])[0] for frame in frames]


def test_hosts_take_turns_when_one_always_has_more(alice: User) -> None:
    run = add_run(alice, {"web1": Status.RUNNING, "web2": Status.RUNNING})
    add_output(run, 0, *[FLOOD] * (3 * protocol.WINDOW // len(FLOOD)))
    add_output(run, 1, b"heard\n")
    viewer = Viewer(run)
    viewer.load_hosts()
    for host in (0, 1):
        viewer.subscribe(protocol.Subscribe(host, 0, 0))
    assert set(hosts_sent(viewer)) == {0}
    assert 1 in hosts_sent(viewer)
    assert 0 in hosts_sent(viewer)
