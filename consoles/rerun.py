"""Running again: what of an earlier run the new-run form is filled with, and what of it no longer holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from consoles import access
from consoles.forms import COMMAND, SCRIPT
from consoles.presenting import fold_names
from consoles.protocol import MAX_SERVERS
from consoles.ranges import as_ranges, parse_ranges
from consoles.selection import UnknownNames, resolve
from consoles.statuses import ACTIVE, FINAL, UNSUCCESSFUL, Status

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from consoles.models import Run

#: Which servers of the earlier run are meant by ``?only=``. Those that are still at work are never taken.
ONLY = {
    "unfinished": FINAL - {Status.SUCCEEDED, Status.FAILED},
    "failed": UNSUCCESSFUL,
}


@dataclass
class Prefill:
    """Initial values of the form, and sentences about what could not be taken over."""

    initial: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def prefill_from(run: Run, only: str, user: User, hosts: str = "") -> Prefill:
    """The form for running ``run`` again: on all its servers, on those ``only`` says, ``hosts`` names, or both.

    ``hosts`` are indexes in ``run`` such as ``0-5,7``. Where they cannot be read nothing is picked: to run on all
    servers instead would be the last thing that was wanted.
    """
    prefill = Prefill({"rerun": run.pk})
    for column in ("mode", "fanout", "connect_timeout", "idle_timeout", "total_timeout"):
        prefill.initial[column] = getattr(run, column)
    _take_servers(prefill, run, only, user, hosts)
    _take_program(prefill, run, user)
    _take_title(prefill, run)
    return prefill


def _take_servers(prefill: Prefill, run: Run, only: str, user: User, hosts: str) -> None:
    chosen = _chosen(prefill, run, hosts)
    wanted = [name for name, status in chosen if only not in ONLY or status in ONLY[only]]
    active = sum(status in ACTIVE for _, status in chosen)
    if only in ONLY and active:
        prefill.notes.append(f"Run #{run.pk} is still at work on {active} of its servers: they are left out here.")
    gone = _gone(wanted, user)
    prefill.initial["names"] = "\n".join(name for name in wanted if name not in gone)
    if gone:
        told = ", ".join(fold_names(gone))
        prefill.notes.append(f"Left out, because they no longer exist or are not enabled: {told}.")
    if chosen and not wanted:
        prefill.notes.append(f"Run #{run.pk} has no {only} servers to run on again.")


def _chosen(prefill: Prefill, run: Run, hosts: str) -> list[tuple[str, str]]:
    """Name and status of the run's servers that are meant, in its order."""
    rows = list(run.host_runs.order_by("index").values_list("index", "server_name", "status"))
    if not hosts:
        return [(name, status) for _, name, status in rows]
    try:
        wanted = parse_ranges(hosts, MAX_SERVERS)
    except ValueError:
        prefill.notes.append(
            f"Which servers of run #{run.pk} were meant cannot be read from the address: choose them on its page again."
        )
        return []
    if strangers := wanted - {index for index, _, _ in rows}:
        prefill.notes.append(f"Run #{run.pk} has no servers with the index {as_ranges(strangers)}: choose others.")
    return [(name, status) for index, name, status in rows if index in wanted]


def _gone(names: list[str], user: User) -> set[str]:
    try:
        resolve(access.servers_for(user), names=names)
    except UnknownNames as unknown:
        return set(unknown.names)
    return set()


def _take_program(prefill: Prefill, run: Run, user: User) -> None:
    version = run.script_version
    if version is None:
        prefill.initial |= {"source": COMMAND, "command": run.program}
        return
    script = version.script
    if not access.scripts_for(user).filter(pk=script.pk).exists():
        prefill.initial |= {"source": COMMAND, "command": run.program}
        prefill.notes.append(f"The script {script.name} cannot be picked any more: its text as it ran stands below.")
        return
    prefill.initial |= {"source": SCRIPT, "script": script.name}
    latest = script.latest
    if latest and latest.pk != version.pk:
        prefill.notes.append(
            f"{script.name} has changed: run #{run.pk} ran version {version.number}, this one will run version"
            f" {latest.number}."
        )


def _take_title(prefill: Prefill, run: Run) -> None:
    """Only a title that somebody chose: the console's own would be wrong as soon as the program is changed."""
    script = run.script_version.script.name if run.script_version else ""
    if run.title != script and not " ".join(run.program.split()).startswith(run.title):
        prefill.initial["title"] = run.title
