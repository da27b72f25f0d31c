"""Notes: what is accepted, who may write and read them, and that everybody is told each one once."""

from __future__ import annotations

import json
import threading
import time
import uuid
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client

from consoles import actions
from consoles.models import AuditEntry, Run, RunNote
from consoles.note_text import MAX_NOTE, clean
from consoles.notes import AT_A_TIME, NoteFeed
from consoles.statuses import Status
from demo.fleet import Fleet
from tests.support.people import person
from tests.support.runs import add_run
from tests.support.server import MakeServer, SharedConsole
from tests.support.viewing import SocketViewer

if TYPE_CHECKING:
    from typing import Any

    from django.contrib.auth.models import User

NEW = "/ws/runs/new/"


@pytest.fixture
def run(alice: User) -> Run:
    return add_run(alice, {"web1": Status.SUCCEEDED})


def new_key() -> str:
    return str(uuid.uuid4())


def now() -> float:
    return time.monotonic()


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  on my way \n", "on my way"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("a\u2028b\x0bc", "a\nb\nc"),
        ("tab\tstays", "tab\tstays"),
        ("\x1b[31mred\x1b[0m \x07\x00\x9b", "[31mred[0m"),
        ("safe\u202etxt.exe\u2066", "safetxt.exe"),
        ("a\n\n \n\n\nb", "a\n\nb"),
        ("👩‍🚒 سلام ‌نه", "👩‍🚒 سلام ‌نه"),
        ("half \ud800 a character", "half  a character"),
        (" \n\t\x00 ", ""),
    ],
)
def test_text_is_kept_as_written_without_what_terminals_or_readers_would_be_fooled_by(written: str, kept: str) -> None:
    assert clean(written) == kept


def test_a_note_is_written_with_its_author_and_an_audit_entry(run: Run, alice: User) -> None:
    note = actions.add_note(run, alice, new_key(), " dpkg is broken on web1\r\nI fix it ")
    assert (note.author_name, note.text) == ("alice", "dpkg is broken on web1\nI fix it")
    entry = AuditEntry.objects.get(act=AuditEntry.Act.NOTE_WRITTEN)
    assert (entry.run, entry.actor_name, entry.detail) == (run, "alice", f"note {note.pk}")


def test_the_same_key_writes_one_note(run: Run, alice: User) -> None:
    key = new_key()
    first, again = (actions.add_note(run, alice, key, "once") for _ in range(2))
    assert first.pk == again.pk
    assert RunNote.objects.count() == AuditEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("", "text", "key"),
        ("not-a-uuid", "text", "key"),
        (str(uuid.uuid4()), " \x00\n ", "needs text"),
        (str(uuid.uuid4()), "x" * (MAX_NOTE + 1), "at most 2,000"),
    ],
)
def test_refuses_with_a_sentence(run: Run, alice: User, key: str, text: str, sentence: str) -> None:
    with pytest.raises(actions.NoteError, match=sentence) as caught:
        actions.add_note(run, alice, key, text)
    assert str(caught.value).endswith(".") and not caught.value.later
    assert not RunNote.objects.exists()


def test_a_note_of_the_greatest_length_is_kept_whole(run: Run, alice: User) -> None:
    assert len(actions.add_note(run, alice, new_key(), "é" * MAX_NOTE).text) == MAX_NOTE


def test_a_key_of_another_note_gives_nothing_of_it_away(run: Run, alice: User, charlie: User) -> None:
    key = new_key()
    actions.add_note(run, alice, key, "mine")
    other = add_run(alice, {"web1": Status.SUCCEEDED})
    for elsewhere, author in ((run, charlie), (other, alice)):
        with pytest.raises(actions.NoteError, match="another note"):
            actions.add_note(elsewhere, author, key, "theirs")


def test_who_writes_too_fast_is_told_to_wait_and_may_repeat_what_was_written(run: Run, alice: User) -> None:
    keys = [new_key() for _ in range(actions.MAX_NOTES_AT_ONCE)]
    for key in keys:
        actions.add_note(run, alice, key, "again")
    with pytest.raises(actions.NoteError, match="wait") as caught:
        actions.add_note(run, alice, new_key(), "one too many")
    assert caught.value.later
    assert actions.add_note(run, alice, keys[0], "again").text == "again"


