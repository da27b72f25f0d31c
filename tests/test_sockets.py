"""The socket as a client sees it: a real server process, a real client, real hosts."""

from __future__ import annotations

import hashlib
import random
import uuid

import pytest
from websockets.exceptions import InvalidStatus

from consoles import protocol
from demo.fleet import Fleet
from tests.support.redis import RedisServer
from tests.support.server import MakeServer, ServerProcess, SharedConsole
from tests.support.viewing import SocketViewer

NEW = "/ws/runs/new/"


def test_starts_a_run_and_streams_it_to_its_end(console: SharedConsole) -> None:
    names = console.names[:3]
    with SocketViewer(console.server, console.alice, NEW) as viewer:
        viewer.start(names, "echo out; echo err >&2; exit 3", mode="attached")
        hello = viewer.wait_for("hello")
        assert [row["name"] for row in hello["hosts"]] == names
        assert hello["run"]["requester"] == "alice" and hello["may_cancel"]
        viewer.subscribe_all()
        viewer.wait_for_ends()
        viewer.wait_until(lambda: all(row["status"] == "failed" for row in viewer.rows.values()))
    assert [bytes(viewer.streams[host, protocol.STDOUT]) for host in range(3)] == [b"out\n"] * 3
    assert [bytes(viewer.streams[host, protocol.STDERR]) for host in range(3)] == [b"err\n"] * 3
    assert viewer.rows[1]["exit_status"] == 3


def test_socket_cut_fifty_times_misses_and_repeats_nothing(console: SharedConsole) -> None:
    names = console.names[:1]
    chance = random.Random(7)
    with SocketViewer(console.server, console.alice, NEW) as starter:
        run = starter.start(names, "for i in $(seq 40); do seq $i 20000; done")
    log = bytearray()
    for _ in range(50):
        viewer = SocketViewer(console.server, console.alice, f"/ws/runs/{run}/")
        viewer.wait_for("hello")
        viewer.subscribe(0, len(log))
        wanted = chance.randrange(1, 80_000)
        viewer.wait_until(
            lambda: len(viewer.received[0]) >= wanted or any(m["type"] == "end" for m in viewer.messages)  # noqa: B023
        )
        viewer.socket.socket.close()  # no closing handshake: as a cable is pulled
        log += viewer.received[0]
    with SocketViewer(console.server, console.alice, f"/ws/runs/{run}/") as viewer:
        viewer.wait_for("hello")
        viewer.subscribe(0, len(log))
        viewer.wait_for_ends()
        log += viewer.received[0]
    printed = b"".join(b"".join(b"%d\n" % n for n in range(i, 20001)) for i in range(1, 41))
    assert hashlib.sha256(log).hexdigest() == hashlib.sha256(printed).hexdigest()


def test_second_viewer_sees_everything_since_the_start(console: SharedConsole) -> None:
    names = console.names[:1]
    with SocketViewer(console.server, console.alice, NEW) as first:
        run = first.start(names, "echo early; sleep 60")
        first.wait_until(lambda: first.rows and first.rows[0]["last_line"] == "early")
        with SocketViewer(console.server, console.alice, f"/ws/runs/{run}/") as second:
            second.wait_for("hello")
            second.subscribe(0)
            second.wait_until(lambda: second.received[0] == b"early\n")
            second.say("cancel")
            second.wait_for("end")
            second.wait_until(lambda: second.rows[0]["status"] == "canceled")
    assert "Ended after TERM" in second.rows[0]["reason"]


def test_same_key_starts_one_run(console: SharedConsole) -> None:
    names = console.names[:1]
    key = str(uuid.uuid4())
    with (
        SocketViewer(console.server, console.alice, NEW) as one,
        SocketViewer(console.server, console.alice, NEW) as two,
    ):
        for viewer in (one, two):
            viewer.say("start", key=key, servers=names, command="true")
        assert one.wait_for("started")["run"] == two.wait_for("started")["run"]


