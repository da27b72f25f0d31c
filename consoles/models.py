"""What is run, where, and how it ended. The bytes that were printed are kept by :mod:`consoles.outputlog`."""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import connection, models
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from consoles.statuses import ACTIVE, FINAL, Status, sources_of, status_of_run
from servers.models import Server

#: What a run gets that does not say otherwise: servers at the same time, and seconds.
DEFAULTS: Final = {"fanout": 64, "connect_timeout": 10, "idle_timeout": 900, "total_timeout": 7200}
STATUS_CHOICES = [(status.value, status.label) for status in Status]


def text_sha256(text: str) -> str:
    """SHA-256 of a program's text, in hex: what a run froze can be compared with what a script says today."""
    return hashlib.sha256(text.encode()).hexdigest()


class Script(models.Model):
    """A saved program. Its text lives in versions, so that a run can say which one it ran."""

    name = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=300, blank=True)
    enabled = models.BooleanField(default=True, help_text="Scripts that are not enabled cannot be picked for a run.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def latest(self) -> ScriptVersion | None:
        """The newest version, or None before the first was saved."""
        return self.versions.order_by("-number").first()

    def add_version(self, text: str, author: Any = None) -> ScriptVersion:
        """Save ``text`` as the newest version; text equal to the newest gives that one back."""
        text = unix_lines(text)
        latest = self.latest
        if latest and latest.text == text:
            return latest
        number = latest.number + 1 if latest else 1
        return self.versions.create(number=number, text=text, sha256=text_sha256(text), author=author)


class ScriptVersion(models.Model):
    """One version of a script's text; never edited."""

    script = models.ForeignKey(Script, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    sha256 = models.CharField(max_length=64, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["script", "-number"]
        constraints = [models.UniqueConstraint(fields=["script", "number"], name="script_version_number_once")]

    def __str__(self) -> str:
        return f"{self.script.name} v{self.number}"


def storable(text: str) -> str:
    """``text`` as every database takes it: a host may send NUL, and half characters, which PostgreSQL refuses."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def unix_lines(text: str) -> str:
    """Turn Windows and old Mac line ends into Unix ones: a shell takes ``\\r`` for part of the word before it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


class RunQuerySet(models.QuerySet["Run"]):
    def with_counts(self) -> RunQuerySet:
        """Annotate ``hosts`` and, per status, ``n_<status>``."""
        counts = {
            f"n_{status}": models.Count("host_runs", filter=models.Q(host_runs__status=status)) for status in Status
        }
        return self.annotate(hosts=models.Count("host_runs"), ended=models.Max("host_runs__finished"), **counts)


class Run(models.Model):
    """One request: a program, one requester, many servers. What was asked for is frozen here."""

    class Via(models.TextChoices):
        PAGE = "page", "page"
        SOCKET = "socket", "socket"
        COMMAND_LINE = "cli", "command line"

    class Mode(models.TextChoices):
        AUTO = "auto", "detached where the server can"
        DETACHED = "detached", "detached"
        ATTACHED = "attached", "attached: ends with the connection"

    #: Chosen by the requester before asking, so that asking twice starts once.
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs"
    )
    requester_name = models.CharField(max_length=150)
    via = models.CharField(max_length=10, choices=Via.choices, default=Via.PAGE)
    title = models.CharField(max_length=200)
    script_version = models.ForeignKey(
        ScriptVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="runs"
    )
    program = models.TextField()
    program_sha256 = models.CharField(max_length=64)
    mode = models.CharField(
        max_length=10,
        choices=Mode.choices,
        default=Mode.AUTO,
        help_text="Whether programs go on when the connection or the console does not.",
    )
    fanout = models.PositiveIntegerField(
        default=DEFAULTS["fanout"],
        validators=[MinValueValidator(1), MaxValueValidator(256)],
        help_text="Servers at the same time.",
    )
    connect_timeout = models.PositiveIntegerField(
        default=DEFAULTS["connect_timeout"],
        validators=[MinValueValidator(1), MaxValueValidator(300)],
        help_text="Seconds to reach a server.",
    )
    idle_timeout = models.PositiveIntegerField(
        default=DEFAULTS["idle_timeout"],
        validators=[MaxValueValidator(604800)],
        help_text="Seconds without any output; 0 waits for ever.",
    )
    total_timeout = models.PositiveIntegerField(
        default=DEFAULTS["total_timeout"],
        validators=[MaxValueValidator(604800)],
        help_text="Seconds from start to end; 0 waits for ever.",
    )
    output_limit = models.PositiveBigIntegerField(
        help_text="Bytes stored per server; a program that prints more is stopped."
    )
    rerun_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="reruns")
    created = models.DateTimeField(default=timezone.now, db_index=True)
    cancel_requested = models.DateTimeField(null=True, blank=True)
    canceled_by = models.CharField(max_length=150, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("view_all_runs", "Can see runs of other people"), ("cancel_run", "Can cancel runs of others")]

    def __str__(self) -> str:
        return f"{self.title} #{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("run-detail", args=[self.pk])

    def counts(self) -> dict[str, int]:
        """How many HostRuns have which status; statuses nobody has are left out."""
        rows = self.host_runs.order_by().values_list("status").annotate(count=models.Count("id"))
        return dict(rows)

    @property
    def status(self) -> Status:
        """Derived from the HostRuns; uses the annotations of ``with_counts`` where they are there."""
        if hasattr(self, "hosts"):
            return status_of_run({status.value: getattr(self, f"n_{status}") for status in Status})
        return status_of_run(self.counts())


class HostRunQuerySet(models.QuerySet["HostRun"]):
    def lock(self) -> None:
        """Lock these rows for the transaction, in everybody's order: who changes several never waits in a circle.

        SQLite lets one transaction write at a time, and needs none of it.
        """
        if connection.features.has_select_for_update:
            list(self.order_by("pk").select_for_update(no_key=True).values_list("pk"))


class HostRun(models.Model):
    """The run's part on one server.

    ``owner``, ``fence`` and ``lease_until`` (the database's clock) say which process may act for it. Every write of
    a runner carries its fence; a process that lost its lease finds no row to change.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="host_runs")
    index = models.PositiveIntegerField()
    server = models.ForeignKey(Server, null=True, on_delete=models.SET_NULL, related_name="host_runs")
    server_name = models.CharField(max_length=100, db_index=True)
    address = models.CharField(max_length=300)
    status = models.CharField(max_length=12, choices=STATUS_CHOICES, default=Status.QUEUED.value)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it ended as it did, in one sentence.")
    mode = models.CharField(
        max_length=10, blank=True, choices=Run.Mode.choices[1:], help_text="How it was started; empty before that."
    )
    boot_id = models.CharField(max_length=64, blank=True, help_text="The server's boot in which it was started.")
    contact_lost = models.DateTimeField(
        null=True, blank=True, help_text="Since when the console tries to reach it again, while it may go on."
    )
    exit_status = models.BigIntegerField(null=True, blank=True)
    exit_signal = models.CharField(max_length=20, blank=True)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes stored.")
    lines = models.PositiveBigIntegerField(default=0, help_text="Line ends stored.")
    printed = models.DateTimeField(null=True, blank=True, help_text="When the newest output arrived.")
    digest = models.CharField(
        max_length=80, blank=True, help_text="What its output comes to once colours, names and times are left out."
    )
    dropped = models.PositiveBigIntegerField(default=0, help_text="Bytes printed after the output limit, not stored.")
    last_line = models.CharField(max_length=200, blank=True)
    cancel_requested = models.DateTimeField(null=True, blank=True)
    owner = models.CharField(max_length=64, blank=True, db_index=True)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)

    objects = HostRunQuerySet.as_manager()

    class Meta:
        ordering = ["run", "index"]
        constraints = [
            models.UniqueConstraint(fields=["run", "index"], name="host_run_index_once"),
            models.UniqueConstraint(fields=["run", "server_name"], name="server_once_per_run"),
        ]
        indexes = [models.Index(fields=["run", "status"], name="host_run_by_status")]

    def __str__(self) -> str:
        return f"{self.server_name} in #{self.run_id}"

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def spool_name(self) -> str:
        """Under which name its server keeps it when it runs detached: never the same for two HostRuns."""
        return f"{self.run.key}-{self.index}"

    def move(self, to: Status, *, fence: int, new_fence: int | None = None, **fields: Any) -> bool:
        """Move to ``to`` if the row is still in a status that may precede it and ``fence`` still holds.

        Sets ``started`` on starting and ``finished`` on a final status; ``new_fence`` shuts the former owner out.
        Returns False, changing nothing, when somebody else moved it or took it over. Long sentences are cut.
        """
        if new_fence is not None:
            fields["fence"] = new_fence
        fields = _storable_fields(fields)
        # Not through the ORM: three of these per host made up a third of what a wide run costs its process.
        sources = sorted(sources_of(to))
        with connection.cursor() as cursor:
            cursor.execute(_move_statement(to, tuple(fields)), [to, *fields.values(), self.pk, fence, *sources])
            return bool(cursor.rowcount == 1)

    def note(self, *, fence: int, **fields: Any) -> bool:
        """Change other fields than the status while it is not over and ``fence`` holds; False where that is not so."""
        rows = HostRun.objects.filter(pk=self.pk, fence=fence, status__in=ACTIVE)
        return rows.update(**_storable_fields(fields)) == 1


def _storable_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a HostRun as the database takes them: hosts have a say in most of their texts."""
    fields = {name: storable(value) if isinstance(value, str) else value for name, value in fields.items()}
    if "reason" in fields:
        fields["reason"] = fields["reason"][:500]
    return fields


@cache
def _move_statement(to: Status, fields: tuple[str, ...]) -> str:
    known = {field.name: field.column for field in HostRun._meta.concrete_fields}
    columns = [known[name] for name in ("status", *fields)]
    now, _ = HostRun.objects.all().query.get_compiler(connection=connection).compile(Now())
    times = ["started"] * (to is Status.STARTING) + ["finished"] * (to in FINAL)
    changes = [f"{column} = %s" for column in columns] + [f"{column} = {now}" for column in times]
    sources = ", ".join(["%s"] * len(sources_of(to))) or "NULL"
    # Names of columns of our own, and a function of the database: nothing here comes from outside.
    return (
        f"UPDATE {HostRun._meta.db_table} SET {', '.join(changes)} "  # noqa: S608
        f"WHERE id = %s AND fence = %s AND status IN ({sources})"
    )


class OutputChunk(models.Model):
    """A piece of a HostRun's output. Only :mod:`consoles.outputlog` reads or writes these rows."""

    class Stream(models.IntegerChoices):
        STDOUT = 1, "stdout"
        STDERR = 2, "stderr"

    host_run = models.ForeignKey(HostRun, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    offset = models.PositiveBigIntegerField()
    stream = models.PositiveSmallIntegerField(choices=Stream.choices, default=Stream.STDOUT)
    time = models.DateTimeField()
    lines = models.PositiveIntegerField(default=0, help_text="Line ends in it.")
    data = models.BinaryField()

    class Meta:
        ordering = ["host_run", "offset"]
        constraints = [models.UniqueConstraint(fields=["host_run", "offset"], name="chunk_offset_once")]
        # Holds all that finding a line needs, so that the bytes of a large log need not be read for it.
        indexes = [models.Index(fields=["host_run", "offset", "lines"], name="chunk_lines")]

    def __str__(self) -> str:
        return f"{self.host_run_id}@{self.offset}"


class RunNote(models.Model):
    """What an operator wrote into a run, for everybody who looks at it now or later. Never changed."""

    #: Chosen by the author's page, so that sending twice writes once.
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(max_length=150)
    text = models.CharField(max_length=2000)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.author_name} on #{self.run_id}"


class Watcher(models.Model):
    """A socket that shows a run. One that is not seen for a while has vanished without a word."""

    key = models.UUIDField(unique=True, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="watchers")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=150)
    since = models.DateTimeField(default=timezone.now)
    seen = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["since"]

    def __str__(self) -> str:
        return f"{self.name} watching #{self.run_id}"


class AuditEntry(models.Model):
    """Who asked for what, and when. Written in the transaction of the act; never changed."""

    class Act(models.TextChoices):
        RUN_REQUESTED = "run.requested", "requested a run"
        RUN_CANCELED = "run.canceled", "canceled a run"
        HOST_CANCELED = "host.canceled", "canceled one server of a run"
        OUTPUT_DOWNLOADED = "output.downloaded", "downloaded output"
        NOTE_WRITTEN = "note.written", "wrote a note"
        RUN_SETTLED = "run.settled", "settled a run after a crash"

    time = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_name = models.CharField(max_length=150)
    act = models.CharField(max_length=30, choices=Act.choices)
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="audit_entries")
    detail = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.actor_name} {self.get_act_display()}"


LEASE = timedelta(seconds=45)


def lease_end() -> Any:
    """The database's time ``LEASE`` from now, as an expression for ``lease_until``.

    ``Now()`` is the time at which the statement began, on both databases. Where it has to wait for a lock after that,
    a lease ends earlier than it might, and another one's is found to have run out later: both err on the safe side.
    """
    return Now() + LEASE
