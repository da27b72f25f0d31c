"""``manage.py spools``: what detached programs left on servers, and its removal."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consoles.selection import UnknownNames, pick
from consoles.spools import Look, Spool, Wish, look


class Command(BaseCommand):
    help = (
        "List what servers keep of detached programs. The console removes it when all output is stored, and servers "
        "remove what is over after a week; --clean removes at once what no run will come for any more."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--on", required=True, metavar="NAMES", help="Servers, groups or tags, by commas.")
        parser.add_argument("--clean", action="store_true", help="Remove orphans that do not run any more.")
        parser.add_argument("--end", action="store_true", help="With --clean: end orphans that run, then remove them.")
        parser.add_argument(
            "--unknown",
            action="store_true",
            help="With --clean: also those of runs not known here, which may be another console's.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["end"] or options["unknown"]) and not options["clean"]:
            raise CommandError("--end and --unknown go with --clean: they say what to remove.")
        try:
            servers = pick(options["on"])
        except UnknownNames as error:
            raise CommandError(str(error)) from None
        troubled = 0
        for found in look(servers, Wish(options["clean"], options["end"], options["unknown"])):
            troubled += bool(found.trouble)
            self._show(found, options["clean"])
        if troubled:
            raise CommandError(f"{troubled} of {len(servers)} servers could not be looked at: see above.")

    def _show(self, found: Look, clean: bool) -> None:
        for spool in found.spools:
            self.stdout.write(f"{found.server.name}: {_line(spool)}")
        if found.trouble:
            self.stderr.write(f"{found.server.name}: {found.trouble}")
        elif not found.spools:
            self.stdout.write(f"{found.server.name}: nothing")
        if clean and found.spools:
            self.stdout.write(f"{found.server.name}: {found.ended} ended, {found.removed} removed")


def _line(spool: Spool) -> str:
    kept = spool.kept
    state = f"ended with {kept.exit_status}" if kept.state == "ended" else kept.state
    of = f"run #{spool.host_run.run_id} ({spool.host_run.status})" if spool.host_run else "a run not known here"
    age = "today" if not kept.days else f"{kept.days} day{'s' * (kept.days > 1)} old"
    return f"{kept.name} of {of}: {state}, {kept.kib:,} KiB, {age}{', orphan' * spool.is_orphan}"
