"""The wire protocol's functions under random and hostile input."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import pytest

from consoles import protocol
from consoles.protocol import Ack, Cancel, Output, Ping, ProtocolError, Say, Start, Subscribe, Unsubscribe


def test_output_frame_comes_back_as_it_was() -> None:
    chance = random.Random(3)
    for _ in range(500):
        output = Output(
            host=chance.choice([0, 1, 255, 2**32 - 1]),
            offset=chance.choice([0, 1, 2**32, 2**63, 2**64 - 1]),
            stream=chance.choice([protocol.STDOUT, protocol.STDERR]),
            data=chance.randbytes(chance.choice([0, 1, 100, protocol.MAX_PAYLOAD])),
        )
        frame = protocol.encode_output(output)
        assert protocol.decode_output(frame) == output
        assert len(frame) == protocol.HEADER_SIZE + len(output.data)


def test_output_frame_is_laid_out_as_documented() -> None:
    frame = protocol.encode_output(Output(host=0x01020304, offset=0x05060708090A0B0C, stream=2, data=b"hi"))
    assert frame == bytes.fromhex("01 02 0000 01020304 05060708090a0b0c") + b"hi"
    assert protocol.HEADER_SIZE == struct.calcsize("!BBHIQ") == 16


@pytest.mark.parametrize(
    "frame", [b"", b"\x01", b"\x01" * 15, b"\x02\x01" + bytes(14), b"\x01\x00" + bytes(14), b"\x01\x03" + bytes(14),
              b"\x01\x01\x00\x01" + bytes(12)],
)  # fmt: skip
def test_other_binary_frames_are_refused(frame: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        protocol.decode_output(frame)
    assert caught.value.code == "malformed"


def test_payloads_are_cut_at_line_ends_and_lose_nothing() -> None:
    chance = random.Random(5)
    for _ in range(500):
        data = bytes(chance.choices(b"ab\n", weights=[5, 5, chance.choice([0, 1, 5])], k=chance.randrange(200)))
        longest, start = chance.randrange(1, 30), 0
        while start < len(data):
            end = protocol.line_end_before(data, start, start + longest)
            assert start < end <= min(start + longest, len(data))
            assert end == len(data) or data[end - 1 : end] == b"\n" or b"\n" not in data[start:end]
            start = end
        assert start == len(data)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"type":"subscribe","host":3}', Subscribe(3, 0, 0)),
        ('{"type":"subscribe","host":3,"from":7,"max_behind":9,"more":1}', Subscribe(3, 7, 9)),
        ('{"type":"unsubscribe","host":0}', Unsubscribe(0)),
        ('{"type":"ack","host":1,"offset":9007199254740992}', Ack(1, 2**53)),
        ('{"type":"cancel"}', Cancel(None)),
        ('{"type":"cancel","host":null}', Cancel(None)),
        ('{"type":"cancel","host":2}', Cancel(2)),
        ('{"type":"say","key":"k","text":"a\\nb"}', Say("k", "a\nb")),
        ('{"type":"say"}', Say("", "")),
        ('{"type":"ping","t":1.5}', Ping(1.5)),
        ('{"type":"ping"}', Ping(0)),
        (
            '{"type":"start","key":"k","servers":["a"],"command":"c","fanout":2}',
            Start(
                key="k",
                servers=("a",),
                command="c",
                script="",
                title="",
                fanout=2,
                connect_timeout=None,
                idle_timeout=None,
                total_timeout=None,
                mode="auto",
                rerun_of=None,
            ),
        ),
    ],
)
def test_client_messages_are_read(text: str, expected: Any) -> None:
    assert protocol.decode_client(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "malformed"),
        ("{", "malformed"),
        ("null", "malformed"),
        ("[]", "malformed"),
        ("[" * 100_000, "malformed"),
        ('{"a":' * 50_000, "malformed"),
        ("1" * 10_000, "malformed"),
        ("{}", "unknown_type"),
        ('{"type":null}', "unknown_type"),
        ('{"type":{}}', "unknown_type"),
        ('{"type":"hello"}', "unknown_type"),
        ('{"type":"\\ud800"}', "malformed"),
        ('{"type":"start","key":"k","servers":["\\udc00"],"command":"true"}', "malformed"),
        ('{"type":"start","key":"k","servers":["a"],"command":"echo \\ud800"}', "malformed"),
        ('{"type":"ping","t":NaN}', "malformed"),
        ('{"type":"ping","t":1e999}', "malformed"),
        ('{"type":"' + "x" * 5000 + '"}', "unknown_type"),
        ('{"type":"subscribe"}', "malformed"),
        ('{"type":"subscribe","host":-1}', "malformed"),
        ('{"type":"subscribe","host":4294967296}', "malformed"),
        ('{"type":"subscribe","host":1.0}', "malformed"),
        ('{"type":"subscribe","host":true}', "malformed"),
        ('{"type":"subscribe","host":"1"}', "malformed"),
        ('{"type":"subscribe","host":1,"from":-1}', "malformed"),
        ('{"type":"subscribe","host":1,"from":9007199254740993}', "malformed"),
        ('{"type":"ack","host":1}', "malformed"),
        ('{"type":"ack","host":1,"offset":1e3}', "malformed"),
        ('{"type":"say","key":1,"text":"x"}', "malformed"),
        ('{"type":"say","key":"k","text":["x"]}', "malformed"),
        ('{"type":"say","key":"k","text":"\\ud800"}', "malformed"),
        ('{"type":"cancel","host":"all"}', "malformed"),
        ('{"type":"ping","t":"x"}', "malformed"),
        ('{"type":"ping","t":true}', "malformed"),
        ('{"type":"start","servers":"web1"}', "malformed"),
        ('{"type":"start","servers":["web1"],"mode":1}', "malformed"),
        ('{"type":"start","servers":[1]}', "malformed"),
        ('{"type":"start","servers":[],"command":1}', "malformed"),
        ('{"type":"start","servers":[],"fanout":-1}', "malformed"),
        ('{"type":"start","servers":[' + '"a",' * 10_000 + '"a"]}', "too_many"),
        ('"' + "x" * protocol.MAX_TEXT + '"', "too_long"),
    ],
)
def test_everything_else_gets_a_code_and_a_sentence(text: str, code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        protocol.decode_client(text)
    assert caught.value.code == code
    sentence = str(caught.value)
    assert sentence.endswith(".") and len(sentence) < 200
    sentence.encode()  # it goes into a text frame


def test_five_thousand_names_fit() -> None:
    names = [f"a-long-server-name-{number:05}.region.example" for number in range(5000)]
    message = {"type": "start", "key": "k", "servers": names, "command": "true"}
    decoded = protocol.decode_client(json.dumps(message))
    assert isinstance(decoded, Start) and decoded.servers == tuple(names)


def test_mutated_messages_are_read_or_refused_and_never_crash() -> None:
    chance = random.Random(9)
    whole = '{"type":"start","key":"k","servers":["a","b"],"command":"echo","fanout":2,"host":1,"offset":3,"from":4}'
    scraps = ['"', "{", "}", "[", "9", "-", "e", ".", "null", "\\", "\x00", ""]
    kinds = ["start", "subscribe", "unsubscribe", "ack", "cancel", "ping"]
    for _ in range(3000):
        text = whole.replace("start", chance.choice(kinds))
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(text))
            text = text[:place] + chance.choice(scraps) + text[place + 1 :]
        try:
            protocol.decode_client(text)
        except ProtocolError as error:
            assert error.code


def test_server_frames_are_compact_json_text() -> None:
    assert protocol.encode("clock", server_time="日本") == '{"type":"clock","server_time":"日本"}'


def test_puts_all_host_rows_into_one_frame_unless_they_are_very_many() -> None:
    row = {"i": 0, "name": "web0001", "address": "10.4.0.1:22", "reason": "", "last_line": "Unpacking openssl"}
    few = [row] * 1000
    assert protocol.in_frames(few) == [few]
    assert protocol.in_frames([]) == [[]]


def test_keeps_frames_of_host_rows_below_what_a_server_sends() -> None:
    row = {
        "i": 0,
        "name": "w" * 100,
        "address": "a" * 300,
        "reason": "\U0001f600" * 500,
        "last_line": "\U0001f600" * 200,
    }
    parts = protocol.in_frames([row] * 3000)
    assert [row for part in parts for row in part] == [row] * 3000
    assert max(len(protocol.encode("status", hosts=part).encode()) for part in parts) < 1_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"type":"ack","host":1,"offset":7}', Ack(1, 7)),
        (' {"offset":7, "host":1, "type":"ack"}', Ack(1, 7)),
        ('{"type":"ack","host":true,"offset":7}', None),
        ('{"type":"ack","host":1', None),
        ('{"type":"say","key":"k","text":"\\"ack\\""}', None),
        ('{"type":"ping","t":1}', None),
        ('{"type":"ack","host":1,"offset":7' + " " * 200 + "}", None),
        ("", None),
        (None, None),
    ],
)
def test_only_sound_acknowledgements_are_read_before_their_turn(text: str | None, expected: Ack | None) -> None:
    assert protocol.decode_ack(text) == expected
