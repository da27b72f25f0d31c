"""What changes runs: one function per act, each one transaction with its audit row, handed over after commit."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from consoles import access, dispatcher, doorbell
from consoles.enlisting import enlist
from consoles.models import (
    DEFAULTS,
    AuditEntry,
    HostRun,
    Run,
    RunNote,
    Script,
    ScriptVersion,
    storable,
    text_sha256,
    unix_lines,
)
from consoles.note_text import MAX_NOTE, clean
from consoles.selection import UnknownNames, resolve
from consoles.statuses import ACTIVE, Status
from consoles.terminal_text import one_line
from servers.models import Server

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.auth.models import User

#: Most servers of one run, and most characters of one program.
MAX_SERVERS = 10_000
MAX_PROGRAM = 1_000_000
#: Most notes of one run, and of one author within ten seconds.
MAX_NOTES = 1_000
MAX_NOTES_AT_ONCE = 10
#: Most characters of a note before it is cleaned; a text full of blanks and controls is not worth the work.
MAX_RAW_NOTE = 10 * MAX_NOTE


class RequestError(Exception):
    """A run cannot be started as asked. ``messages`` has the sentences by field."""

    def __init__(self, messages: dict[str, list[str]]) -> None:
        super().__init__(" ".join(sentence for sentences in messages.values() for sentence in sentences))
        self.messages = messages


class NoteError(Exception):
    """A note cannot be written. The message says why; ``later`` whether the same note may go through in a while."""

    def __init__(self, message: str, later: bool = False) -> None:
        super().__init__(message)
        self.later = later


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for: servers by name, and a command or a script's name. ``key`` is a UUID they chose."""

    key: str
    servers: tuple[str, ...]
    command: str = ""
    script: str = ""
    title: str = ""
    fanout: int | None = None
    connect_timeout: int | None = None
    idle_timeout: int | None = None
    total_timeout: int | None = None
    mode: str = Run.Mode.AUTO
    via: str = Run.Via.PAGE
    rerun_of: Run | None = None


def request_run(request: Request, requester: User | None, requester_name: str = "") -> Run:
    """Create the run and hand it over for execution; asking again with the same key gives back the first run.

    ``requester`` None means the command line, which may do everything. Raises :class:`RequestError`.
    """
    key = _key(request.key)
    if earlier := _earlier(key, requester):
        return earlier
    name = requester.get_username() if requester else requester_name
    run, servers = _checked(request, key, requester, name)
    try:
        with transaction.atomic():
            _create(run, servers)
            transaction.on_commit(lambda: dispatcher.submit(run.pk))
    except IntegrityError:
        # The second half of a double click lost the race for the key.
        if earlier := _earlier(key, requester):
            return earlier
        raise
    return run


def cancel_run(run: Run, requester: User | None, name: str = "") -> int:
    """Cancel everything of a run that is not over. Returns how many HostRuns that concerns."""
    actor = requester.get_username() if requester else name
    with transaction.atomic():
        count = _cancel(run.host_runs.all())
        Run.objects.filter(pk=run.pk, cancel_requested__isnull=True).update(
            cancel_requested=timezone.now(), canceled_by=actor
        )
        _audit(AuditEntry.Act.RUN_CANCELED, run, requester, actor, f"{_servers_text(count)} not over")
        transaction.on_commit(lambda: _after_cancel(run))
    return count


def cancel_host_run(host_run: HostRun, requester: User | None, name: str = "") -> bool:
    """Cancel one server of a run. Returns False when it was already over."""
    actor = requester.get_username() if requester else name
    with transaction.atomic():
        count = _cancel(HostRun.objects.filter(pk=host_run.pk))
        _audit(AuditEntry.Act.HOST_CANCELED, host_run.run, requester, actor, host_run.server_name)
        transaction.on_commit(lambda: _after_cancel(host_run.run))
    return count > 0


