"""``manage.py load_demo``: the demo fleet beside a console that runs already."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand

from consoles import demo


class Command(BaseCommand):
    help = "Run the demo fleet and put it into the inventory, until Ctrl-C. `serve` does the same by itself."

    def handle(self, *args: Any, **options: Any) -> None:
        with demo.make_fleet() as fleet:
            names = demo.load(fleet)
            self.stdout.write(f"The demo fleet is running: {', '.join(names)}. Ctrl-C ends it.")
            # Blocked first, so that a signal which comes before we wait for it is not lost.
            endings = {signal.SIGINT, signal.SIGTERM}
            signal.pthread_sigmask(signal.SIG_BLOCK, endings)
            signal.sigwait(endings)
