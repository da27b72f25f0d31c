from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from bench.client import Clocks, Follower, Wrong, percentile


class FakeSocket:
    """Remembers what the client sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send(self, text: str) -> None:
        self.sent.append(json.loads(text))


def following(expected: bytes, hosts: int = 1, window: int = 1000) -> tuple[Follower, FakeSocket]:
    socket = FakeSocket()
    follower = Follower(socket, expected)  # type: ignore[arg-type]
    follower.take(json.dumps({"type": "hello", "hosts": [{"i": number} for number in range(hosts)], "window": window}))
    return follower, socket


def output(offset: int, data: bytes, host: int = 0, stream: int = 1) -> bytes:
    return struct.pack("!BBHIQ", 1, stream, 0, host, offset) + data


def end(size: int, host: int = 0, exit_status: int = 0) -> str:
    return json.dumps({"type": "end", "host": host, "size": size, "exit_status": exit_status, "status": "succeeded"})


def test_subscribes_to_every_host_and_is_done_after_the_last_end() -> None:
    follower, socket = following(b"hi\n", hosts=2)
    assert [(sent["type"], sent["host"]) for sent in socket.sent] == [("subscribe", 0), ("subscribe", 1)]
    for host in (1, 0):
        follower.take(output(0, b"hi\n", host))
        follower.take(end(3, host))
    assert follower.left == 0
    assert follower.bytes == 6


def test_acknowledges_when_a_quarter_of_the_window_is_used() -> None:
    follower, socket = following(b"x" * 800, hosts=2)
    follower.take(output(0, b"x" * 249))
    assert len(socket.sent) == 2
    follower.take(output(0, b"x", host=1))
    assert socket.sent[2:] == [
        {"type": "ack", "host": 0, "offset": 249},
        {"type": "ack", "host": 1, "offset": 1},
    ]


@pytest.mark.parametrize(
    "frame",
    [output(0, b"ho\n"), output(1, b"i\n"), output(0, b"hi\nmore"), output(0, b"hi\n", stream=2)],
    ids=["other bytes", "a gap", "too much", "the other stream"],
)
def test_refuses_output_that_was_not_printed(frame: bytes) -> None:
    follower, _ = following(b"hi\n")
    with pytest.raises(Wrong):
        follower.take(frame)


@pytest.mark.parametrize("frame", [end(2), end(3), end(3, exit_status=1)], ids=["short", "early", "failed"])
def test_refuses_an_end_that_is_not_the_whole(frame: str) -> None:
    follower, _ = following(b"hi\n")
    follower.take(output(0, b"hi"))
    with pytest.raises(Wrong):
        follower.take(frame)


def test_refuses_to_measure_while_output_cannot_be_stored() -> None:
    follower, _ = following(b"hi\n")
    with pytest.raises(Wrong):
        follower.take(json.dumps({"type": "status", "hosts": [], "storage": "Output cannot be stored."}))


def test_latency_counts_once_every_host_prints_and_logins_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.client.time.time", lambda: 10.0)
    clocks = Clocks()
    clocks.add(0, b"1.0\n2.0\n3.")
    clocks.add(1, b"2.0\n4.0\n")
    clocks.add(0, b"0\n5.0\n")
    assert clocks.steady() == [6.0, 7.0]


def test_percentile_is_a_value_that_was_seen() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 99), percentile([5.0], 99)) == (50.0, 99.0, 5.0)