def test_viewer_that_does_not_acknowledge_gets_one_window_only(console: SharedConsole) -> None:
    names = console.names[:1]
    with SocketViewer(console.server, console.alice, NEW) as viewer:
        viewer.acknowledges = False
        viewer.start(names, "head -c 5000000 /dev/zero")
        viewer.wait_for("hello")
        viewer.subscribe(0)
        viewer.wait_until(lambda: viewer.rows[0]["status"] == "succeeded")
        viewer.say("ping", t=1)
        viewer.wait_for("pong")
        assert len(viewer.received[0]) == protocol.WINDOW
        viewer.acknowledges = True
        viewer.say("ack", host=0, offset=protocol.WINDOW)
        viewer.wait_for("end")
    assert len(viewer.received[0]) == 5_000_000


def test_viewer_far_behind_skips_to_the_tail_and_is_told(console: SharedConsole) -> None:
    names = console.names[:1]
    with SocketViewer(console.server, console.alice, NEW) as viewer:
        run = viewer.start(names, "head -c 5000000 /dev/zero")
        viewer.wait_until(lambda: viewer.rows and viewer.rows[0]["status"] == "succeeded")
    with SocketViewer(console.server, console.alice, f"/ws/runs/{run}/") as viewer:
        viewer.wait_for("hello")
        viewer.subscribe(0, max_behind=1_000_000)
        gap = viewer.wait_for("gap")
        assert gap == {"type": "gap", "host": 0, "from": 0, "to": 4_500_000}
        viewer.starts[0] = gap["to"]
        viewer.wait_for("end")
    assert len(viewer.received[0]) == 500_000


@pytest.mark.parametrize(
    "frame",
    ["", "nonsense", "[]", '{"type": "shout"}', '{"type": ["ack"]}', '{"type": "ack", "host": -1, "offset": 1}',
     '{"type": "subscribe", "host": 77}', '{"type": "subscribe", "host": 0, "from": 99999999}',
     '{"type": "ack", "host": true}', '{"type": "start", "servers": "web1"}', "[" * 100_000, b"\x00\x01"],
)  # fmt: skip
def test_malformed_frame_gets_a_sentence_and_the_socket_lives(console: SharedConsole, frame: str | bytes) -> None:
    names = console.names[:1]
    with SocketViewer(console.server, console.alice, NEW) as viewer:
        viewer.start(names, "true")
        viewer.wait_for("hello")
        viewer.socket.send(frame)
        error = viewer.wait_for("error")
        assert error["code"] and error["message"].endswith(".")
        viewer.say("ping", t=2)
        viewer.wait_for("pong")


def test_too_many_malformed_frames_close_the_socket(console: SharedConsole) -> None:
    with SocketViewer(console.server, console.alice, NEW) as viewer:
        for _ in range(20):
            viewer.socket.send("nonsense")
        assert viewer.close_code() == protocol.CLOSE_TOO_MANY_ERRORS


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "https://127.0.0.1:{port}", "http://127.0.0.1:1"]
)
def test_other_sites_cannot_open_a_socket(console: SharedConsole, origin: str | None) -> None:
    shown = origin.format(port=console.server.port) if origin else None
    with pytest.raises(InvalidStatus):
        SocketViewer(console.server, console.alice, NEW, origin=shown)


def test_without_login_the_socket_closes_with_4401(console: SharedConsole) -> None:
    with SocketViewer(console.server, None, "/ws/runs/1/") as viewer:
        assert viewer.close_code() == protocol.CLOSE_LOGIN


def test_runs_of_others_are_not_there(console: SharedConsole) -> None:
    names = console.names[:1]
    with SocketViewer(console.server, console.alice, NEW) as viewer:
        run = viewer.start(names, "true")
    bob = console.server.person("bob")
    with SocketViewer(console.server, bob, f"/ws/runs/{run}/") as viewer:
        assert viewer.close_code() == protocol.CLOSE_NOT_FOUND
    with SocketViewer(console.server, bob, NEW) as viewer:
        assert viewer.close_code() == protocol.CLOSE_FORBIDDEN


def test_refused_start_names_what_is_wrong(console: SharedConsole) -> None:
    with SocketViewer(console.server, console.alice, NEW) as viewer:
        viewer.say("start", key=str(uuid.uuid4()), servers=["nope", "nada"], command="", mode="x")
        error = viewer.wait_for("error", code="refused")
        assert "nope" in error["message"] and "nada" in error["message"]
        assert set(error["fields"]) == {"servers", "program", "mode"}


