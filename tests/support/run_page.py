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


class RunViewer:
    """Alice, who looks at runs of a server."""

    def __init__(self, server: ServerProcess, new_page: NewPage) -> None:
        self.server = server
        self.alice = server.alice()
        self.new_page = new_page

    def show(
        self,
        run: int,
        where: str = "",
        script: str = "",
        frames: Frames | None = None,
        who: dict[str, str] | None = None,
        **options: Any,
    ) -> Page:
        """The run's page at ``where`` (as in ``#h=web1``), connected; ``script`` runs before the page's own."""
        page = self.new_page(self.server, who or self.alice, **options)
        if frames:
            page.on("websocket", frames.watch)
        if script:
            page.add_init_script(script)
        page.goto(f"/runs/{run}/{where}")
        expect(page.locator("[data-bar=connection]")).to_have_attribute("data-kind", "live")
        return page


class StoredRuns(RunViewer):
    """Runs that no host executed, looked at in one view (as in ``#view=grouped``)."""

    def __init__(self, server: ServerProcess, new_page: NewPage, view: str) -> None:
        super().__init__(server, new_page)
        self._view = view

    def add(self, kinds: list[Any], program: str = "update") -> int:
        """A run whose hosts printed this; see :func:`tests.support.seed.add_alike_run`."""
        return int(self.server.ask("add_alike_run", requester="alice", kinds=kinds, program=program))

    def open(self, run: int, where: str | None = None, **options: Any) -> Page:
        """The run's page, in the view unless ``where`` says otherwise."""
        return self.show(run, self._view if where is None else where, **options)


class HostRuns(RunViewer):
    """Runs on hosts of a fleet, called ``names``."""

    def __init__(self, server: ServerProcess, fleet: Fleet, new_page: NewPage, names: list[str]) -> None:
        super().__init__(server, new_page)
        self.names = server.add_fleet(fleet, len(names), names)

    def start(self, command: str, count: int = 1, **fields: Any) -> int:
        """Start ``command`` on the first ``count`` hosts; gives back the run's id."""
        with SocketViewer(self.server, self.alice, "/ws/runs/new/") as viewer:
            return viewer.start(self.names[:count], command, **fields)

    def finish(self, command: str, count: int = 1, **fields: Any) -> int:
        """The same, and wait for the run's end."""
        with SocketViewer(self.server, self.alice, "/ws/runs/new/") as viewer:
            run = viewer.start(self.names[:count], command, **fields)
            viewer.wait_until(viewer.is_over, what="The end of the run")
        return run


class RunPages(HostRuns):
    """Runs on hosts ``web1`` to ``webN``, and what their pages' sockets carry."""

    def __init__(self, server: ServerProcess, fleet: Fleet, new_page: NewPage, count: int) -> None:
        super().__init__(server, fleet, new_page, [f"web{number + 1}" for number in range(count)])

    def open(self, run: int, place: str = "", **options: Any) -> tuple[Page, Frames]:
        """The run's page at ``place`` (as in ``h=web1``), connected, and what its socket carries."""
        frames = Frames()
        return self.show(run, f"#{place}" if place else "", frames=frames, **options), frames


def expect_over(page: Page, status: str = "succeeded") -> None:
    """Wait until the run has ended with ``status``."""
    expect(page.locator("[data-run=badge]")).to_have_text(status, timeout=30_000)
