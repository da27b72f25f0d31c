"""``manage.py run``: the same action and engine as the page, from a shell and without a running server."""

from __future__ import annotations

import getpass
import signal
import sys
import threading
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from consoles import actions, dispatcher
from consoles.following import follow
from consoles.models import Run
from consoles.printing import JsonPrinter, TextPrinter
from consoles.selection import UnknownNames, pick
from consoles.statuses import Status


class Command(BaseCommand):
    help = (
        "Run a command or a saved script on servers and print 'server: line' as it arrives. "
        "Exit status: 0 when every server succeeded, 1 when one did not, 2 when nothing was started, 130 after Ctrl-C."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("program", nargs="?", default="", metavar="COMMAND", help="What to run, in quotes.")
        parser.add_argument("--script", default="", metavar="NAME", help="A saved script instead of a command.")
        parser.add_argument("--on", required=True, metavar="NAMES", help="Servers, groups or tags, by commas.")
        parser.add_argument("--fanout", type=int, metavar="N", help="Servers at the same time (64).")
        parser.add_argument("--timeout", type=int, metavar="S", help="Seconds from start to end, per server (7200).")
        parser.add_argument("--idle-timeout", type=int, metavar="S", help="Seconds without output (900).")
        parser.add_argument("--connect-timeout", type=int, metavar="S", help="Seconds to reach a server (10).")
        modes = parser.add_mutually_exclusive_group()
        modes.add_argument(
            "--detached", dest="mode", action="store_const", const=Run.Mode.DETACHED, default=Run.Mode.AUTO,
            help="Only start where programs go on without the connection (default: do so where the server can).",
        )  # fmt: skip
        modes.add_argument(
            "--attached", dest="mode", action="store_const", const=Run.Mode.ATTACHED,
            help="End the programs with the connection.",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="Print one JSON object a line, the result last.")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = getpass.getuser()
        try:
            run = actions.request_run(_request(options), None, actor)
        except (actions.RequestError, UnknownNames) as error:
            raise CommandError(str(error), returncode=2) from None
        printer = JsonPrinter(run) if options["json"] else TextPrinter(run)
        interrupted = _cancel_on_interrupt(run, actor, printer)
        for found in follow(run):
            printer.show(found)
        printer.finish()
        dispatcher.stop()
        if run.status is not Status.SUCCEEDED:
            sys.exit(130 if interrupted.is_set() else 1)


def _cancel_on_interrupt(run: Run, actor: str, printer: TextPrinter) -> threading.Event:
    """The first Ctrl-C cancels the run, which is then followed to its end; a second one leaves at once."""
    interrupted = threading.Event()

    def interrupt(number: int, frame: object) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()
        printer.note(f"Canceling run #{run.pk}; press Ctrl-C again to leave without waiting.")
        # In a thread: this handler may have interrupted the main thread in the middle of a query.
        threading.Thread(target=_cancel, args=(run, actor)).start()

    signal.signal(signal.SIGINT, interrupt)
    return interrupted


def _cancel(run: Run, actor: str) -> None:
    actions.cancel_run(run, None, actor)
    connection.close()


def _request(options: dict[str, Any]) -> actions.Request:
    return actions.Request(
        key=str(uuid.uuid4()),
        servers=tuple(server.name for server in pick(options["on"])),
        command=options["program"],
        script=options["script"],
        fanout=options["fanout"],
        connect_timeout=options["connect_timeout"],
        idle_timeout=options["idle_timeout"],
        total_timeout=options["timeout"],
        mode=options["mode"],
        via=Run.Via.COMMAND_LINE,
    )
