"""The frames that the page's scripts are tested with (tests/js/protocol.test.js) are the ones the server speaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from consoles import protocol

FRAMES: dict[str, Any] = json.loads((Path(__file__).parent / "fixtures" / "protocol_frames.json").read_text())


def named(rows: list[dict[str, Any]], field: str = "name") -> Any:
    return pytest.mark.parametrize("row", rows, ids=[row[field] for row in rows])


@named(FRAMES["output"])
def test_server_writes_and_reads_output_frames_of_the_fixture(row: dict[str, Any]) -> None:
    output = protocol.Output(row["host"], row["offset"], row["stream"], bytes.fromhex(row["data"]))
    assert protocol.encode_output(output).hex() == row["frame"]
    assert protocol.decode_output(bytes.fromhex(row["frame"])) == output


@named(FRAMES["not_output"])
def test_server_rejects_what_the_fixture_calls_malformed(row: dict[str, Any]) -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.decode_output(bytes.fromhex(row["frame"]))


@named(FRAMES["client"], "frame")
def test_server_understands_what_the_page_sends(row: dict[str, Any]) -> None:
    assert repr(protocol.decode_client(row["frame"])) == row["means"]
