"""The socket: asks :mod:`consoles.actions` for runs, and streams any run its user may see from the output log.

A synchronous consumer, as every handler reads the database; each socket has a thread of its own, as all synchronous
consumers of a process otherwise share one. No handler waits: each does a bounded piece of work and returns.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from asgiref.sync import ThreadSensitiveContext, async_to_sync
from channels.exceptions import StopConsumer
from channels.generic.websocket import WebsocketConsumer
from django.conf import settings
from django.db import DatabaseError, DataError, connections
from django.utils import timezone

from consoles import access, actions, dispatcher, doorbell, presence, protocol
from consoles.acks import WAITING, Acks
from consoles.models import Run
from consoles.notes import NoteFeed
from consoles.presenting import iso, run_row
from consoles.viewer import Viewer

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.models import User

log = logging.getLogger(__name__)

#: Seconds between looks at the clock; a socket's thread is used only when one of the following is due.
TICK = 0.05
#: Seconds between two status frames.
STATUS_EVERY = 0.1
#: The same, where a host has just ended.
STATUS_OF_AN_END = 0.02
CLOCK_EVERY = 5.0
#: Seconds between two frames that say who watches.
PRESENCE_EVERY = 1.0
#: Seconds between checks that the login still holds and the run may still be seen.
ACCESS_EVERY = 15.0
#: Malformed frames after which the socket is closed.
MOST_ERRORS = 20


class _LoggedOut(Exception):
    """The login that opened the socket does not hold any more."""


class RunConsumer(WebsocketConsumer):
    """One socket, on one run: an existing one, or the one that its ``start`` creates."""

    viewer: Viewer | None = None
    _watcher: UUID | None = None
    _is_accepted = False
    _is_gone = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        doorbell.attach(asyncio.get_running_loop())
        self._send_frame = send
        self._acks = Acks(lambda: self.viewer)
        async with ThreadSensitiveContext():
            ticking = asyncio.create_task(self._tick())
            try:
                await super().__call__(scope, self._acks.gathered_from(receive), send)
            except Exception as error:
                if not doorbell.is_away(error):
                    raise
                # Without its bell a socket would be slow to show what happens. Clients try again.
                log.warning("A socket could not be opened: %s", error)
                if not self._is_accepted:
                    # Closing an unopened socket is HTTP 403, which tells clients to stay away for good.
                    await send({"type": "websocket.accept", "subprotocol": self._subprotocol})
                await send({"type": "websocket.close", "code": protocol.CLOSE_LATER})
            finally:
                ticking.cancel()
                self._is_gone = True
                self._leave_people()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handle a message in the socket's thread, with the acknowledgements that came before it."""
        await super().dispatch(message)
        # Those that came meanwhile found nobody held back, which may have changed.
        while self._acks.are_wanted:
            await super().dispatch(WAITING)

    async def _tick(self) -> None:
        """Wake the socket's thread when something is due; a loop that only reads numbers costs next to nothing."""
        while True:
            await asyncio.sleep(TICK)
            if self.viewer is not None and time.monotonic() >= self._next_due():
                try:
                    await self.dispatch({"type": "tick"})
                except StopConsumer:
                    return
                except DatabaseError as error:
                    log.warning("A viewer could not be told news: %s", error)
                    await asyncio.sleep(1)

    # The socket's life

    def connect(self) -> None:
        self._errors = 0
        self._dirty: set[int] = set()
        self._status_every = STATUS_EVERY
        self._storage: str | None = None
        self._status_at = self._looked_at = self._clock_at = self._checked_at = 0.0
        self._presence_at = 0.0
        self._presence_asked: float | None = None
        self._presence: dict[str, Any] = {}
        self.user: User | None = access.session_user(self.scope["session"].session_key)
        if self.user is None:
            return self._refuse(protocol.CLOSE_LOGIN)
        self._accept()
        if (run_id := self.scope["url_route"]["kwargs"].get("run_id")) is not None:
            self._open(run_id)
        elif not access.can_start(self.user):
            self.close(protocol.CLOSE_FORBIDDEN)

    def disconnect(self, code: int) -> None:
        self._leave()
        connections.close_all()

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self._take_acks()
        try:
            if text_data is None:
                raise protocol.ProtocolError("malformed", "Clients send text frames only.")
            self._handle(protocol.decode_client(text_data))
        except _LoggedOut:
            self.close(protocol.CLOSE_LOGIN)
        except DataError:
            self._refuse_frame(protocol.ProtocolError("malformed", "The message holds what no database stores: NUL."))
        except DatabaseError as error:
            log.warning("A message could not be dealt with: %s", error)
            self._say("error", code="unavailable", message="The database does not answer: send it again in a moment.")
        except protocol.ProtocolError as error:
            self._refuse_frame(error)

    def acks_wait(self, message: dict[str, Any]) -> None:
        """Acknowledgements wait that may let a viewer go on."""
        self._take_acks()
        self._pump()

    def _take_acks(self) -> None:
        for ack in self._acks.take():
            try:
                if self.viewer is not None:
                    self.viewer.acknowledge(ack)
            except protocol.ProtocolError as error:
                self._refuse_frame(error)

    def _refuse_frame(self, error: protocol.ProtocolError) -> None:
        self._errors += 1
        self._say("error", code=error.code, message=str(error))
        if self._errors >= MOST_ERRORS:
            self.close(protocol.CLOSE_TOO_MANY_ERRORS)

    # What clients say

    def _handle(self, message: protocol.ClientMessage) -> None:
        if isinstance(message, protocol.Ping):
            return self._say("pong", t=message.t)
        if isinstance(message, protocol.Start):
            return self._start(message)
        if self.viewer is None:
            raise protocol.ProtocolError("no_run", "This socket has no run yet: send start first.")
        if isinstance(message, protocol.Cancel):
            return self._cancel(self.viewer, message)
        if isinstance(message, protocol.Say):
            return self._write_note(self.viewer, message)
        if isinstance(message, protocol.Subscribe):
            self.viewer.subscribe(message)
        elif isinstance(message, protocol.Unsubscribe):
            self.viewer.unsubscribe(message.host)
        else:
            self.viewer.acknowledge(message)
        self._pump()

    def _start(self, message: protocol.Start) -> None:
        if self.viewer is not None:
            raise protocol.ProtocolError("has_run", "This socket already shows a run: open another to start one.")
        user = self._user_now()
        fields = {name: getattr(message, name) for name in message.__dataclass_fields__}
        fields["rerun_of"] = access.runs_for(user).filter(pk=message.rerun_of or 0).first()
        try:
            run = actions.request_run(actions.Request(**fields, via=Run.Via.SOCKET), user)
        except actions.RequestError as error:
            self._say("error", code="refused", message=str(error), fields=error.messages)
            return
        self._say("started", run=run.pk)
        self._open(run.pk)

    def _cancel(self, viewer: Viewer, message: protocol.Cancel) -> None:
        user = self._user_now()
        if not access.can_cancel(user, viewer.run):
            raise protocol.ProtocolError("forbidden", "You may not cancel this run.")
        if message.host is None:
            actions.cancel_run(viewer.run, user)
        else:
            actions.cancel_host_run(viewer.host_run(message.host), user)

    def _write_note(self, viewer: Viewer, message: protocol.Say) -> None:
        user = self._user_now()
        try:
            if not access.can_note(user, viewer.run):
                raise actions.NoteError("You may not write notes into this run.")
            actions.add_note(viewer.run, user, message.key, message.text)
        except actions.NoteError as error:
            self._say("error", code="too_fast" if error.later else "refused", message=str(error), key=message.key)
        # Also where the note was there before: whoever says it again has not been told of it.
        self._tell_notes(time.monotonic())

    # What viewers get

    def run_changed(self, message: dict[str, Any]) -> None:
        """A doorbell. It carries no output: what there is stands in the log."""
        self._take_acks()
        if self.viewer is None:
            return
        if message.get("notes"):
            self._tell_notes(time.monotonic())
        if message.get("people"):
            self._presence_asked = time.monotonic()
            self._tell_presence_if_due()
        self._dirty.update(message["hosts"])
        if message.get("over"):
            # Somebody waits for an end; how output grows may be told later.
            self._status_every = min(self._status_every, STATUS_OF_AN_END)
        self.viewer.note_growth(message.get("grown", message["hosts"]))
        self._pump()
        self._tell_status_if_due()

    def tick(self, message: dict[str, Any]) -> None:
        """Do what is due by the clock."""
        self._take_acks()
        if self.viewer is None:
            return
        now = time.monotonic()
        if now - self._checked_at >= ACCESS_EVERY:
            self._check_access(now)
        if now - self._clock_at >= CLOCK_EVERY:
            self._clock_at = now
            self._say("clock", server_time=iso(timezone.now()))
        self._tell_status_if_due()
        self._tell_presence_if_due()
        self._pump()

    def _next_due(self) -> float:
        look_at = self._looked_at + settings.OPSCONSOLE_LOOK_EVERY
        status_at = self._status_at + self._status_every if self._dirty else look_at
        presence_at = look_at if self._presence_asked is None else self._presence_at + PRESENCE_EVERY
        return min(status_at, presence_at, self._clock_at + CLOCK_EVERY, self._checked_at + ACCESS_EVERY)

    def _tell_status_if_due(self) -> None:
        now = time.monotonic()
        look = now - self._looked_at >= settings.OPSCONSOLE_LOOK_EVERY
        if self.viewer is None or not (look or (self._dirty and now - self._status_at >= self._status_every)):
            return
        hosts, self._dirty, self._status_at = (None if look else self._dirty), set(), now
        if look:
            self._looked_at = now
            # All sockets look every two seconds: an answer that another one got just now will do.
            self._presence_asked = self._presence_asked or now - 1
            self._tell_notes(now - 1)
        rows = self.viewer.changed_rows(hosts)
        # With many busy hosts, telling every change at once would take the time that their output needs.
        self._status_every = max(STATUS_EVERY, 10 * (time.monotonic() - now))
        storage = dispatcher.trouble() or None
        if rows or storage != self._storage:
            self._storage = storage
            for part in protocol.in_frames(rows):
                self._say("status", hosts=part, run={"status": self.viewer.run_status}, storage=storage)
            self._pump()

    def _tell_notes(self, since: float) -> None:
        for rows in self._notes.new(since):
            self._say("notes", notes=rows)

    def _tell_presence_if_due(self) -> None:
        now = time.monotonic()
        if self.viewer is None or self._presence_asked is None or now - self._presence_at < PRESENCE_EVERY:
            return
        people = presence.people(self.viewer.run.pk, self._presence_asked)
        self._presence_asked, self._presence_at = None, now
        if people != self._presence:
            self._presence = people
            self._say("presence", **people)

    def _pump(self) -> None:
        if self.viewer is None:
            return
        # In one step for all: a step from this thread to the loop costs more than a small frame.
        if frames := list(self.viewer.output()):
            async_to_sync(self._send_frames)(frames)

    async def _send_frames(self, frames: list[str | bytes]) -> None:
        for frame in frames:
            kind = "bytes" if isinstance(frame, bytes) else "text"
            await self._send_frame({"type": "websocket.send", kind: frame})

    # Opening and access

    def _open(self, run_id: int) -> None:
        user = self._user_now()
        try:
            run = access.access_run(user, run_id)
        except (Run.DoesNotExist, OverflowError):
            return self.close(protocol.CLOSE_NOT_FOUND)
        # Join before reading: what happens in between rings, and what happened before is read.
        async_to_sync(self.channel_layer.group_add)(doorbell.group_of(run.pk), self.channel_name)
        viewer = Viewer(run)
        hosts, *more = protocol.in_frames(viewer.load_hosts())
        self._status_at = self._looked_at = self._clock_at = self._checked_at = time.monotonic()
        self._say(
            "hello",
            run=run_row(run),
            hosts=hosts,
            window=protocol.WINDOW,
            may_cancel=access.can_cancel(user, run),
            may_note=access.can_note(user, run),
            server_time=iso(timezone.now()),
        )
        for part in more:
            self._say("status", hosts=part, run={"status": viewer.run_status}, storage=None)
        self.viewer = viewer
        self._watcher = presence.enter(run.pk, user)
        if self._is_gone:
            # Daphne gave this socket up while this thread worked: nobody else would ever take it off the list.
            return self._leave()
        self._notes = NoteFeed(run.pk)
        self._tell_notes(self._looked_at)
        self._presence_asked, self._presence_at = time.monotonic(), 0.0
        self._tell_presence_if_due()

    def _user_now(self) -> User:
        """The user as the database has it now: rights may have been taken away since the socket opened."""
        self.user = access.session_user(self.scope["session"].session_key)
        if self.user is None:
            raise _LoggedOut
        return self.user

    def _check_access(self, now: float) -> None:
        self._checked_at = now
        try:
            user = self._user_now()
        except _LoggedOut:
            return self.close(protocol.CLOSE_LOGIN)
        if self.viewer is not None and not access.runs_for(user).filter(pk=self.viewer.run.pk).exists():
            self.close(protocol.CLOSE_FORBIDDEN)

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close the socket; nothing more is sent on it, though its last frames may still come in."""
        self._leave()
        super().close(code, reason)

    def _leave_people(self) -> None:
        if self._watcher is not None:
            presence.leave(self._watcher)
            self._watcher = None

    def _leave(self) -> None:
        self._leave_people()
        if self.viewer is not None:
            async_to_sync(self.channel_layer.group_discard)(doorbell.group_of(self.viewer.run.pk), self.channel_name)
            self.viewer = None

    def _accept(self) -> None:
        self._is_accepted = True
        self.accept(self._subprotocol)

    @property
    def _subprotocol(self) -> str | None:
        return protocol.SUBPROTOCOL if protocol.SUBPROTOCOL in self.scope.get("subprotocols", []) else None

    def _refuse(self, code: int) -> None:
        """Accept and close: a browser learns a close code only from a socket that was open."""
        self._accept()
        self.close(code)

    def _say(self, kind: str, **fields: Any) -> None:
        self.send(text_data=protocol.encode(kind, **fields))


class NoSuchAddress(WebsocketConsumer):
    """Any other socket address: told so, rather than an error in the log."""

    def connect(self) -> None:
        self.accept()
        self.close(protocol.CLOSE_NOT_FOUND)
