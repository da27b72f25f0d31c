"""The wire protocol ``console.v1`` as pure functions: bytes and text in, frozen messages out. No Django here.

Text frames are JSON objects with a ``type``; binary frames carry output. docs/protocol.md is the description for
people who write a client; a test keeps the two together.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

SUBPROTOCOL: Final = "console.v1"

#: Bytes a viewer may leave unacknowledged before the server stops reading for it.
WINDOW: Final = 1024 * 1024
#: Most payload bytes in one output frame.
MAX_PAYLOAD: Final = 64 * 1024
#: Most characters in one frame from a client; a start with 5,000 names fits.
MAX_TEXT: Final = 1024 * 1024
#: Bytes of host rows in one frame from the server: it refuses to send a message of more than 1 MiB.
MOST_ROWS: Final = 900_000
#: Most servers one start may name.
MAX_SERVERS: Final = 10_000

#: Most characters of a frame that is looked at for an acknowledgement before its turn.
_LONGEST_ACK: Final = 200

STDOUT: Final = 1
STDERR: Final = 2

_OUTPUT_FRAME: Final = 1
_HEADER: Final = struct.Struct("!BBHIQ")
HEADER_SIZE: Final = _HEADER.size

CLOSE_LOGIN: Final = 4401
CLOSE_FORBIDDEN: Final = 4403
CLOSE_NOT_FOUND: Final = 4404
CLOSE_TOO_MANY_ERRORS: Final = 4400
#: Try again later. Not 1013, which says so by the standard: the server can send 1000 and 3000 to 4999 only.
CLOSE_LATER: Final = 4503


class ProtocolError(Exception):
    """A frame that is not of the protocol. ``code`` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Output:
    """Output bytes of one host: ``offset`` is the place of the first byte in the host's output log."""

    host: int
    offset: int
    stream: int
    data: bytes

    @property
    def end(self) -> int:
        return self.offset + len(self.data)


@dataclass(frozen=True, slots=True)
class Start:
    """Ask for a run. ``key`` is a UUID chosen by the client: asking twice with it starts once.

    ``mode`` is ``auto``, ``detached`` or ``attached``; whether it is one of them is not looked at here.
    """

    key: str
    servers: tuple[str, ...]
    command: str
    script: str
    title: str
    fanout: int | None
    connect_timeout: int | None
    idle_timeout: int | None
    total_timeout: int | None
    mode: str
    rerun_of: int | None


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Send ``host``'s output from offset ``start`` on.

    ``max_behind`` > 0: when the viewer is more bytes than that behind the end, skip to the tail and say so by ``gap``.
    """

    host: int
    start: int
    max_behind: int


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    host: int


@dataclass(frozen=True, slots=True)
class Ack:
    """The client has dealt with ``host``'s output up to ``offset``."""

    host: int
    offset: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """End one host's program, or all when ``host`` is None."""

    host: int | None


@dataclass(frozen=True, slots=True)
class Say:
    """Write a note into the run. ``key`` is a UUID chosen by the client: saying it twice writes it once."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Ping:
    """``t`` comes back in the pong, untouched."""

    t: float


ClientMessage = Start | Subscribe | Unsubscribe | Ack | Cancel | Say | Ping


def encode_output(output: Output) -> bytes:
    """A binary frame: u8 frame type (1), u8 stream, u16 zero, u32 host index, u64 offset, payload; big-endian."""
    return _HEADER.pack(_OUTPUT_FRAME, output.stream, 0, output.host, output.offset) + output.data


def decode_output(frame: bytes) -> Output:
    """The inverse of :func:`encode_output`. Raises :class:`ProtocolError` for anything else."""
    if len(frame) < HEADER_SIZE:
        raise ProtocolError("malformed", "A binary frame is shorter than its header.")
    kind, stream, zero, host, offset = _HEADER.unpack_from(frame)
    if kind != _OUTPUT_FRAME or stream not in (STDOUT, STDERR) or zero:
        raise ProtocolError("malformed", "A binary frame is of an unknown type or stream.")
    return Output(host=host, offset=offset, stream=stream, data=frame[HEADER_SIZE:])


def line_end_before(data: bytes, start: int, most: int) -> int:
    """Where to end a payload that begins at ``start`` and may go up to ``most``: after its last line end, if any.

    All of it where it fits.
    """
    if len(data) <= most:
        return len(data)
    return data.rfind(b"\n", start, most) + 1 or most


def encode(kind: str, **fields: Any) -> str:
    """A JSON text frame of type ``kind``."""
    return json.dumps({"type": kind, **fields}, ensure_ascii=False, separators=(",", ":"))


def in_frames(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Host rows in parts that fit a frame each; at least one part, and for all but very wide runs only one."""
    parts: list[list[dict[str, Any]]] = [[]]
    room = MOST_ROWS
    for row in rows:
        # Four bytes are the most that a character takes, so nothing has to be encoded to know that it fits.
        size = 500 + 4 * sum(len(row[field]) for field in ("name", "address", "reason", "last_line"))
        if size > room and parts[-1]:
            parts.append([])
            room = MOST_ROWS
        parts[-1].append(row)
        room -= size
    return parts


