"""Runs on real hosts and the page that shows them, for tests of its views."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, WebSocket, expect

from consoles import protocol
from demo.fleet import Fleet
from tests.support.browser import NewPage
from tests.support.server import ServerProcess
from tests.support.viewing import SocketViewer


@dataclass
class Frames:
    """What a page's socket carried: bytes of output by host, other frames as text, and what the page asked for."""

    output: dict[int, int] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def watch(self, socket: WebSocket) -> None:
        """Listen to ``page.on("websocket")``."""
        socket.on("framereceived", self._received)
        socket.on("framesent", self._sent)

    def subscribed(self) -> set[int]:
        """Hosts whose output the page wants now."""
        hosts: set[int] = set()
        for message in self.asked:
            if message["type"] == "subscribe":
                hosts.add(message["host"])
            elif message["type"] == "unsubscribe":
                hosts.discard(message["host"])
        return hosts

    def _received(self, data: str | bytes) -> None:
        if isinstance(data, bytes):
            host = int.from_bytes(data[4:8], "big")
            self.output[host] = self.output.get(host, 0) + len(data) - protocol.HEADER_SIZE
        else:
            self.told.append(data)

    def _sent(self, data: str | bytes) -> None:
        self.asked.append(json.loads(data))


class RunPages:
    """A server with hosts ``web1`` to ``webN``, and Alice, who looks at runs on them."""

    def __init__(self, server: ServerProcess, fleet: Fleet, new_page: NewPage, count: int) -> None:
        self.server = server
        self.alice = server.alice()
        self.names = server.add_fleet(fleet, count, [f"web{number + 1}" for number in range(count)])
        self._new_page = new_page

    def start(self, command: str, count: int = 1, **fields: Any) -> int:
        """Start ``command`` on the first ``count`` hosts; gives back the run's id."""
        with SocketViewer(self.server, self.alice, "/ws/runs/new/") as viewer:
            return viewer.start(self.names[:count], command, **fields)

    def open(self, run: int, place: str = "", script: str = "", **options: Any) -> tuple[Page, Frames]:
        """The run's page at ``place`` (as in ``h=web1``), connected; ``script`` runs before the page's own."""
        page = self._new_page(self.server, self.alice, **options)
        frames = Frames()
        page.on("websocket", frames.watch)
        if script:
            page.add_init_script(script)
        page.goto(f"/runs/{run}/" + (f"#{place}" if place else ""))
        expect(page.locator("[data-bar=connection]")).to_have_attribute("data-kind", "live")
        return page, frames


def expect_over(page: Page, status: str = "succeeded") -> None:
    """Wait until the run has ended with ``status``."""
    expect(page.locator("[data-run=badge]")).to_have_text(status, timeout=30_000)