def test_who_writes_too_fast_does_not_take_the_database_from_those_who_store_output(
    run: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(actions.MAX_NOTES_AT_ONCE):
        actions.add_note(run, alice, new_key(), "again")
    monkeypatch.setattr(actions.transaction, "atomic", lambda: pytest.fail("It began to write."))
    with pytest.raises(actions.NoteError, match="wait"):
        actions.add_note(run, alice, new_key(), "one too many")


def test_a_text_far_too_long_is_refused_before_any_work_goes_into_it(
    run: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "clean", lambda text: pytest.fail("It was cleaned."))
    with pytest.raises(actions.NoteError, match="shorten it"):
        actions.add_note(run, alice, new_key(), "\n \t" * 300_000)


def test_a_run_has_room_for_so_many_notes(run: Run, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MAX_NOTES", 2)
    for text in ("one", "two"):
        actions.add_note(run, alice, new_key(), text)
    with pytest.raises(actions.NoteError, match="write elsewhere"):
        actions.add_note(run, alice, new_key(), "three")


def test_feed_gives_each_note_once_also_when_an_older_one_commits_later(run: Run, alice: User) -> None:
    feed = NoteFeed(run.pk)
    first = RunNote.objects.create(run=run, author=alice, author_name="alice", text="first")
    late_id = first.pk + 1
    RunNote.objects.create(pk=late_id + 1, run=run, author_name="bob", text="third")
    assert [row["text"] for rows in feed.new(now()) for row in rows] == ["first", "third"]
    RunNote.objects.create(pk=late_id, run=run, author_name="eve", text="second")
    assert [row["text"] for rows in feed.new(now()) for row in rows] == ["second"]
    assert list(feed.new(now())) == []


def test_feed_tells_many_notes_in_parts(run: Run) -> None:
    RunNote.objects.bulk_create(RunNote(run=run, author_name="cron", text=str(n)) for n in range(2 * AT_A_TIME + 1))
    batches = list(NoteFeed(run.pk).new(now()))
    assert [len(rows) for rows in batches] == [AT_A_TIME, AT_A_TIME, 1]
    assert [int(row["text"]) for rows in batches for row in rows] == list(range(2 * AT_A_TIME + 1))


@pytest.mark.django_db(transaction=True)
def test_a_double_send_at_the_same_moment_writes_one_note() -> None:
    alice = person("alice")
    run = add_run(alice, {"web1": Status.SUCCEEDED})
    key, found, start = new_key(), [], threading.Barrier(4)

    def send() -> None:
        start.wait()
        found.append(actions.add_note(run, alice, key, "once").pk)
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1
    assert RunNote.objects.count() == 1


# Without a socket


def test_a_form_writes_a_note_and_leads_back_to_the_run(run: Run, alice_client: Client) -> None:
    response = alice_client.post(f"/runs/{run.pk}/notes/", {"text": "by form"}, headers={"Accept": "text/html"})
    assert response.status_code == 302 and response["Location"] == f"/runs/{run.pk}/"
    notes = alice_client.get(f"/runs/{run.pk}/notes.json").json()["notes"]
    assert [(note["author"], note["text"]) for note in notes] == [("alice", "by form")]
    assert set(notes[0]) == {"id", "key", "author", "text", "created"} and notes[0]["created"].endswith("Z")


def test_a_refused_form_says_why_on_the_page(run: Run, alice_client: Client) -> None:
    response = alice_client.post(f"/runs/{run.pk}/notes/", {"text": " "}, headers={"Accept": "text/html"}, follow=True)
    assert "A note needs text" in response.content.decode()


def test_a_program_gets_the_note_or_the_sentence(run: Run, alice_client: Client) -> None:
    def send(**fields: str) -> Any:
        return alice_client.post(f"/runs/{run.pk}/notes/", fields, headers={"Accept": "application/json"})

    key = new_key()
    for _ in range(2):
        assert send(text="by program", key=key).json()["note"]["key"] == key
    refused = send(text="")
    assert refused.status_code == 400 and refused.json()["error"].startswith("A note needs text")


def test_notes_are_in_the_zip_and_in_the_admin(run: Run, alice: User, alice_client: Client, root: User) -> None:
    actions.add_note(run, alice, new_key(), "look <here>")
    packed = b"".join(alice_client.get(f"/runs/{run.pk}/output.zip"))
    with zipfile.ZipFile(BytesIO(packed)) as archive:
        manifest = json.loads(archive.read(f"run{run.pk}/manifest.json"))
    assert [(note["author"], note["text"]) for note in manifest["notes"]] == [("alice", "look <here>")]
    client = Client()
    client.force_login(root)
    page = client.get(f"/admin/consoles/run/{run.pk}/change/").content.decode()
    assert "look &lt;here&gt;" in page and "look <here>" not in page


# Over the socket


def texts(viewer: SocketViewer) -> list[str]:
    return [note["text"] for message in viewer.messages if message["type"] == "notes" for note in message["notes"]]


def finished_run(console: SharedConsole) -> int:
    with SocketViewer(console.server, console.alice, NEW) as viewer:
        run = viewer.start(console.names[:1], "true")
        viewer.wait_until(lambda: viewer.rows and viewer.rows[0]["finished"])
    return run


def test_everybody_on_the_run_reads_a_note_once_and_late_comers_too(console: SharedConsole) -> None:
    charlie = console.server.person("charlie", "consoles.view_all_runs")
    path = f"/ws/runs/{finished_run(console)}/"
    with SocketViewer(console.server, console.alice, path) as one, SocketViewer(console.server, charlie, path) as two:
        for viewer in (one, two):
            assert viewer.wait_for("hello")["may_note"]
        one.say("say", key=(key := new_key()), text="dpkg broken,\nI fix it")
        two.say("say", key=new_key(), text="thanks 👍")
        for viewer in (one, two):
            viewer.wait_until(lambda viewer=viewer: len(texts(viewer)) == 2)  # type: ignore[misc]
            assert set(texts(viewer)) == {"dpkg broken,\nI fix it", "thanks 👍"}
        with SocketViewer(console.server, console.alice, path) as late:
            notes = late.wait_for("notes")["notes"]
            assert [note["author"] for note in notes if note["key"] == key] == ["alice"]
            assert len(notes) == 2
            late.say("say", key=key, text="said again")
            late.say("ping", t=5)
            late.wait_for("pong")
            assert len(texts(late)) == 2


def test_note_written_while_sockets_open_is_lost_on_none(console: SharedConsole) -> None:
    path = f"/ws/runs/{finished_run(console)}/"
    sent: list[str] = []
    with SocketViewer(console.server, console.alice, path) as writer:
        writer.wait_for("hello")
        for number in range(8):
            sent.append(f"note {number}")
            writer.say("say", key=new_key(), text=sent[-1])
            with SocketViewer(console.server, console.alice, path) as viewer:
                viewer.wait_until(lambda viewer=viewer: set(texts(viewer)) == set(sent))  # type: ignore[misc]
                assert len(texts(viewer)) == len(sent)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"key": "no uuid", "text": "x"}, "refused"),
        ({"key": new_key(), "text": " "}, "refused"),
        ({"key": new_key(), "text": "x" * 2001}, "refused"),
        ({"key": new_key(), "text": 7}, "malformed"),
    ],
)
def test_refused_note_gets_a_sentence_with_its_key(console: SharedConsole, fields: dict[str, Any], code: str) -> None:
    with SocketViewer(console.server, console.alice, f"/ws/runs/{finished_run(console)}/") as viewer:
        viewer.wait_for("hello")
        viewer.say("say", **fields)
        error = viewer.wait_for("error", code=code)
        assert error["message"].endswith(".")
        assert code == "malformed" or error["key"] == fields["key"]