def decode_client(text: str) -> ClientMessage:
    """Read a client's text frame. Raises :class:`ProtocolError` with a sentence for anything that is not one."""
    if len(text) > MAX_TEXT:
        raise ProtocolError("too_long", f"A message may have at most {MAX_TEXT} characters.")
    try:
        message = json.loads(text)
        # Python also reads what others do not: NaN, and halves of surrogate pairs, which no database stores.
        json.dumps(message, ensure_ascii=False, allow_nan=False).encode()
    # RecursionError: thousands of nested brackets are hostile input too.
    except (ValueError, RecursionError):
        raise ProtocolError("malformed", "The message is not JSON.") from None
    if not isinstance(message, dict):
        raise ProtocolError("malformed", "The message is not a JSON object.")
    kind = message.get("type")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise ProtocolError("unknown_type", f"The message type {str(kind)[:40]!r} is not known.")
    return reader(message)


def decode_ack(text: str | None) -> Ack | None:
    """The acknowledgement that a frame is, read without much ado; None for every other frame, right or wrong."""
    if text is None or len(text) > _LONGEST_ACK or '"ack"' not in text:
        return None
    try:
        message = decode_client(text)
    except ProtocolError:
        return None
    return message if isinstance(message, Ack) else None


def _whole(message: dict[str, Any], field: str, default: int | None = None, most: int = 2**53) -> int:
    value = message.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise ProtocolError("malformed", f"{field!r} must be a whole number from 0 to {most}.")
    return value


def _optional(message: dict[str, Any], field: str) -> int | None:
    return None if message.get(field) is None else _whole(message, field)


def _text(message: dict[str, Any], field: str, default: str = "") -> str:
    value = message.get(field, default)
    if not isinstance(value, str):
        raise ProtocolError("malformed", f"{field!r} must be text.")
    return value


def _host(message: dict[str, Any]) -> int:
    return _whole(message, "host", most=2**32 - 1)


def _start(message: dict[str, Any]) -> Start:
    servers = message.get("servers")
    if not isinstance(servers, list) or not all(isinstance(name, str) for name in servers):
        raise ProtocolError("malformed", "'servers' must be a list of names.")
    if len(servers) > MAX_SERVERS:
        raise ProtocolError("too_many", f"A run may have at most {MAX_SERVERS} servers.")
    timeouts = {name: _optional(message, name) for name in ("connect_timeout", "idle_timeout", "total_timeout")}
    return Start(
        key=_text(message, "key"),
        servers=tuple(servers),
        command=_text(message, "command"),
        script=_text(message, "script"),
        title=_text(message, "title"),
        fanout=_optional(message, "fanout"),
        mode=_text(message, "mode", "auto"),
        rerun_of=_optional(message, "rerun_of"),
        **timeouts,
    )


def _subscribe(message: dict[str, Any]) -> Subscribe:
    return Subscribe(_host(message), _whole(message, "from", 0), _whole(message, "max_behind", 0))


def _ping(message: dict[str, Any]) -> Ping:
    value = message.get("t", 0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProtocolError("malformed", "'t' must be a number.")
    return Ping(value)


_READERS: Final[dict[str, Callable[[dict[str, Any]], ClientMessage]]] = {
    "start": _start,
    "subscribe": _subscribe,
    "unsubscribe": lambda message: Unsubscribe(_host(message)),
    "ack": lambda message: Ack(_host(message), _whole(message, "offset")),
    "cancel": lambda message: Cancel(None if message.get("host") is None else _host(message)),
    "say": lambda message: Say(_text(message, "key"), _text(message, "text")),
    "ping": _ping,
}

#: The types of message a client may send.
CLIENT_TYPES: Final = frozenset(_READERS)
