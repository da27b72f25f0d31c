"""What must hold of every HostRun, whatever was done to it. Pure: a record in, sentences about what is wrong out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from consoles.statuses import FINAL, FOLLOWS, Status
from tests.faults.history import Seen
from tests.faults.printer import Script

MERGED = "detached"


@dataclass(frozen=True)
class Chunk:
    """A piece of the stored log."""

    offset: int
    stream: int
    data: bytes


@dataclass(frozen=True)
class Witnessed:
    """What the program itself wrote down on its host; ``ended`` is the exit status it was about to end with."""

    starts: int = 0
    intended: int = 0
    done: int = 0
    ended: int | None = None


@dataclass(frozen=True)
class Record:
    """All that is known of one HostRun after everything has ended."""

    name: str
    script: Script
    witnessed: Witnessed
    status: str
    exit_status: int | None
    exit_signal: str
    reason: str
    mode: str
    size: int
    dropped: int
    chunks: Sequence[Chunk]
    seen: Sequence[Seen] = field(default=())
    canceled: bool = False
    #: Whether a fault touched its host while it was reached for.
    harmed: bool = False
    #: Bytes that each of its viewers got, where they watched to the end.
    watched: Sequence[int] = field(default=())

    @property
    def stored(self) -> bytes:
        return b"".join(chunk.data for chunk in self.chunks)

    def stored_of(self, stream: int) -> bytes:
        return b"".join(chunk.data for chunk in self.chunks if chunk.stream == stream)


def violations_of(record: Record, forgiven: frozenset[str] = frozenset()) -> list[str]:
    """A sentence for everything that is wrong; endings in a ``forgiven`` status are taken as they are."""
    return [
        f"{record.name}: {said}" for rule in RULES for said in rule(record) if not _is_forgiven(record, rule, forgiven)
    ]


def _is_forgiven(record: Record, rule: Rule, forgiven: frozenset[str]) -> bool:
    return rule is ends_as_it_must and record.status in forgiven


def starts_at_most_once(record: Record) -> Iterator[str]:
    if record.witnessed.starts > 1:
        yield f"the program was started {record.witnessed.starts} times"
    if record.witnessed.starts and record.status in (Status.UNREACHABLE, Status.SKIPPED):
        yield f"it is {record.status}, and yet the program was started"


def offsets_are_contiguous(record: Record) -> Iterator[str]:
    end = 0
    for chunk in record.chunks:
        if chunk.offset != end:
            yield f"a chunk begins at {chunk.offset} instead of {end}"
            return
        if not chunk.data:
            yield f"the chunk at {end} is empty"
        end += len(chunk.data)
    if end != record.size:
        yield f"{end} bytes are stored, and its size says {record.size}"
    if record.dropped:
        yield f"{record.dropped} bytes were dropped"


def final_statuses_never_change(record: Record) -> Iterator[str]:
    by_observer: dict[str, Seen] = {}
    finals = {(seen.status, seen.exit_status, seen.exit_signal) for seen in record.seen if seen.status in FINAL}
    finals.add((record.status, record.exit_status, record.exit_signal))
    if record.status not in FINAL:
        yield f"it is still {record.status}: {record.reason}"
    elif len(finals) > 1:
        yield f"it ended more than once: {sorted(map(str, finals))}"
    for seen in record.seen:
        before = by_observer.get(seen.by)
        if before and not _may_follow(before.status, seen.status):
            yield f"{seen.by} saw it go from {before.status} to {seen.status}"
        by_observer[seen.by] = seen


def _may_follow(before: str, after: str) -> bool:
    """Whether a HostRun may get from one status to the other, in one step or in several."""
    reached, level = {Status(before)}, {Status(before)}
    while level:
        level = {after for status in level for after in FOLLOWS[status]} - reached
        reached |= level
    return Status(after) in reached


def stored_is_what_was_printed(record: Record) -> Iterator[str]:
    if record.mode == MERGED:
        pairs = [("the output", record.stored, record.script.printed())]
    else:
        # Attached, the two streams come over ways of their own; which byte came first nobody knows.
        pairs = [(f"stream {one}", record.stored_of(one), record.script.printed(one)) for one in (1, 2)]
    for what, stored, printed in pairs:
        if not printed.startswith(stored):
            yield f"{what} differs from what was printed at byte {_first_difference(stored, printed)}"
        elif record.status in (Status.SUCCEEDED, Status.FAILED) and len(stored) != len(printed):
            yield f"{what} has {len(stored)} of {len(printed)} bytes"


def nothing_printed_is_missing(record: Record) -> Iterator[str]:
    """Also of a program that was ended: what it printed until then is known from its witness."""
    if record.size > record.witnessed.intended:
        yield f"{record.size} bytes are stored of at most {record.witnessed.intended} printed"
    if record.mode == MERGED and record.status != Status.LOST and record.size < record.witnessed.done:
        yield f"{record.size} bytes are stored of at least {record.witnessed.done} printed"


def _first_difference(stored: bytes, printed: bytes) -> int:
    return next((at for at, (a, b) in enumerate(zip(stored, printed, strict=False)) if a != b), len(printed))


def exit_status_is_true(record: Record) -> Iterator[str]:
    if record.status in (Status.SUCCEEDED, Status.FAILED):
        if (record.exit_status, record.exit_signal) != (record.script.exit_status, ""):
            said = f"{record.exit_status} {record.exit_signal}".strip()
            yield f"it ended with {record.script.exit_status}, and is {record.status} with {said}: {record.reason}"
        if (record.status == Status.SUCCEEDED) != (record.script.exit_status == 0):
            yield f"it ended with {record.script.exit_status}, and is {record.status}"
        if record.witnessed.ended != record.script.exit_status:
            yield f"it is {record.status}, and yet the program did not come to its end"


def ends_as_it_must(record: Record) -> Iterator[str]:
    """Which endings there may be: nothing but a cancel or an unreachable host keeps a program from its own."""
    if record.status == Status.CANCELED and not record.canceled:
        yield f"it is canceled, which nobody asked for: {record.reason}"
    if record.status == Status.UNREACHABLE and not record.harmed:
        yield f"it is unreachable, and nothing was wrong with its host: {record.reason}"
    if record.status in (Status.LOST, Status.SKIPPED, Status.TIMED_OUT):
        yield f"it is {record.status}: {record.reason}"


def viewers_got_all(record: Record) -> Iterator[str]:
    for got in record.watched:
        if got != record.size:
            yield f"a viewer was told of its end with {got} bytes, and {record.size} are stored"


Rule = Callable[[Record], Iterator[str]]
RULES: tuple[Rule, ...] = (
    starts_at_most_once,
    offsets_are_contiguous,
    final_statuses_never_change,
    stored_is_what_was_printed,
    nothing_printed_is_missing,
    exit_status_is_true,
    ends_as_it_must,
    viewers_got_all,
)