def add_note(run: Run, author: User, key: str, text: str) -> RunNote:
    """Write ``text`` into the run for everybody who looks at it; the same key again gives back the first note.

    Whether ``author`` may, :func:`consoles.access.can_note` has said. Raises :class:`NoteError`.
    """
    if len(text) > MAX_RAW_NOTE:
        raise NoteError(_too_long(len(text)))
    wanted = RunNote(key=_note_key(key), run=run, author=author, author_name=author.get_username(), text=clean(text))
    if earlier := _earlier_note(wanted):
        return earlier
    # Before the transaction as well: who writes far too much must not hold up everybody's output for being refused.
    _check_note(wanted)
    try:
        with transaction.atomic():
            _check_note(wanted)
            wanted.save(force_insert=True)
            # Without its text: who may read the audit may not, for that, read every run's notes.
            _audit(AuditEntry.Act.NOTE_WRITTEN, run, author, author.get_username(), f"note {wanted.pk}")
            transaction.on_commit(lambda: doorbell.ring(run.pk, notes=True))
    except IntegrityError:
        # Said twice at the same time: the other one won.
        if earlier := _earlier_note(wanted):
            return earlier
        raise
    return wanted


def note_download(run: Run, requester: User, what: str) -> None:
    """Remember that somebody downloaded output."""
    _audit(AuditEntry.Act.OUTPUT_DOWNLOADED, run, requester, requester.get_username(), what)


def _cancel(host_runs: Iterable[HostRun]) -> int:
    rows = HostRun.objects.filter(pk__in=host_runs.values("pk"))  # type: ignore[attr-defined]
    now = timezone.now()
    never_started = rows.filter(status=Status.QUEUED).update(
        status=Status.CANCELED, finished=now, cancel_requested=now, reason="Canceled before it was started."
    )
    # The owner ends the program and says what it saw; only it may write the outcome.
    asked = rows.filter(status__in=ACTIVE, cancel_requested__isnull=True).update(cancel_requested=now)
    return never_started + asked


def _after_cancel(run: Run) -> None:
    dispatcher.nudge()
    doorbell.ring(run.pk)


