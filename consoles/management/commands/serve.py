"""``manage.py serve``: the whole console with one command, as ``make run`` and the container start it."""

from __future__ import annotations

import atexit
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string

from consoles import demo, dispatcher
from consoles.management.database_wait import wait_for_database
from demo.fleet import FleetBusyError, FleetError
from demo.loopback import is_free

if TYPE_CHECKING:
    from argparse import ArgumentParser

#: Seconds after the signal in which an ending server is ended hard; programs on hosts and stored output do not depend
#: on it.
STOP_DEADLINE = 9
#: Seconds in which a second signal is taken for the first one: make hands on what its programs have got already.
REPEATED_WITHIN = 1.0
#: Seconds for a socket to be opened, which on a busy server waits for its turn.
HANDSHAKE_TIMEOUT = 60


class Command(BaseCommand):
    help = "Migrate, make an admin account, start the demo fleet (unless DEMO=0) and serve the console until Ctrl-C."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")

    def handle(self, *args: Any, bind: str, **options: Any) -> None:
        ending = Ending()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ending)
        refuse_busy_port(bind, settings.PORT)
        wait_for_database(lambda sentence: print(sentence, file=sys.stderr, flush=True))
        migrate()
        login = login_line()
        fleet = start_demo() if settings.DEMO else "none (DEMO=0)"
        # WhiteNoise warns of a missing folder, though without collectstatic it needs none.
        Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
        application = import_string(settings.ASGI_APPLICATION)
        banner = "\n".join(
            [
                "",
                f"  Ops Console   http://{shown_host(bind)}:{settings.PORT}/",
                f"  Log in as     {login}",
                f"  Demo fleet    {fleet}",
                f"  Data          {settings.DATA_DIR}",
                "",
                "  Ctrl-C stops everything this started.",
                "",
            ]
        )
        serve(application, bind, settings.PORT, lambda: self._announce(banner), ending)

    def _announce(self, banner: str) -> None:
        self.stdout.write(banner)
        self.stdout.flush()


def refuse_busy_port(bind: str, port: int) -> None:
    """End with a sentence when something else listens there."""
    if not is_free(bind, port):
        sys.exit(f"Port {port} is taken by another program: end it, or choose another port with PORT={port + 1}.")


def migrate() -> None:
    """Bring the database up to date; quick when it is."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


def login_line() -> str:
    """Make the admin account at the first start; says how to log in."""
    existing = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if existing is not None:
        name = existing.username
        return f"{name} (password forgotten? {os.path.relpath(sys.executable)} manage.py changepassword {name})"
    given = settings.OPSCONSOLE_ADMIN_PASSWORD
    password = given or secrets.token_urlsafe(12)
    User.objects.create_superuser(settings.OPSCONSOLE_ADMIN, password=password)
    shown = "from OPSCONSOLE_ADMIN_PASSWORD" if given else f"{password} (shown once)"
    return f"{settings.OPSCONSOLE_ADMIN} with the password {shown}"


def start_demo() -> str:
    """Start the demo fleet and put it into the inventory; says what there is."""
    fleet = demo.make_fleet()
    try:
        fleet.start()
    except FleetBusyError:
        return "run by another console on the same data directory"
    except FleetError as error:
        sys.exit(str(error))
    # At the very end: what runs on the hosts is settled before they go.
    atexit.register(fleet.stop)
    names = demo.load(fleet)
    return f"{', '.join(names)}: SSH hosts on this machine, loopback only"


def shown_host(bind: str) -> str:
    """What to type into a browser for the address we listen on."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(bind, bind)  # noqa: S104 - compared, not bound to


class Ending:
    """What SIGINT and SIGTERM do: the first ends the server properly, though not for ever; the second at once."""

    def __init__(self) -> None:
        self.asked_at: float | None = None
        #: How to end properly. Before the server runs, by leaving; that may come to nothing where libraries call back.
        self.stop: Callable[[], object] = lambda: sys.exit(0)

    def __call__(self, *_: object) -> None:
        if self.asked_at is None:
            self.asked_at = time.monotonic()
            last_resort = threading.Timer(STOP_DEADLINE, os._exit, [0])
            last_resort.daemon = True
            last_resort.start()
            self.stop()
        elif time.monotonic() - self.asked_at > REPEATED_WITHIN:
            os._exit(0)


def serve(application: Any, bind: str, port: int, ready: Callable[[], None], ending: Ending) -> None:
    """Run Daphne in this process until ``ending`` is asked for, and return."""
    # Loading it installs Twisted's reactor, which no other command wants.
    from daphne.server import Server
    from twisted.internet import reactor as installed

    reactor: Any = installed
    connections.close_all()
    server = Server(
        application,
        endpoints=[f"tcp:port={port}:interface={bind.replace(':', chr(92) + ':')}"],
        # Twisted would take the signals over a moment after it was said that Ctrl-C ends this, and ignore one before.
        signal_handlers=False,
        ready_callable=ready,
        verbosity=0,
        server_name="opsconsole",
        # When a thousand pages come back at once, some wait for their turn. One that is dropped comes again; after the
        # second time it would be told 403, which tells clients to stay away.
        websocket_handshake_timeout=HANDSHAKE_TIMEOUT,
        websocket_connect_timeout=5 * HANDSHAKE_TIMEOUT,
    )
    # As Twisted's own handlers do. Before the reactor runs, it is what it does first.
    ending.stop = lambda: reactor.callFromThread(reactor.stop)
    if ending.asked_at is None:
        server.run()
    dispatcher.close()
