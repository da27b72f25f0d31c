"""A client that says something and leaves is heard, whatever was on its way to it at that moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from autobahn.exception import Disconnected

from opsconsole.late_frames import DropsLateFrames
from tests.support.loops import run_apart

LAST_WORDS: list[dict[str, Any]] = [
    {"type": "websocket.receive", "text": "cancel"},
    {"type": "websocket.disconnect", "code": 1000},
]


async def tells_and_listens(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "websocket.send", "text": "news"})
    scope["heard"] = [await receive() for _ in LAST_WORDS]


def talk(kind: str, refusal: Exception) -> dict[str, Any]:
    """What the application notes in its scope when nothing can be sent to its client."""
    said: Iterator[dict[str, Any]] = iter(LAST_WORDS)
    scope: dict[str, Any] = {"type": kind}

    async def receive() -> dict[str, Any]:
        return next(said)

    async def send(message: dict[str, Any]) -> None:
        raise refusal

    run_apart(DropsLateFrames(tells_and_listens)(scope, receive, send))
    return scope


@pytest.mark.parametrize("refusal", [Disconnected("closed"), ConnectionResetError()], ids=["daphne", "asgi"])
def test_last_words_are_heard_though_a_frame_came_too_late(refusal: Exception) -> None:
    assert talk("websocket", refusal)["heard"] == LAST_WORDS


def test_other_faults_of_sending_are_not_hidden() -> None:
    with pytest.raises(RuntimeError, match="not accepted"):
        talk("websocket", RuntimeError("not accepted"))


def test_downloads_end_when_their_client_has_gone() -> None:
    with pytest.raises(OSError):
        talk("http", ConnectionResetError())
