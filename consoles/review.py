"""What a run about to be asked for would do: exactly which servers, which program, and what stands in the way."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef

from consoles.forms import MODES, NOTHING_YET
from consoles.models import Run, ScriptVersion, text_sha256
from consoles.presenting import duration_words, fold_names
from consoles.terminal_text import unseen
from servers.models import HostKey

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from consoles.forms import NewRunForm
    from servers.models import Server

#: What the host key of a server says about connecting to it.
KEY_TRUSTED, KEY_MISSING, KEY_CHANGED = "trusted", "missing", "changed"

#: Unseen characters that are named.
_MOST_UNSEEN = 4
#: Names up to here are easier to read one by one.
_FEW = 12


def with_keys(servers: QuerySet[Server]) -> QuerySet[Server]:
    """Annotate what :func:`key_state` needs."""
    keys = HostKey.objects.filter(server=OuterRef("pk"))
    trusted = keys.filter(state=HostKey.State.TRUSTED)
    undecided = keys.filter(state=HostKey.State.PENDING, conflict=True)
    return servers.annotate(key_trusted=Exists(trusted), key_changed=Exists(undecided))


def key_state(row: dict[str, Any]) -> str:
    """Whether a server annotated by :func:`with_keys` can be connected to."""
    if row["key_changed"]:
        return KEY_CHANGED
    return KEY_TRUSTED if row["key_trusted"] else KEY_MISSING


@dataclass(frozen=True)
class Review:
    """What "This will run" says. ``digest`` changes when the servers, the program or the mode do."""

    names: list[str]
    missing_key: list[str]
    changed_key: list[str]
    script: str
    version: ScriptVersion | None
    program: str
    pace: str
    mode: str
    limits: str
    errors: dict[str, list[str]] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether nothing stands in the way of starting."""
        return not self.errors

    @property
    def problems(self) -> list[str]:
        """What stands in the way, without what has only not been filled in yet."""
        told = [sentence for sentences in self.errors.values() for sentence in sentences]
        return [sentence for sentence in told if sentence not in NOTHING_YET.values()]

    @property
    def is_folded(self) -> bool:
        return len(self.names) > _FEW

    @property
    def folded(self) -> list[str]:
        """The names, folded where there are many."""
        return fold_names(self.names) if self.is_folded else self.names

    @property
    def sha256(self) -> str:
        return text_sha256(self.program)

    @property
    def lines(self) -> int:
        return len(self.program.splitlines())

    @property
    def digest(self) -> str:
        told = "\0".join([self.mode, self.script, self.sha256, *self.names])
        return hashlib.sha256(told.encode()).hexdigest()

    @property
    def unseen(self) -> str:
        """A sentence about characters of the program that a reader does not see; "" where there are none."""
        places = [(number, found) for number, line in enumerate(self.program.split("\n"), 1) for found in unseen(line)]
        if not places:
            return ""
        told = ", ".join(f"U+{ord(found):04X} in line {number}" for number, found in places[:_MOST_UNSEEN])
        more = f" and {len(places) - _MOST_UNSEEN:,} more" if len(places) > _MOST_UNSEEN else ""
        return f"The program has characters that cannot be seen or that reorder what is read: {told}{more}."

    @property
    def mode_told(self) -> tuple[str, str]:
        """The mode's name, and a sentence about what becomes of the programs."""
        return MODES[Run.Mode(self.mode)]

    @property
    def frame(self) -> dict[str, Any]:
        """What the page's script needs to start exactly this."""
        return {
            "ready": self.ready,
            "digest": self.digest,
            "servers": self.names,
            "script": self.script,
            "command": "" if self.script else self.program,
            "mode": self.mode,
            "errors": self.errors,
        }


def review(form: NewRunForm) -> Review:
    """The review of a bound form, valid or not: what is right is shown even where something else is wrong."""
    errors = {name: [str(message) for message in messages] for name, messages in form.errors.items()}
    values = form.cleaned_data
    servers = values.get("servers", [])
    script = next((row for row in form.script_rows if row.name == values.get("script")), None)
    version = script.latest if script else None
    if script and version is None:
        errors["script"] = [f"The script {script.name} has no text yet: choose another one or write it first."]
    states = {server.name: key_state(vars(server)) for server in servers}
    return Review(
        names=list(states),
        missing_key=[name for name, state in states.items() if state == KEY_MISSING],
        changed_key=[name for name, state in states.items() if state == KEY_CHANGED],
        script=script.name if script else "",
        version=version,
        program=version.text if version else values.get("command", ""),
        pace=_pace(values, len(servers)),
        mode=values.get("mode", Run.Mode.AUTO),
        limits=_limits(values),
        errors=errors,
    )


def _pace(values: dict[str, Any], count: int) -> str:
    fanout = values.get("fanout")
    if not fanout or count < 2:
        return ""
    return "all at the same time" if count <= fanout else f"{fanout} at a time"


def _limits(values: dict[str, Any]) -> str:
    idle, total = values.get("idle_timeout"), values.get("total_timeout")
    silence = f"prints nothing for {duration_words(idle)}" if idle else ""
    length = f"takes longer than {duration_words(total)}" if total else ""
    reasons = " or ".join(filter(None, [silence, length]))
    return f"Stopped on a server where it {reasons}." if reasons else ""
