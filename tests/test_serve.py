"""How ``manage.py serve`` sets up the web server."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from consoles.management.commands import serve


class Recorded(Exception):
    """The web server would run now; with what it was given."""


def test_sockets_that_wait_for_their_turn_are_not_told_to_stay_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Daphne answers 403 after ``websocket_connect_timeout`` seconds, and drops after the other: that is first."""

    def server(application: Any, **settings: Any) -> None:
        raise Recorded(settings)

    stub = ModuleType("daphne.server")
    stub.Server = server  # type: ignore[attr-defined]  # loading the real one would install Twisted's reactor here
    monkeypatch.setitem(sys.modules, "daphne.server", stub)
    with pytest.raises(Recorded) as recorded:
        serve.serve(None, "127.0.0.1", 0, lambda: None)
    [settings] = recorded.value.args
    assert 30 <= settings["websocket_handshake_timeout"] < settings["websocket_connect_timeout"]
