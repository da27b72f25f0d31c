"""The new-run page without scripts: nothing typed is lost, everything wrong is named, one form starts one run."""

from __future__ import annotations

import html
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from consoles import actions
from consoles.models import HostRun, Run, Script
from consoles.statuses import Status
from servers.models import HostKey, Server
from tests.support.runs import add_run, add_server

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

pytestmark = pytest.mark.django_db

LIMITS = {"fanout": "64", "connect_timeout": "10", "idle_timeout": "900", "total_timeout": "7200"}


@pytest.fixture(autouse=True)
def nobody_executes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are created and stay queued: naming an owner would start the engine's threads in the test process."""
    monkeypatch.setattr("consoles.dispatcher.owner", lambda: "test")


@pytest.fixture(autouse=True)
def servers(db: None) -> None:
    for name in ("web1", "web2", "web10"):
        add_server(name, groups=["web"], tags=["eu"])
    add_server("db1", groups=["db"], tags=["pci"])


def form(**fields: Any) -> dict[str, Any]:
    return {"key": str(uuid.uuid4()), "source": "command", **LIMITS, **fields}


def text_of(response: Any) -> str:
    """The page as a reader gets it: without tags, entities resolved, white space folded."""
    bare = re.sub(r"<script.*?</script>|<[^>]*>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(bare).split())


def review_of(client: Client, fields: dict[str, Any]) -> dict[str, Any]:
    response = client.post("/runs/new/", fields | {"action": "review"})
    return response.context["review"].frame


def start(client: Client, fields: dict[str, Any]) -> Any:
    """Review, then start what was reviewed."""
    digest = client.post("/runs/review/", fields).context["review"].digest
    return client.post("/runs/new/", fields | {"action": "start", "reviewed": digest})


def names_of(run: Run) -> list[str]:
    return list(run.host_runs.order_by("index").values_list("server_name", flat=True))


def test_picks_combine_in_the_review_before_anything_starts(alice_client: Client) -> None:
    fields = form(names="db1", groups=["web"], tags=["eu"], search="web1", command="uptime")
    frame = review_of(alice_client, fields)
    assert frame["servers"] == ["db1", "web1", "web2", "web10"]
    assert frame["ready"] and frame["command"] == "uptime"
    assert not Run.objects.exists()


def test_starts_exactly_what_was_reviewed(alice_client: Client, alice: User) -> None:
    fields = form(names="web2, web1", command="uptime\r\necho 'a b' $(id)\r\n", fanout="3", title="Look around")
    response = start(alice_client, fields)
    run = Run.objects.get()
    assert response.status_code == 302 and response["Location"] == f"/runs/{run.pk}/"
    assert (run.requester, run.title, run.fanout, run.via) == (alice, "Look around", 3, Run.Via.PAGE)
    assert run.program == "uptime\necho 'a b' $(id)\n"
    assert names_of(run) == ["web2", "web1"]


def test_a_resubmitted_form_leads_to_the_run_it_started(alice_client: Client) -> None:
    fields = form(names="web1", command="uptime")
    first, second = start(alice_client, fields), start(alice_client, fields)
    assert first["Location"] == second["Location"]
    assert Run.objects.count() == 1


def test_a_double_click_leads_to_one_run_even_when_the_server_is_gone_by_then(alice_client: Client) -> None:
    fields = form(names="web1", command="uptime")
    first = start(alice_client, fields)
    Server.objects.all().delete()
    second = alice_client.post("/runs/new/", fields | {"action": "start", "reviewed": "whatever"})
    assert second["Location"] == first["Location"]


def test_somebody_elses_key_starts_nothing_and_shows_nothing(alice_client: Client, bob: User) -> None:
    theirs = add_run(bob, {"web1": Status.SUCCEEDED}, title="private")
    response = start(alice_client, form(names="web1", command="uptime", key=str(theirs.key)))
    assert response.status_code == 422
    assert "This key was used for another run" in text_of(response)
    assert "private" not in text_of(response)
    assert Run.objects.count() == 1


def test_start_without_review_shows_the_review_first(alice_client: Client) -> None:
    response = alice_client.post("/runs/new/", form(names="web1", command="uptime", action="start"))
    assert response.status_code == 200
    assert "This is what will run now. Look it over, then press Start." in text_of(response)
    assert not Run.objects.exists()


def test_a_group_that_grew_since_the_review_is_shown_again(alice_client: Client) -> None:
    fields = form(groups=["web"], command="uptime")
    digest = review_of(alice_client, fields)["digest"]
    add_server("web99", groups=["web"])
    response = alice_client.post("/runs/new/", fields | {"action": "start", "reviewed": digest})
    assert "4 servers" in text_of(response) and "web99" in text_of(response)
    assert not Run.objects.exists()


def test_three_unknown_names_of_5000_are_all_named_and_all_5000_kept(alice_client: Client) -> None:
    model = Server.objects.get(name="web1")
    Server.objects.bulk_create(
        Server(name=f"s{number}", host="192.0.2.1", credential=model.credential) for number in range(4997)
    )
    typed = "\n".join(["nope-1", *(f"s{number}" for number in range(4997)), "nope-2", "nope-3"])
    response = start(alice_client, form(names=typed, command="uptime"))
    assert response.status_code == 422
    sentence = (
        "There are no servers named nope-1, nope-2, nope-3 that you can pick: correct the names or take them out."
    )
    assert sentence in text_of(response)
    assert html.escape(typed) in response.content.decode()
    assert len(response.context["review"].names) == 4997
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"names": " , \n"}, "No servers yet"),
        ({"command": " \n "}, "Type the command to run."),
        ({"source": "script"}, "Choose the script to run."),
        ({"source": "script", "script": "gone"}, "There is no script gone to pick."),
        ({"groups": ["gone"]}, "There is no group gone to pick."),
        ({"tags": ["gone"]}, "There is no tag gone to pick."),
        ({"fanout": "0"}, "Fan-out must be a whole number from 1 to 256."),
        ({"fanout": "257"}, "Fan-out must be a whole number from 1 to 256."),
        ({"fanout": ""}, "Fan-out must be a whole number from 1 to 256."),
        ({"connect_timeout": "1.5"}, "Connect timeout must be a whole number from 1 to 300."),
        ({"idle_timeout": "-1"}, "Idle timeout must be a whole number from 0 to 604800."),
        ({"total_timeout": "9" * 30}, "Total timeout must be a whole number from 0 to 604800."),
        ({"mode": "sometimes"}, "Choose one of the modes."),
        ({"command": "a\0b"}, "Null characters are not allowed."),
        ({"title": "x" * 201}, "at most 200 characters"),
        ({"key": "no-uuid"}, "Reload the page and try again."),
        ({"names": " ".join(f"n{number}" for number in range(10_001))}, "at most 10,000 servers"),
        ({"source": "neither"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_starts(alice_client: Client, fields: dict[str, Any], sentence: str) -> None:
    response = start(alice_client, form(names="web1", command="uptime") | fields)
    assert response.status_code == 422
    assert sentence in text_of(response)
    assert not Run.objects.exists()


def test_a_correction_keeps_everything_else_that_was_typed(alice_client: Client) -> None:
    typed = form(
        names="web1\nweb 2<b>", groups=["web"], tags=["pci"], search="db", command='\n  echo </textarea> "x"', title="T"
    )
    response = start(alice_client, typed | {"fanout": "999", "idle_timeout": "5"})
    page = response.content.decode()
    assert html.escape(typed["names"]) in page
    assert html.escape(typed["command"]) in page
    for kept in ('value="999"', 'value="5"', 'value="T"', 'value="db"', typed["key"]):
        assert kept in page, kept
    assert len(re.findall(r"checked", page)) == 3  # the group, the tag and the source
    assert '</textarea> "x"' not in page


def test_a_server_whose_key_is_missing_or_has_changed_is_called_out(alice_client: Client) -> None:
    add_server("new1", trusted=False)
    changed = add_server("odd1")
    state = HostKey.State.PENDING
    HostKey.objects.create(server=changed, key_type="ssh-ed25519", key="B", fingerprint="y", state=state, conflict=True)
    response = alice_client.post("/runs/review/", form(names="web1 new1 odd1", command="uptime"))
    found = response.context["review"]
    assert (found.missing_key, found.changed_key) == (["new1"], ["odd1"])
    assert "No trusted host key on 1 server. " in text_of(response)
    assert "Changed host key on 1 server. " in text_of(response)
    assert found.ready


def test_review_shows_the_newest_text_of_a_script_and_its_fingerprint(alice_client: Client) -> None:
    script = Script.objects.create(name="update")
    script.add_version("echo old\n")
    newest = script.add_version("echo <new>\n")
    response = alice_client.post(
        "/runs/review/", form(source="script", script="update", command="left over", names="db1")
    )
    page = response.content.decode()
    assert "<pre" in page and "echo &lt;new&gt;" in page and "echo old" not in page and "left over" not in page
    assert newest.sha256[:12] in page and "v2" in page


def test_starts_a_saved_script(alice_client: Client) -> None:
    version = Script.objects.create(name="update").add_version("echo hi\n")
    start(alice_client, form(source="script", script="update", names="db1"))
    run = Run.objects.get()
    assert (run.script_version, run.title, run.program) == (version, "update", "echo hi\n")


def test_a_script_without_text_cannot_be_started(alice_client: Client) -> None:
    Script.objects.create(name="empty")
    response = start(alice_client, form(source="script", script="empty", names="db1"))
    assert "The script empty has no text yet" in text_of(response)
    assert not Run.objects.exists()


def test_script_changed_after_the_review_is_shown_again(alice_client: Client) -> None:
    script = Script.objects.create(name="update")
    script.add_version("echo 1\n")
    fields = form(source="script", script="update", names="db1")
    digest = review_of(alice_client, fields)["digest"]
    script.add_version("echo 2\n")
    response = alice_client.post("/runs/new/", fields | {"action": "start", "reviewed": digest})
    assert "echo 2" in text_of(response)
    assert not Run.objects.exists()


def test_names_can_be_given_in_the_address(alice_client: Client) -> None:
    page = alice_client.get("/runs/new/?servers=web1,db1").content.decode()
    assert ">web1\ndb1</textarea>" in page


def test_runs_again_on_the_same_servers_with_the_same_program_and_limits(alice_client: Client, alice: User) -> None:
    earlier = add_run(alice, {"web2": Status.FAILED, "web1": Status.SUCCEEDED}, "echo 'x'", fanout=7, idle_timeout=0)
    response = alice_client.get(f"/runs/new/?rerun={earlier.pk}")
    initial = response.context["form"].initial
    assert (initial["names"], initial["command"], initial["fanout"], initial["idle_timeout"]) == (
        "web2\nweb1",
        "echo 'x'",
        7,
        0,
    )
    assert 'value="0"' in response.content.decode()
    start(alice_client, form(names=initial["names"], command=initial["command"], rerun=str(earlier.pk)))
    assert Run.objects.first().rerun_of == earlier  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", Run.Mode)
def test_starts_in_the_chosen_mode_and_keeps_it_when_running_again(alice_client: Client, mode: Run.Mode) -> None:
    start(alice_client, form(names="web1", command="uptime", mode=mode.value))
    run = Run.objects.get()
    assert run.mode == mode
    page = alice_client.get(f"/runs/new/?rerun={run.pk}")
    assert re.search(f'value="{mode.value}"[^>]* checked', page.content.decode())


def test_a_form_without_a_mode_is_detached_if_possible(alice_client: Client) -> None:
    start(alice_client, form(names="web1", command="uptime"))
    assert Run.objects.get().mode == Run.Mode.AUTO


def test_the_review_tells_the_mode_and_another_mode_is_reviewed_again(alice_client: Client) -> None:
    fields = form(names="web1", command="uptime", mode="attached")
    response = alice_client.post("/runs/new/", fields | {"action": "review"})
    assert "Attached. Ends with the connection, and when this console ends." in text_of(response)
    digest = response.context["review"].digest
    response = alice_client.post("/runs/new/", fields | {"action": "start", "reviewed": digest, "mode": "detached"})
    assert "This is what will run now." in text_of(response)
    assert not Run.objects.exists()


@pytest.mark.parametrize("mode", ["", "Detached", "x" * 300])
def test_an_unknown_mode_is_refused_by_the_action_with_a_sentence(alice: User, mode: str) -> None:
    request = actions.Request(key=str(uuid.uuid4()), servers=("web1",), command="uptime", mode=mode)
    with pytest.raises(actions.RequestError) as refused:
        actions.request_run(request, alice)
    assert refused.value.messages == {"mode": ["The mode is auto, detached or attached: choose one of these."]}


ENDED = {status.value.replace("_", "-"): status for status in Status if status not in ("queued", "starting", "running")}


@pytest.mark.parametrize(
    ("only", "names"),
    [
        ("unfinished", {"timed-out", "canceled", "unreachable", "lost", "skipped"}),
        ("failed", {"failed", "timed-out", "canceled", "unreachable", "lost", "skipped"}),
        ("", set(ENDED)),
        ("nonsense", set(ENDED)),
    ],
)
def test_runs_again_only_where_it_did_not_work(alice_client: Client, alice: User, only: str, names: set[str]) -> None:
    for name in ENDED:
        add_server(name)
    earlier = add_run(alice, ENDED)
    response = alice_client.get(f"/runs/new/?rerun={earlier.pk}&only={only}")
    assert set(response.context["form"].initial["names"].split()) == names


def test_servers_still_at_work_are_left_out_of_what_is_run_again(alice_client: Client, alice: User) -> None:
    earlier = add_run(alice, {"web1": Status.RUNNING, "web2": Status.LOST})
    response = alice_client.get(f"/runs/new/?rerun={earlier.pk}&only=unfinished")
    assert response.context["form"].initial["names"] == "web2"
    assert f"Run #{earlier.pk} is still at work on 1 of its servers: they are left out here." in text_of(response)


def test_servers_that_are_gone_are_named_when_running_again(alice_client: Client, alice: User) -> None:
    earlier = add_run(alice, {"web1": Status.LOST, "gone1": Status.LOST, "gone2": Status.LOST, "db1": Status.LOST})
    Server.objects.filter(name="db1").update(enabled=False)
    response = alice_client.get(f"/runs/new/?rerun={earlier.pk}")
    assert response.context["form"].initial["names"] == "web1"
    told = "Left out, because they no longer exist or are not enabled: db1, gone[1-2]."
    assert told in text_of(response)


def test_a_script_that_changed_or_went_away_is_said_when_running_again(alice_client: Client, alice: User) -> None:
    script = Script.objects.create(name="update")
    version = script.add_version("echo 1\n")
    earlier = add_run(alice, {"web1": Status.FAILED}, "echo 1\n", script_version=version, title="update")
    script.add_version("echo 2\n")
    page = text_of(alice_client.get(f"/runs/new/?rerun={earlier.pk}"))
    assert f"update has changed: run #{earlier.pk} ran version 1, this one will run version 2." in page
    Script.objects.update(enabled=False)
    response = alice_client.get(f"/runs/new/?rerun={earlier.pk}")
    assert "The script update cannot be picked any more" in text_of(response)
    assert response.context["form"].initial["command"] == "echo 1\n"


def test_a_title_somebody_chose_is_kept_when_running_again(alice_client: Client, alice: User) -> None:
    own = add_run(alice, {"web1": Status.LOST}, title="Before the audit")
    given = add_run(alice, {"web1": Status.LOST}, "uptime")
    assert alice_client.get(f"/runs/new/?rerun={own.pk}").context["form"].initial.get("title") == "Before the audit"
    assert not alice_client.get(f"/runs/new/?rerun={given.pk}").context["form"].initial.get("title")


def test_a_run_the_user_may_not_see_cannot_be_named_as_the_one_before(alice_client: Client, bob: User) -> None:
    theirs = add_run(bob, {"web1": Status.SUCCEEDED})
    start(alice_client, form(names="web1", command="uptime", rerun=str(theirs.pk)))
    assert Run.objects.first().rerun_of is None  # type: ignore[union-attr]


def test_without_servers_the_page_says_what_to_do(alice_client: Client) -> None:
    Server.objects.all().delete()
    assert "There are no servers that you can pick." in text_of(alice_client.get("/runs/new/"))


def test_server_options_tell_what_the_picker_needs(alice_client: Client) -> None:
    rows = alice_client.get("/servers.json").json()
    assert rows[0] == {
        "name": "db1", "host": "db1.example.net", "groups": ["db"], "tags": ["pci"], "key": "trusted"
    }  # fmt: skip
    assert [row["name"] for row in rows] == ["db1", "web1", "web10", "web2"]


def test_server_options_and_review_take_few_queries(alice_client: Client, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(9):
        alice_client.get("/servers.json")
    with django_assert_max_num_queries(20):
        alice_client.post("/runs/review/", form(groups=["web"], command="uptime"))


def test_starting_a_run_queues_every_server_once(alice_client: Client) -> None:
    start(alice_client, form(names="web1 web1", groups=["web"], command="uptime"))
    assert names_of(Run.objects.get()) == ["web1", "web2", "web10"]
    assert set(HostRun.objects.values_list("status", flat=True)) == {Status.QUEUED}


def test_a_program_with_unseen_characters_is_called_out(alice_client: Client) -> None:
    fields = form(names="web1", command="echo ok\nrm -rf /tmp/x \u202e# etad\u200b\necho\ttab")
    response = alice_client.post("/runs/new/", fields | {"action": "review"})
    assert "that reorder what is read: U+202E in line 2, U+200B in line 2." in text_of(response)
    assert "3 lines" in text_of(response)
    many = alice_client.post("/runs/new/", fields | {"action": "review", "command": "\u202e" * 1200})
    assert "U+202E in line 1 and 1,196 more." in text_of(many)


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("Patch\u202e\x1b[2Jday", "Patchday"),
        ("two\nlines", "two lines"),
        ("\u2066\u200b", "uptime"),
        ("", "uptime"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_title_has_no_power_over_the_page(alice: User, asked: str, title: str) -> None:
    request = actions.Request(key=str(uuid.uuid4()), servers=("web1",), command="\u202euptime", title=asked)
    assert actions.request_run(request, alice).title == title
