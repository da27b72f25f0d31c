"""Rings reach watchers in this process and sockets behind either channel layer, and never hold up who rings."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
import redis.exceptions
from channels.layers import get_channel_layer

from consoles import doorbell
from tests.support.loops import run_apart
from tests.support.redis import RedisServer

IN_MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


def pubsub(url: str) -> dict[str, Any]:
    return {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [url]}}}


class LoopThread:
    """An event loop in a thread of its own, as the server's is to the runner."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="test-loop", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        self.loop.run_forever()
        # Here, as the Redis layer runs a last coroutine on closing, and the browser's loop may run in the main thread.
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, Any], timeout: float = 10) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout)

    def close(self) -> None:
        async def cancel_rest() -> None:
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.run(cancel_rest())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)


@pytest.fixture
def server_loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopThread]:
    """A loop of its own for the test, and no loop known to the doorbell."""
    monkeypatch.setattr(doorbell, "_loop", None)
    running = LoopThread()
    yield running
    running.close()


@pytest.fixture
def stop_sending_loop() -> Iterator[None]:
    """End the loop that the doorbell makes for itself where there is no server."""
    yield
    for thread in threading.enumerate():
        if thread.name == "doorbell" and doorbell._loop is not None:
            doorbell._loop.call_soon_threadsafe(doorbell._loop.stop)
            thread.join(10)


async def join(run_id: int) -> tuple[Any, str]:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(doorbell.group_of(run_id), channel)
    return layer, channel


def test_watchers_hear_their_run_only_and_are_forgotten(settings: Any) -> None:
    settings.CHANNEL_LAYERS = IN_MEMORY
    with doorbell.watch(1) as one, doorbell.watch(1) as another, doorbell.watch(2) as other:
        doorbell.ring(1)
        assert one.is_set() and another.is_set() and not other.is_set()
    doorbell.ring(1)
    assert not doorbell._watchers


def test_ring_between_look_and_wait_is_not_lost(settings: Any) -> None:
    settings.CHANNEL_LAYERS = IN_MEMORY
    with doorbell.watch(1) as rung:
        rung.clear()
        doorbell.ring(1)
        assert rung.wait(0)


def test_ring_from_a_thread_wakes_a_socket_in_memory_at_once(settings: Any, server_loop: LoopThread) -> None:
    settings.CHANNEL_LAYERS = IN_MEMORY
    doorbell.attach(server_loop.loop)
    layer, channel = server_loop.run(join(7))
    took = []
    for _ in range(20):
        received = asyncio.run_coroutine_threadsafe(layer.receive(channel), server_loop.loop)
        began = time.monotonic()
        doorbell.ring(7, [3, 4])
        assert received.result(30) == {"type": "run.changed", "run": 7, "hosts": [3, 4]}
        took.append(time.monotonic() - began)
    # Not each of them: on a busy machine any thread may have to wait for its turn.
    assert statistics.median(took) < 0.5


def test_burst_beyond_the_layers_capacity_neither_raises_nor_waits(settings: Any, server_loop: LoopThread) -> None:
    settings.CHANNEL_LAYERS = IN_MEMORY
    doorbell.attach(server_loop.loop)
    layer, channel = server_loop.run(join(7))
    for number in range(2000):
        doorbell.ring(7, [number])
    assert server_loop.run(layer.receive(channel))["run"] == 7


def test_ring_after_the_server_has_stopped_is_quiet(settings: Any, server_loop: LoopThread) -> None:
    settings.CHANNEL_LAYERS = IN_MEMORY
    ended = asyncio.new_event_loop()
    doorbell.attach(ended)
    ended.close()
    with doorbell.watch(7) as rung:
        doorbell.ring(7)
        assert rung.is_set()


@pytest.mark.usefixtures("stop_sending_loop")
def test_ring_from_a_process_without_a_server_arrives_through_redis(
    settings: Any, server_loop: LoopThread, redis_url: str
) -> None:
    """As the command line rings for sockets of the server's process."""
    settings.CHANNEL_LAYERS = pubsub(redis_url)
    layer, channel = server_loop.run(join(7))
    doorbell.ring(7, [1])
    assert server_loop.run(layer.receive(channel)) == {"type": "run.changed", "run": 7, "hosts": [1]}


@pytest.mark.usefixtures("stop_sending_loop")
def test_ring_while_redis_is_away_is_quiet_and_works_again_afterwards(
    settings: Any, server_loop: LoopThread, redis_server: RedisServer
) -> None:
    settings.CHANNEL_LAYERS = pubsub(redis_server.url)
    layer, channel = server_loop.run(join(7))
    redis_server.stop()
    with doorbell.watch(7) as rung:
        for _ in range(50):
            doorbell.ring(7)
        assert rung.is_set()
    redis_server.start()
    received = asyncio.run_coroutine_threadsafe(layer.receive(channel), server_loop.loop)
    for _ in range(100):
        doorbell.ring(7, [9])
        if _came(received):
            break
    assert received.result(0)["run"] == 7


def _came(received: Any) -> bool:
    try:
        return bool(received.result(0.2))
    except TimeoutError:
        return False


def test_tells_redis_trouble_from_faults_of_our_own() -> None:
    async def read_by_two() -> Exception:
        """As on a connection to a Redis that has just come back: one waits for messages, one subscribes."""
        stream = asyncio.StreamReader()
        waiting = asyncio.ensure_future(stream.readuntil())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError) as raised:
            await stream.readuntil()
        waiting.cancel()
        return raised.value

    assert doorbell.is_away(run_apart(read_by_two()))
    assert doorbell.is_away(redis.exceptions.ConnectionError("Error 111 connecting to Redis."))
    assert not doorbell.is_away(RuntimeError("dictionary changed size during iteration"))
