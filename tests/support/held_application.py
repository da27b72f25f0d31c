"""An ASGI application whose requests never end; it writes files of what happens to it into ``HELD_FOLDER``."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async

from opsconsole.stopping import EndsWithItsLoop

FOLDER = Path(os.environ["HELD_FOLDER"])


def _hold() -> None:
    (FOLDER / "held").touch()
    threading.Event().wait()


async def _application(scope: Any, receive: Any, send: Any) -> None:
    # As Django handles a request; it leaves the context only when the thread has ended.
    async with ThreadSensitiveContext():
        await sync_to_async(_hold)()


application = EndsWithItsLoop(_application, (FOLDER / "stopped").touch)
