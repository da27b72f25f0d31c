"""Groups of hosts that printed the same, as they finish, and differences between hosts and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from consoles import comparing
from consoles.grouping import VERSION
from consoles.models import HostRun, Run, Script
from consoles.protocol import STDERR, STDOUT
from consoles.ranges import as_ranges, parse_ranges
from consoles.statuses import Status
from tests.support.people import RUN_RIGHTS, person
from tests.support.runs import add_output, add_run, add_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User

    from tests.support.engine import Engine

pytestmark = pytest.mark.django_db

OK, BAD = Status.SUCCEEDED, Status.FAILED


def groups_of(client: Client, run: Run) -> dict[str, Any]:
    """What a page knows in the end: it asks again where a slow machine did not get through with one request."""
    for _ in range(20):
        response = client.get(f"/runs/{run.pk}/groups.json")
        assert response.status_code == 200
        if not response.json()["pending"]:
            break
    return dict(response.json())


def diff_of(client: Client, run: Run, index: int, against: object) -> dict[str, Any]:
    response = client.get(f"/runs/{run.pk}/hosts/{index}/diff", {"against": str(against)})
    assert response.status_code == 200, response.content
    return dict(response.json())


def fill(run: Run, *outputs: bytes) -> Run:
    for index, output in enumerate(outputs):
        add_output(run, index, output)
    return run


def ticks(step: float) -> Iterator[float]:
    """A clock that moves on by ``step`` seconds whenever somebody looks."""
    now = 0.0
    while True:
        yield now
        now += step


def test_hosts_that_printed_the_same_are_one_group(alice: User, alice_client: Client) -> None:
    run = add_run(alice, {"web1": OK, "web2": OK, "web3": OK, "db1": OK})
    fill(run, b"web1: done in 3 s\n", b"\x1b[1mweb2\x1b[0m: done in 14 s\n", b"web3: half done\n", b"db1: done in 1 s")
    answer = groups_of(alice_client, run)
    assert (answer["pending"], answer["unfinished"]) == (0, 0)
    first, second = answer["groups"]
    assert (first["names"], first["hosts"], first["count"], first["sample"]) == ("db1 web[1-2]", "0-1,3", 3, 0)
    assert (first["status"], first["largest"], first["in_part"], first["differs"]) == ("succeeded", True, False, None)
    assert (second["names"], second["largest"]) == ("web3", False)
    assert second["differs"] == ["+", "<host>: half done"]


def test_hosts_that_ended_differently_are_never_one_group(alice: User, alice_client: Client) -> None:
    run = fill(add_run(alice, {"a1": OK, "a2": BAD, "a3": BAD, "a4": BAD}), b"x\n", b"x\n", b"x\n", b"x\n")
    run.host_runs.filter(index=1).update(exit_status=1)
    run.host_runs.filter(index=2).update(exit_status=2)
    run.host_runs.filter(index=3).update(exit_signal="KILL")
    assert sorted(group["hosts"] for group in groups_of(alice_client, run)["groups"]) == ["0", "1", "2", "3"]
    assert len({group["key"] for group in groups_of(alice_client, run)["groups"]}) == 4


def test_hosts_without_output_are_grouped_by_the_reason_without_their_names(alice: User, alice_client: Client) -> None:
    run = add_run(alice, dict.fromkeys(("web1", "web2", "web3"), Status.UNREACHABLE))
    for host_run in run.host_runs.all():
        why = "refused the login" if host_run.index == 2 else "did not answer within 10 s"
        host_run.reason = f"{host_run.server_name} ({host_run.address}) {why}."
        host_run.save()
    groups = groups_of(alice_client, run)["groups"]
    assert [(group["names"], group["size"]) for group in groups] == [("web[1-2]", 0), ("web3", 0)]
    assert groups[0]["reason"].startswith("<host> (<host>")


def test_the_largest_comes_first_then_what_went_wrong_however_small(alice: User, alice_client: Client) -> None:
    hosts = {**{f"w{n}": OK for n in range(1, 6)}, **{f"x{n}": OK for n in range(1, 4)}, "bad1": BAD}
    run = fill(add_run(alice, hosts), *[b"a\n"] * 5, *[b"b\n"] * 3, b"c\n")
    assert [group["count"] for group in groups_of(alice_client, run)["groups"]] == [5, 1, 3]


def test_what_printed_nothing_is_not_what_others_are_compared_with(alice: User, alice_client: Client) -> None:
    hosts = {"a1": Status.UNREACHABLE, "a2": Status.UNREACHABLE, "a3": OK}
    run = add_run(alice, hosts)
    add_output(run, 2, b"hello\n")
    groups = groups_of(alice_client, run)["groups"]
    assert [(group["names"], group["largest"]) for group in groups] == [("a3", True), ("a[1-2]", False)]


def test_hosts_still_at_work_are_counted_and_not_grouped(alice: User, alice_client: Client) -> None:
    run = fill(add_run(alice, {"a1": OK, "a2": Status.RUNNING, "a3": Status.QUEUED}), b"x\n", b"x\n")
    answer = groups_of(alice_client, run)
    assert [group["hosts"] for group in answer["groups"]] == ["0"]
    assert answer["unfinished"] == 2
    assert not HostRun.objects.get(run=run, index=1).digest


def test_each_output_is_read_once_and_a_second_look_asks_little(
    alice: User, alice_client: Client, django_assert_max_num_queries: Any
) -> None:
    run = fill(add_run(alice, {f"a{n}": OK for n in range(30)}), *[b"x\n"] * 30)
    first = groups_of(alice_client, run)
    assert all(digest.startswith(f"{VERSION}:") for digest in run.host_runs.values_list("digest", flat=True))
    with django_assert_max_num_queries(6):
        assert groups_of(alice_client, run) == first


def test_what_older_rules_worked_out_is_worked_out_anew(alice: User, alice_client: Client) -> None:
    run = fill(add_run(alice, {"a1": OK, "a2": OK}), b"x\n", b"x\n")
    run.host_runs.filter(index=0).update(digest="0:old")
    assert len(groups_of(alice_client, run)["groups"]) == 1


def test_a_request_ends_with_its_budget_and_says_how_many_are_left(alice: User) -> None:
    run = fill(add_run(alice, {f"a{n}": OK for n in range(10)}), *[b"x\n"] * 10)
    clock = ticks(0.4)
    pending: list[int] = []
    while not pending or pending[-1]:
        found = comparing.group(run, 1.0, lambda: next(clock))
        pending.append(found.pending)
    assert pending[0] > 0
    assert pending == sorted(set(pending), reverse=True)
    assert [len(group.members) for group in found.groups] == [10]


def test_differences_for_which_there_was_no_time_are_told_to_whoever_asks_again(alice: User) -> None:
    run = fill(add_run(alice, {f"a{n}": OK for n in range(5)}), b"x\n", b"x\n", b"y\n", b"z\n", b"v\n")
    comparing.group(run)
    comparing._first_difference.cache_clear()
    clock = ticks(1.0)
    asked = 0
    while (found := comparing.group(run, 1.0, lambda: next(clock))).pending:
        asked += 1
        assert None in [one.differs for one in found.groups[1:]]
    assert asked > 0
    assert sorted(one.differs[1] for one in found.groups[1:] if one.differs) == ["v", "y", "z"]


def test_without_any_budget_one_host_is_done_all_the_same(alice: User) -> None:
    run = fill(add_run(alice, {"a1": OK, "a2": OK}), b"x\n", b"x\n")
    clock = ticks(5.0)
    assert comparing.group(run, 0.0, lambda: next(clock)).pending == 1


def test_a_digest_is_never_stored_for_a_host_that_is_at_work(alice: User) -> None:
    run = fill(add_run(alice, {"a1": Status.RUNNING}), b"x\n")
    comparing._store({run.host_runs.get().pk: f"{VERSION}:x"})
    assert run.host_runs.get().digest == ""


def test_while_others_compare_groups_are_told_as_far_as_they_are_known(alice: User) -> None:
    run = fill(add_run(alice, {"a1": OK, "a2": OK}), b"x\n", b"y\n")
    with comparing._turn(0):
        assert comparing.group(run, 0).pending == 2
    assert comparing.group(run).pending == 0
    with comparing._turn(0):
        found = comparing.group(run, 0)
    assert found.pending == 1 and len(found.groups) == 2, "asked again, it tells the differences"


def test_a_diff_that_gets_no_turn_is_refused_with_a_sentence(
    alice: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "TURN_WAIT", 0)
    run = fill(add_run(alice, {"a1": OK, "a2": OK}), b"x\n", b"y\n")
    with comparing._turn(0):
        response = alice_client.get(f"/runs/{run.pk}/hosts/1/diff?against=0")
    assert response.status_code == 503 and "try again" in response.json()["error"]
    assert diff_of(alice_client, run, 1, 0)["hunks"]


def test_large_logs_are_compared_by_their_ends_and_number_of_lines(
    alice: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "WHOLE", 64 * 1024)
    monkeypatch.setattr(comparing, "AT_AN_END", 32 * 1024)

    def log(name: str, odd_line: int | None = None, lines: int = 10_000) -> bytes:
        rows = [b"on %s" % name.encode() if n % 50 == 0 else b"row %d" % n for n in range(lines)]
        if odd_line is not None:
            rows[odd_line] = b"odd"
        return b"\n".join(rows) + b"\n"

    hosts = {"web1": OK, "longer-name2": OK, "web3": OK, "web4": OK, "web5": OK}
    run = add_run(alice, hosts)
    outputs = [log("web1"), log("longer-name2"), log("web3", 9_990), log("web4", 5_000), log("web5", lines=10_001)]
    for host_run, output in zip(run.host_runs.order_by("index"), outputs, strict=True):
        for at in range(0, len(output), 64 * 1024):
            add_output(run, host_run.index, output[at : at + 64 * 1024])
        HostRun.objects.filter(pk=host_run.pk).update(lines=output.count(b"\n"))
    groups = groups_of(alice_client, run)["groups"]
    # The middle of web4 is not looked at, and the page is told that.
    assert [(group["hosts"], group["in_part"]) for group in groups] == [("0-1,3", True), ("2", True), ("4", True)]
    diff = diff_of(alice_client, run, 2, 0)
    assert (diff["same"], diff["truncated"]) == (False, True)
    assert diff_of(alice_client, run, 3, 0)["truncated"]


def test_stdout_and_stderr_are_compared_each_for_itself(alice: User, alice_client: Client) -> None:
    run = add_run(alice, {"a1": OK, "a2": OK, "a3": OK})
    add_output(run, 0, (STDOUT, b"one\ntw"), (STDERR, b"warning\n"), (STDOUT, b"o\n"))
    add_output(run, 1, (STDERR, b"warning\n"), (STDOUT, b"one\ntwo\n"))
    add_output(run, 2, (STDOUT, b"one\ntwo\n"), (STDERR, b"error\n"))
    assert [group["hosts"] for group in groups_of(alice_client, run)["groups"]] == ["0-1", "2"]
    [hunk] = diff_of(alice_client, run, 2, 1)["hunks"]
    assert hunk["lines"][-3:] == [[" ", "── stderr ──"], ["-", "warning"], ["+", "error"]]


def test_a_diff_names_both_sides_and_leaves_out_what_does_not_count(alice: User, alice_client: Client) -> None:
    run = fill(add_run(alice, {"web1": OK, "web2": BAD}), b"10:00:00 web1\nall <b>fine</b>\n", b"11:11:11 web2\nno\n")
    diff = diff_of(alice_client, run, 1, 0)
    assert (diff["left"]["name"], diff["right"]["name"], diff["right"]["status"]) == ("web1", "web2", "failed")
    assert diff["left"]["link"] == f"/runs/{run.pk}/#h=web1"
    lines = [[" ", "<time> <host>"], ["-", "all <b>fine</b>"], ["+", "no"]]
    assert diff["hunks"] == [{"header": "@@ -1,2 +1,2 @@", "lines": lines}]
    assert diff_of(alice_client, run, 1, 1)["same"]


@pytest.mark.parametrize("against", ["", "x", "-1", "1.5", "last", "9" * 30, "٣"])
def test_a_diff_against_nonsense_is_answered_by_a_sentence(alice: User, alice_client: Client, against: str) -> None:
    run = add_run(alice, {"web1": OK})
    response = alice_client.get(f"/runs/{run.pk}/hosts/0/diff", {"against": against})
    assert response.status_code == 400
    assert response.json()["error"].startswith("Say what to compare with")


def test_the_last_good_run_is_the_newest_success_of_the_script_on_the_server(alice: User, alice_client: Client) -> None:
    script, other = (Script.objects.create(name=name) for name in ("update", "other"))
    script.add_version("v1")
    other.add_version("v1")
    server = add_server("web1")
    runs = [add_run(alice, {"web1": status}, script_version=script.latest) for status in (OK, OK, BAD)]
    earlier = [fill(run, b"%d\n" % number) for number, run in enumerate(runs)]
    stranger = fill(add_run(alice, {"web1": OK}, script_version=other.latest), b"other\n")
    elsewhere = fill(add_run(alice, {"web2": OK}, script_version=script.latest), b"elsewhere\n")
    script.add_version("v2")
    now = fill(add_run(alice, {"web1": BAD}, script_version=script.latest), b"now\n")
    later = fill(add_run(alice, {"web1": OK}, script_version=script.latest), b"later\n")
    for run in (*earlier, stranger, now, later):
        run.host_runs.update(server=server)
    elsewhere.host_runs.update(server=add_server("web2"))
    diff = diff_of(alice_client, now, 0, "last-good")
    assert (diff["left"]["run"], diff["left"]["link"]) == (earlier[1].pk, f"/runs/{earlier[1].pk}/#h=web1")
    assert diff["hunks"][0]["lines"] == [["-", "1"], ["+", "now"]]


def test_a_command_is_compared_with_the_same_command_and_a_gone_server_by_its_name(
    alice: User, alice_client: Client
) -> None:
    good = fill(add_run(alice, {"gone1": OK}, "uptime"), b"good\n")
    fill(add_run(alice, {"gone1": OK}, "uptime -p"), b"other command\n")
    now = fill(add_run(alice, {"gone1": BAD}, "uptime"), b"now\n")
    assert diff_of(alice_client, now, 0, "last-good")["left"]["run"] == good.pk


def test_without_a_last_good_run_a_sentence_says_so(alice: User, alice_client: Client) -> None:
    diff = diff_of(alice_client, add_run(alice, {"web1": BAD}), 0, "last-good")
    assert diff["left"] is None
    assert diff["note"] == "No earlier run of this command that you may see succeeded on web1."


def test_the_last_good_run_of_somebody_else_is_compared_with_only_by_who_may_see_it(
    alice: User, alice_client: Client, charlie: User
) -> None:
    theirs = fill(add_run(person("dora", *RUN_RIGHTS), {"web1": OK}), b"theirs\n")
    now = fill(add_run(alice, {"web1": BAD}), b"now\n")
    assert diff_of(alice_client, now, 0, "last-good")["left"] is None
    staff = Client()
    staff.force_login(charlie)
    assert diff_of(staff, now, 0, "last-good")["left"]["run"] == theirs.pk


def test_nothing_of_a_run_of_somebody_else_is_told(alice: User, alice_client: Client) -> None:
    theirs = fill(add_run(person("dora", *RUN_RIGHTS), {"web1": OK, "web2": OK}), b"secret\n", b"other\n")
    for path in ("groups.json", "hosts/0/diff?against=1", "hosts/0/diff?against=last-good", "hosts/0/end"):
        response = alice_client.get(f"/runs/{theirs.pk}/{path}")
        assert response.status_code == 404
        assert b"secret" not in response.content
    assert theirs.host_runs.filter(digest="").count() == 2


def test_the_end_of_an_output_is_told_as_it_was_printed(alice: User, alice_client: Client) -> None:
    run = fill(
        add_run(alice, {"web1": OK}), b"\x1b[31mweb1\x1b[0m 10:00:00\n 9 %\r10 %\n\x1b]52;c;b3duZWQ=\x07end\xe2\x80\xae"
    )
    answer = alice_client.get(f"/runs/{run.pk}/hosts/0/end").json()
    text = "\x1b[31mweb1\x1b[0m 10:00:00\n 9 %\r10 %\n\x1b]52;c;b3duZWQ=\x07end\u202e"
    assert answer == {"text": text, "skipped": 0}


def test_of_a_large_output_only_whole_lines_of_the_end_are_told(alice: User) -> None:
    run = fill(add_run(alice, {"web1": OK}), b"one\ntwo\nthree\n")
    assert comparing.end_of(run.host_runs.get(), 8) == ("three\n", 8)


def test_groups_grow_while_hosts_finish(engine: Engine, transactional_db: None, tmp_path: Any) -> None:
    gate = tmp_path / "gate"
    first = f"if mkdir {gate}.first 2>/dev/null; then exit 3; fi"
    run = engine.start(engine.servers(3), f"echo at work; {first}; while [ ! -e {gate} ]; do sleep 0.05; done; date")
    engine.wait_until(run, lambda rows: [row.status for row in rows].count(BAD) == 1)
    found = comparing.group(run)
    assert ([len(group.members) for group in found.groups], found.unfinished) == ([1], 2)
    gate.touch()
    engine.wait_for_end(run)
    found = comparing.group(run)
    assert ([len(group.members) for group in found.groups], found.unfinished) == ([2, 1], 0)


def test_run_again_takes_exactly_the_hosts_of_the_address(alice: User, alice_client: Client) -> None:
    for name in ("web1", "web2", "web3", "web5"):
        add_server(name)
    run = add_run(alice, {"web1": OK, "web2": BAD, "web3": OK, "web4": BAD, "web5": BAD})
    assert names_of(alice_client, run, hosts="0-1,4") == ["web1", "web2", "web5"]
    assert names_of(alice_client, run, hosts="0-1", only="failed") == ["web2"]


def test_run_again_says_which_hosts_of_the_address_are_gone(alice: User, alice_client: Client) -> None:
    add_server("web1")
    run = add_run(alice, {"web1": OK, "web2": BAD})
    response = alice_client.get(f"/runs/new/?rerun={run.pk}&hosts=0-1")
    assert response.context["form"].initial["names"] == "web1"
    assert "Left out, because they no longer exist or are not enabled: web2." in response.context["notes"]


def test_run_again_says_that_the_run_has_no_such_hosts(alice: User, alice_client: Client) -> None:
    add_server("web1")
    run = add_run(alice, {"web1": OK})
    response = alice_client.get(f"/runs/new/?rerun={run.pk}&hosts=0,7-9")
    assert f"Run #{run.pk} has no servers with the index 7-9: choose others." in response.context["notes"]


@pytest.mark.parametrize("hosts", ["x", "1-", "-1", "1,,2", "1 2", "9" * 20, "0-999999,1000000", "٣"])
def test_run_again_on_hosts_that_cannot_be_read_picks_nobody(alice: User, alice_client: Client, hosts: str) -> None:
    add_server("web1")
    run = add_run(alice, {"web1": OK})
    response = alice_client.get("/runs/new/", {"rerun": str(run.pk), "hosts": hosts})
    assert response.context["form"].initial["names"] == ""
    assert any("cannot be read from the address" in note for note in response.context["notes"])


def names_of(client: Client, run: Run, **query: str) -> list[str]:
    response = client.get("/runs/new/", {"rerun": str(run.pk), **query})
    return str(response.context["form"].initial["names"]).splitlines()


def test_ranges_are_read_as_they_are_written() -> None:
    assert as_ranges([7, 0, 1, 2, 2, 9, 10]) == "0-2,7,9-10"
    assert parse_ranges("0-2,7,9-10", 100) == {0, 1, 2, 7, 9, 10}
    with pytest.raises(ValueError, match="At most 5"):
        parse_ranges("0-999999", 5)


def test_a_digest_that_is_there_stays(alice: User) -> None:
    run = fill(add_run(alice, {f"a{n}": OK for n in range(3)}), b"x\n", b"y\n", b"x\n")
    digests = {row.pk: comparing.digest_of(row) for row in run.host_runs.all()}
    comparing._store(digests)
    comparing._store(dict.fromkeys(digests, f"{VERSION}:late"))
    assert dict(run.host_runs.values_list("pk", "digest")) == digests
