"""Acknowledgements, gathered on the event loop until the socket's thread has something to do anyway.

A step from the loop to that thread and back costs ten times what an acknowledgement does, and a wide run has one for
each host. It is worth a step only for a viewer whom the window holds back.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from consoles import protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from consoles.viewer import Viewer

    Receive = Callable[[], Awaitable[Any]]

#: Acknowledgements that may wait; more are taken at once.
MOST_WAITING: Final = 256

#: What the consumer gets when it should take them.
WAITING: Final = {"type": "acks.wait"}


class Acks:
    """Those of one socket. ``viewer`` gives its viewer, or None while it shows no run."""

    def __init__(self, viewer: Callable[[], Viewer | None]) -> None:
        self._viewer = viewer
        self._waiting: deque[protocol.Ack] = deque()

    def gathered_from(self, receive: Receive) -> Receive:
        """``receive`` without acknowledgements, and with ``WAITING`` when those should be taken now."""

        async def receive_other() -> Any:
            while True:
                message = await receive()
                ack = protocol.decode_ack(message.get("text")) if self._viewer() is not None else None
                if ack is None:
                    return message
                self._waiting.append(ack)
                if self.are_wanted or len(self._waiting) >= MOST_WAITING:
                    return WAITING

        return receive_other

    @property
    def are_wanted(self) -> bool:
        """Whether some wait that may let a viewer go on."""
        viewer = self._viewer()
        return bool(self._waiting) and viewer is not None and viewer.has_more

    def take(self) -> Iterator[protocol.Ack]:
        """Those that wait, in the order in which they came. Called in the socket's thread."""
        while self._waiting:
            yield self._waiting.popleft()
