"""The server of ``manage.py serve``, sent SIGTERM while it starts to run. Arguments: port, and phase of the start."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import django


async def application(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("Nobody asks it for anything.")


def main() -> None:
    django.setup()
    from consoles.management.commands.serve import Ending, serve

    def when_starting() -> None:
        reactor: Any = sys.modules["twisted.internet.reactor"]
        # Twisted reports what such a trigger raises, and goes on.
        reactor.addSystemEventTrigger(sys.argv[2], "startup", os.kill, os.getpid(), signal.SIGTERM)

    ending = Ending()
    signal.signal(signal.SIGTERM, ending)
    serve(application, "127.0.0.1", int(sys.argv[1]), when_starting, ending)


if __name__ == "__main__":
    main()
