"""A server that is asked to end, though something in it does not."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from django.conf import settings

from consoles import dispatcher, lease
from consoles.statuses import Status
from demo.loopback import some_free_port
from tests.support.engine import Engine
from tests.support.forking import ForkedPython


def test_ends_in_time_though_a_request_does_not(tmp_path: Path) -> None:
    port = some_free_port()
    command = ["-m", "daphne", "-v", "0", "-p", str(port), "tests.support.held_application:application"]
    with Path(os.devnull).open("r+b") as nothing:
        server = ForkedPython(command, {**os.environ, "HELD_FOLDER": str(tmp_path)}, nothing, nothing, nothing)
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "held").exists():
            assert time.monotonic() < deadline
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                time.sleep(0.02)
        server.send_signal(signal.SIGTERM)
        assert server.wait(9.5) == 0
    finally:
        server.kill()
    assert (tmp_path / "stopped").exists()


@pytest.mark.django_db(transaction=True)
def test_a_run_asked_for_while_the_process_ends_is_started_by_the_next(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dispatcher, "_closed", False)
    monkeypatch.setattr(dispatcher, "_last", None)
    servers = engine.servers(1)
    dispatcher.start()
    owner = dispatcher.owner()
    dispatcher.close()
    # Until it has ended, something of it may still write: that it is dead, its end says.
    lease.forget_dead_owners()
    assert not lease.is_dead(owner) and (Path(settings.OPSCONSOLE_OWNER_DIR) / owner).exists()
    run = engine.start(servers, f"echo >> {tmp_path}/starts")
    waiting = run.host_runs.get()
    assert (waiting.status, waiting.owner, waiting.lease_until) == (Status.QUEUED, "", None)
    # The next process knows nothing of that.
    monkeypatch.setattr(dispatcher, "_closed", False)
    dispatcher.start()
    (row,) = engine.wait_for_end(run)
    assert row.status == Status.SUCCEEDED
    assert (tmp_path / "starts").read_text() == "\n"
