"""Console processes that end in the middle of a run: detached programs go on, and the next process with them."""

from __future__ import annotations

import hashlib
import signal
from pathlib import Path

import pytest

from demo.fleet import Fleet
from tests.support.server import MakeServer
from tests.support.viewing import SocketViewer

NEW = "/ws/runs/new/"


KILLED = pytest.param(signal.SIGKILL, marks=pytest.mark.databases, id="killed")


@pytest.mark.parametrize("number", [KILLED, pytest.param(signal.SIGTERM, id="terminated")])
def test_run_goes_on_when_the_server_ends_in_the_middle(
    make_server: MakeServer, fleet: Fleet, tmp_path: Path, number: signal.Signals
) -> None:
    server = make_server()
    names, alice = server.add_fleet(fleet, 4), server.alice()
    text = (
        f"echo x >>{tmp_path}/starts; seq 1 20000; echo up; "
        f"until [ -e {tmp_path}/go ]; do sleep 0.1; done; seq 20001 40000; exit 7"
    )
    viewer = SocketViewer(server, alice, NEW)
    run = viewer.start(names, text, fanout=2)
    viewer.wait_for("hello")
    viewer.subscribe_all()
    viewer.wait_until(lambda: [viewer.rows[index]["last_line"] for index in (0, 1)] == ["up", "up"])
    server.stop(number)
    (tmp_path / "go").touch()
    server.start()
    with SocketViewer(server, alice, f"/ws/runs/{run}/") as again:
        again.wait_for("hello")
        again.subscribe_all()
        again.wait_for_ends()
        printed = (
            b"".join(b"%d\n" % n for n in range(1, 20001))
            + b"up\n"
            + b"".join(b"%d\n" % n for n in range(20001, 40001))
        )
        assert [bytes(again.received[index]) for index in range(4)] == [printed] * 4
        assert [(again.rows[index]["status"], again.rows[index]["exit_status"]) for index in range(4)] == [
            ("failed", 7)
        ] * 4
    for index in range(4):
        assert server.ask("output_sha256", run=run, index=index) == hashlib.sha256(printed).hexdigest()
    assert (tmp_path / "starts").read_text() == "x\n" * 4


def test_cancel_that_was_begun_is_no_failure_after_a_crash(
    make_server: MakeServer, fleet: Fleet, tmp_path: Path
) -> None:
    """The server dies between TERM and the end; what its last process prints belongs to it."""
    server = make_server(OPSCONSOLE_KILL_GRACE="30")
    names, alice = server.add_fleet(fleet, 1), server.alice()
    wait = f"trap : TERM; until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo done"
    text = f"trap 'echo cleaning; ({wait}) & exit 9' TERM\necho up; while :; do sleep 0.05; done"
    with SocketViewer(server, alice, NEW) as viewer:
        run = viewer.start(names, text)
        viewer.wait_for("hello")
        viewer.wait_until(lambda: viewer.rows[0]["last_line"] == "up")
        viewer.say("cancel")
        viewer.wait_until(lambda: viewer.rows[0]["last_line"] == "cleaning")
        server.kill()
    server.start()
    (tmp_path / "go").touch()
    with SocketViewer(server, alice, f"/ws/runs/{run}/") as again:
        again.wait_for("hello")
        again.subscribe_all()
        again.wait_for_ends()
        assert (again.rows[0]["status"], again.rows[0]["exit_status"]) == ("canceled", 9)
        assert bytes(again.received[0]).endswith(b"cleaning\ndone\n")
