"""How ``manage.py serve`` sets up the web server."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from consoles.management.commands import serve
from demo.loopback import some_free_port
from tests.support.forking import ForkedPython


class Recorded(Exception):
    """The web server would run now; with what it was given."""


def test_sockets_that_wait_for_their_turn_are_not_told_to_stay_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Daphne answers 403 after ``websocket_connect_timeout`` seconds, and drops after the other: that is first."""

    def server(application: Any, **settings: Any) -> None:
        raise Recorded(settings)

    stub = ModuleType("daphne.server")
    stub.Server = server  # type: ignore[attr-defined]  # loading the real one would install Twisted's reactor here
    monkeypatch.setitem(sys.modules, "daphne.server", stub)
    monkeypatch.setitem(sys.modules, "twisted.internet.reactor", ModuleType("twisted.internet.reactor"))
    with pytest.raises(Recorded) as recorded:
        serve.serve(None, "127.0.0.1", 0, lambda: None, serve.Ending())
    [settings] = recorded.value.args
    assert 30 <= settings["websocket_handshake_timeout"] < settings["websocket_connect_timeout"]


@pytest.mark.parametrize("phase", ["before", "during", "after"])
def test_a_signal_while_the_server_starts_ends_it(phase: str, tmp_path: Path) -> None:
    environment = {**os.environ, "OPSCONSOLE_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "opsconsole.settings"}
    command = ["-m", "tests.support.signaled_server", str(some_free_port()), phase]
    with Path(os.devnull).open("r+b") as nothing, (tmp_path / "log").open("wb") as log:
        server = ForkedPython(command, environment, nothing, log, log)
    try:
        # The last resort would need nine seconds.
        assert server.wait(8) == 0, (tmp_path / "log").read_text()
    finally:
        server.kill()


def test_the_second_signal_ends_at_once_and_not_the_first_one_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """``make`` hands a signal on to programs that the terminal has sent it already."""
    now, ended, stopped = [100.0], Mock(), Mock()
    monkeypatch.setattr(serve, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(serve, "os", SimpleNamespace(_exit=ended))
    monkeypatch.setattr(serve, "threading", SimpleNamespace(Timer=Mock()))
    ending = serve.Ending()
    ending.stop = stopped
    ending()
    now[0] += 0.1
    ending()
    assert (stopped.call_count, ended.call_count) == (1, 0)
    serve.threading.Timer.assert_called_once_with(serve.STOP_DEADLINE, ended, [0])  # type: ignore[attr-defined]
    now[0] += 2.0
    ending()
    ended.assert_called_once_with(0)