@pytest.mark.parametrize("layer", ["memory", "redis"])
def test_both_channel_layers_carry_news_at_once(
    make_server: MakeServer, fleet: Fleet, layer: str, request: pytest.FixtureRequest
) -> None:
    environment = {"REDIS_URL": request.getfixturevalue("redis_url")} if layer == "redis" else {}
    # Viewers do not look by themselves here: what they hear, they hear through the layer.
    server = make_server(OPSCONSOLE_LOOK_EVERY="3600", **environment)
    alice, names = server.alice(), server.add_fleet(fleet, 1)
    with SocketViewer(server, alice, NEW) as viewer:
        run = viewer.start(names, "echo ready; sleep 30")
        viewer.wait_for("hello")
        viewer.subscribe(0)
        viewer.wait_until(lambda: viewer.received[0] == b"ready\n")
        with SocketViewer(server, alice, f"/ws/runs/{run}/") as second:
            second.wait_for("hello")
            second.say("cancel", host=0)
        viewer.wait_until(lambda: viewer.rows[0]["status"] == "canceled")


def test_viewer_in_another_process_follows_through_redis(make_server: MakeServer, fleet: Fleet, redis_url: str) -> None:
    executing = make_server(REDIS_URL=redis_url)
    watching = make_server(REDIS_URL=redis_url, **executing.shared)
    alice, names = executing.alice(), executing.add_fleet(fleet, 2)
    with SocketViewer(executing, alice, NEW) as starter:
        run = starter.start(names, "seq 1 200000")
        with SocketViewer(watching, alice, f"/ws/runs/{run}/") as viewer:
            viewer.wait_for("hello")
            viewer.subscribe_all()
            viewer.wait_for_ends()
    assert bytes(viewer.received[1]) == b"".join(b"%d\n" % number for number in range(1, 200_001))


def test_logging_out_closes_the_socket(live_server_process: ServerProcess, fleet: Fleet) -> None:
    names, alice = live_server_process.add_fleet(fleet, 1), live_server_process.alice()
    with SocketViewer(live_server_process, alice, NEW) as viewer:
        viewer.start(names, "true")
        viewer.wait_for("hello")
        live_server_process.ask("end_sessions", name="alice")
        viewer.say("cancel")
        assert viewer.close_code() == protocol.CLOSE_LOGIN


def test_client_that_subscribes_again_and_again_without_reading_gets_eight_windows(console: SharedConsole) -> None:
    with SocketViewer(console.server, console.alice, NEW) as viewer:
        run = viewer.start(console.names[:1], "head -c 12000000 /dev/zero")
        viewer.wait_until(lambda: viewer.rows and viewer.rows[0]["status"] == "succeeded")
    with SocketViewer(console.server, console.alice, f"/ws/runs/{run}/") as viewer:
        viewer.acknowledges = False
        viewer.wait_for("hello")
        sent = 0
        for number in range(12):
            viewer.received[0].clear()
            viewer.starts[0] = 0
            viewer.say("subscribe", host=0, **{"from": 0})
            viewer.say("ping", t=number)
            viewer.wait_for("pong", t=number)
            sent += len(viewer.received[0])
        assert sent == 8 * protocol.WINDOW
        viewer.acknowledges = True
        viewer.say("ack", host=0, offset=protocol.WINDOW)
        viewer.wait_until(lambda: len(viewer.received[0]) == 12_000_000)


def test_unknown_socket_address_closes_with_4404(console: SharedConsole) -> None:
    for path in ("/ws/", "/ws/runs/" + "9" * 5000 + "/", "/ws/runs/" + "9" * 40 + "/"):
        with SocketViewer(console.server, console.alice, path) as viewer:
            assert viewer.close_code() == protocol.CLOSE_NOT_FOUND


def test_socket_that_cannot_be_rung_is_refused_until_redis_is_back(
    make_server: MakeServer, redis_server: RedisServer
) -> None:
    server = make_server(REDIS_URL=redis_server.url)
    alice = server.alice()
    redis_server.stop()
    for subprotocols in ([protocol.SUBPROTOCOL], None):
        with SocketViewer(server, alice, NEW, subprotocols=subprotocols) as viewer:
            assert viewer.close_code() == protocol.CLOSE_LATER
    redis_server.start()
    with SocketViewer(server, alice, NEW) as viewer:
        viewer.say("ping")
        viewer.wait_for("pong")
    assert "A socket could not be opened" in server.log() and "Traceback" not in server.log()