def test_note_before_there_is_a_run_is_refused(console: SharedConsole) -> None:
    with SocketViewer(console.server, console.alice, NEW) as viewer:
        viewer.say("say", key=new_key(), text="hello?")
        viewer.wait_for("error", code="no_run")


def test_who_may_no_longer_see_the_run_writes_nothing(console: SharedConsole) -> None:
    server, names, alice = console.server, console.names[:1], console.alice
    charlie = server.person("charlie", "consoles.view_all_runs")
    with SocketViewer(server, alice, NEW) as starter:
        run = starter.start(names, "true")
    with SocketViewer(server, charlie, f"/ws/runs/{run}/") as viewer:
        viewer.wait_for("hello")
        server.ask("take_rights", name="charlie")
        viewer.say("say", key=new_key(), text="still here")
        viewer.wait_for("error", code="refused")
    with SocketViewer(server, alice, f"/ws/runs/{run}/") as viewer:
        viewer.wait_for("hello")
        viewer.say("ping", t=1)
        viewer.wait_for("pong")
        assert texts(viewer) == []


@pytest.mark.parametrize("layer", ["memory", "redis"])
def test_notes_come_through_both_channel_layers_at_once(
    make_server: MakeServer, fleet: Fleet, layer: str, request: pytest.FixtureRequest
) -> None:
    environment = {"REDIS_URL": request.getfixturevalue("redis_url")} if layer == "redis" else {}
    # Viewers do not look by themselves here: what they hear, they hear through the layer.
    server = make_server(OPSCONSOLE_LOOK_EVERY="3600", **environment)
    names, alice = server.add_fleet(fleet, 1), server.alice()
    with SocketViewer(server, alice, NEW) as one:
        run = one.start(names, "true")
        with SocketViewer(server, alice, f"/ws/runs/{run}/") as two:
            two.wait_for("hello")
            one.say("say", key=new_key(), text="heard")
            assert two.wait_for("notes")["notes"][0]["text"] == "heard"


def test_note_is_told_even_where_no_doorbell_rings(console: SharedConsole, make_server: MakeServer) -> None:
    # Two processes and no Redis between them: the second only finds notes by looking.
    writing, names, alice = console.server, console.names[:1], console.alice
    reading = make_server(OPSCONSOLE_LOOK_EVERY="0.1", **writing.shared)
    with SocketViewer(writing, alice, NEW) as one:
        run = one.start(names, "true")
        with SocketViewer(reading, alice, f"/ws/runs/{run}/") as two:
            two.wait_for("hello")
            one.say("say", key=new_key(), text="found")
            assert two.wait_for("notes")["notes"][0]["text"] == "found"