def _key(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise RequestError({"key": ["The request needs a key: a UUID that is new for each run."]}) from None


def _earlier(key: uuid.UUID, requester: User | None) -> Run | None:
    run = Run.objects.filter(key=key).first()
    if run and requester and run.requester_id != requester.pk:
        raise RequestError({"key": ["This key was used for another run: reload the page and start again."]})
    return run


def _note_key(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NoteError("A note needs a key: a UUID that is new for each note.") from None


def _earlier_note(wanted: RunNote) -> RunNote | None:
    note = RunNote.objects.filter(key=wanted.key).first()
    if note and (note.run_id, note.author_id) != (wanted.run_id, wanted.author_id):
        raise NoteError("This key was used for another note: write it again.")
    return note


def _check_note(note: RunNote) -> None:
    if not note.text:
        raise NoteError("A note needs text: write what the others should know.")
    if len(note.text) > MAX_NOTE:
        raise NoteError(_too_long(len(note.text)))
    recent = RunNote.objects.filter(author=note.author, created__gt=timezone.now() - timedelta(seconds=10))
    if recent.count() >= MAX_NOTES_AT_ONCE:
        raise NoteError(f"You wrote {MAX_NOTES_AT_ONCE} notes within 10 seconds: wait a moment.", later=True)
    if RunNote.objects.filter(run=note.run_id).count() >= MAX_NOTES:
        raise NoteError(f"This run has {MAX_NOTES:,} notes, the most it can have: write elsewhere.")


def _too_long(length: int) -> str:
    return f"A note has at most {MAX_NOTE:,} characters, and this one {length:,}: shorten it."


def _checked(request: Request, key: uuid.UUID, requester: User | None, name: str) -> tuple[Run, list[Server]]:
    messages: dict[str, list[str]] = {}
    if requester and not access.can_start(requester):
        raise RequestError({"access": ["You may not start runs: ask an administrator for the right to."]})
    version, program = _program(request, requester, messages)
    servers = _servers(request, requester, messages)
    settings_given = {name: getattr(request, name) for name in DEFAULTS if getattr(request, name) is not None}
    run = Run(
        key=key,
        requester=requester,
        requester_name=name,
        via=request.via,
        title=_title(request, program),
        script_version=version,
        program=program,
        program_sha256=text_sha256(program),
        mode=request.mode,
        output_limit=settings.OPSCONSOLE_OUTPUT_LIMIT,
        rerun_of=request.rerun_of,
        **settings_given,
    )
    _check_mode(run, messages)
    _check_numbers(run, messages)
    if messages:
        raise RequestError(messages)
    return run, servers


def _program(
    request: Request, requester: User | None, messages: dict[str, list[str]]
) -> tuple[ScriptVersion | None, str]:
    if bool(request.script) == bool(request.command.strip()):
        messages["program"] = ["Pick a script or type a command, one of the two."]
        return None, ""
    if request.script:
        return _script(request.script, requester, messages)
    program = unix_lines(request.command)
    if "\0" in program or len(program) > MAX_PROGRAM or not _is_text(program):
        messages["program"] = [f"A command is text of at most {MAX_PROGRAM:,} characters, without NUL characters."]
        return None, ""
    return None, program


def _is_text(program: str) -> bool:
    """Whether it can be written as UTF-8; JSON can carry half characters (lone surrogates), which cannot."""
    try:
        program.encode()
    except UnicodeEncodeError:
        return False
    return True


def _script(name: str, requester: User | None, messages: dict[str, list[str]]) -> tuple[ScriptVersion | None, str]:
    scripts = access.scripts_for(requester) if requester else Script.objects.filter(enabled=True)
    script = scripts.filter(name=storable(name)).first()
    version = script.latest if script else None
    if version is None:
        messages["program"] = [f"There is no script named {name} that you can run."]
        return None, ""
    return version, version.text


def _servers(request: Request, requester: User | None, messages: dict[str, list[str]]) -> list[Server]:
    pickable = access.servers_for(requester) if requester else Server.objects.filter(enabled=True)
    if not request.servers:
        messages["servers"] = ["Pick at least one server."]
    elif len(request.servers) > MAX_SERVERS:
        messages["servers"] = [f"A run may have at most {MAX_SERVERS:,} servers."]
    else:
        try:
            return resolve(pickable, names=[storable(name) for name in request.servers])
        except UnknownNames as error:
            messages["servers"] = error.sentences()
    return []


def _check_mode(run: Run, messages: dict[str, list[str]]) -> None:
    if run.mode not in Run.Mode.values:
        *others, last = Run.Mode.values
        messages["mode"] = [f"The mode is {', '.join(others)} or {last}: choose one of these."]


def _check_numbers(run: Run, messages: dict[str, list[str]]) -> None:
    others = [field.name for field in Run._meta.fields if field.name not in DEFAULTS]
    try:
        run.clean_fields(exclude=others)
    except ValidationError as error:
        messages.update(error.message_dict)


def _title(request: Request, program: str) -> str:
    first = next((line.strip() for line in program.splitlines() if line.strip()), "")
    named = map(one_line, (request.title, request.script, first))
    return storable(next(filter(None, named), "Run"))[:200]


def _create(run: Run, servers: list[Server]) -> None:
    run.save(force_insert=True)
    enlist(run, servers, dispatcher.owner())
    detail = f"{_servers_text(len(servers))}, program {run.program_sha256[:12]}"
    _audit(AuditEntry.Act.RUN_REQUESTED, run, run.requester, run.requester_name, detail)


def _servers_text(count: int) -> str:
    return "1 server" if count == 1 else f"{count:,} servers"


def _audit(act: str, run: Run, actor: User | None, actor_name: str, detail: str) -> None:
    AuditEntry.objects.create(act=act, run=run, actor=actor, actor_name=actor_name, detail=detail[:500])
