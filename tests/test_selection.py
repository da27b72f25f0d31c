"""What was picked by name, group, tag and search becomes exactly the servers it means."""

from __future__ import annotations

import pytest

from consoles.node_sets import BadNodeSet, expand
from consoles.selection import UnknownNames, natural, parse_names, resolve
from servers.models import Credential, Group, Server, Tag

pytestmark = pytest.mark.django_db


@pytest.fixture
def credential() -> Credential:
    return Credential.objects.create(name="deploy", user="root")


@pytest.fixture
def fleet(credential: Credential) -> dict[str, Server]:
    """web1, web2, web10 in group web; db1 in group db with tag eu; off1 is not enabled."""
    web, db = Group.objects.create(name="web"), Group.objects.create(name="db")
    eu = Tag.objects.create(name="eu")
    servers = {
        name: Server.objects.create(name=name, host=f"{name}.example.net", credential=credential)
        for name in ("web10", "web2", "web1", "db1", "off1")
    }
    web.servers.add(servers["web1"], servers["web2"], servers["web10"])
    db.servers.add(servers["db1"])
    eu.servers.add(servers["db1"], servers["web1"])
    Server.objects.filter(name="off1").update(enabled=False)
    return servers


def pick(**picks: object) -> list[str]:
    return [server.name for server in resolve(Server.objects.filter(enabled=True), **picks)]  # type: ignore[arg-type]


def test_splits_a_pasted_list_at_white_space_commas_and_semicolons() -> None:
    assert parse_names(" web1,web2;db1\r\n\tweb1\n , db2 ") == ["web1", "web2", "db1", "db2"]


def test_an_empty_list_has_no_names() -> None:
    assert parse_names(" ,\n") == []


def test_keeps_the_order_in_which_servers_were_named(fleet: dict[str, Server]) -> None:
    assert pick(names=["web2", "db1", "web1", "db1"]) == ["web2", "db1", "web1"]


def test_picks_combine_and_each_server_comes_once(fleet: dict[str, Server]) -> None:
    assert pick(names=["db1"], groups=["web"], tags=["eu"], search="example") == ["db1", "web1", "web2", "web10"]


def test_picks_by_group(fleet: dict[str, Server]) -> None:
    assert pick(groups=["web"]) == ["web1", "web2", "web10"]


def test_picks_by_tag(fleet: dict[str, Server]) -> None:
    assert pick(tags=["eu"]) == ["db1", "web1"]


def test_searches_name_host_group_and_tag_and_every_word_must_occur(fleet: dict[str, Server]) -> None:
    assert pick(search="WEB example.net") == ["web1", "web2", "web10"]
    assert pick(search="web eu") == ["web1"]
    assert pick(search="db nothing") == []


def test_an_empty_search_picks_nothing(fleet: dict[str, Server]) -> None:
    assert pick(search="  ") == []
    assert pick() == []


def test_a_server_that_is_not_enabled_is_unknown(fleet: dict[str, Server]) -> None:
    with pytest.raises(UnknownNames) as caught:
        pick(names=["web1", "off1"])
    assert caught.value.names == ("off1",)
    assert str(caught.value) == "There is no server named off1 that you can pick: correct the name or take it out."


def test_names_all_unknown_groups_and_tags(fleet: dict[str, Server]) -> None:
    with pytest.raises(UnknownNames) as caught:
        pick(names=["x1"], groups=["web", "nope"], tags=["b", "a"])
    assert (caught.value.names, caught.value.groups, caught.value.tags) == (("x1",), ("nope",), ("a", "b"))
    assert len(caught.value.sentences()) == 3


def test_names_the_three_of_5000_that_do_not_exist(
    credential: Credential, django_assert_max_num_queries: object
) -> None:
    Server.objects.bulk_create(Server(name=f"s{n}", host="192.0.2.1", credential=credential) for n in range(4997))
    names = [f"s{n}" for n in range(4997)]
    names[7:7], names[2500:2500], names[4999:] = ["ghost-a"], ["ghost-b"], ["ghost-c"]
    assert len(names) == 5000
    with django_assert_max_num_queries(12), pytest.raises(UnknownNames) as caught:  # type: ignore[operator]
        resolve(Server.objects.all(), names=names)
    assert caught.value.names == ("ghost-a", "ghost-b", "ghost-c")
    assert all(name in str(caught.value) for name in caught.value.names)


def test_a_name_is_never_a_pattern(fleet: dict[str, Server]) -> None:
    for name in ("web%", "web_", "*", "WEB1", "' OR 1=1 --", "$(id)"):
        with pytest.raises(UnknownNames):
            pick(names=[name])


def test_counts_digits_in_names_as_numbers() -> None:
    assert sorted(["web10", "web2", "db1", "web2b", "7"], key=natural) == ["7", "db1", "web2", "web2b", "web10"]


def meant(*words: str) -> list[str]:
    return pick(names=words, loosely=True)


def unclear(*words: str) -> UnknownNames:
    with pytest.raises(UnknownNames) as caught:
        meant(*words)
    return caught.value


def test_typed_names_may_differ_in_case_when_only_one_is_meant(
    fleet: dict[str, Server], credential: Credential
) -> None:
    assert meant("WEB2", "Db1") == ["web2", "db1"]
    Server.objects.create(name="WEB1", host="192.0.2.7", credential=credential)
    assert meant("web1") == ["web1"]
    assert meant("WEB1") == ["WEB1"]
    assert unclear("Web1", "db1").sentences() == ["Web1 may mean WEB1 or web1: write it exactly as it is named."]


def test_typed_names_may_be_addresses_when_only_one_server_has_it(
    fleet: dict[str, Server], credential: Credential
) -> None:
    assert meant("WEB2.example.net") == ["web2"]
    for name in ("a1", "a2"):
        Server.objects.create(name=name, host="192.0.2.7", credential=credential)
    assert unclear("192.0.2.7").sentences() == ["192.0.2.7 is the address of 2 servers: name a1 or a2."]
    assert unclear("off1.example.net").names == ("off1.example.net",)


def test_a_node_set_picks_its_servers_in_its_order(fleet: dict[str, Server]) -> None:
    assert meant("web[10,1-2]", "web1", "db1") == ["web10", "web1", "web2", "db1"]
    error = unclear("web[1-3]", "db[1-2]")
    assert error.names == ("web3", "db2")
    assert [server.name for server in error.selection] == ["web1", "web2", "db1"]


def test_a_name_much_like_an_unknown_one_is_offered(fleet: dict[str, Server]) -> None:
    assert str(unclear("wbe10")) == "There is no server named wbe10 that you can pick: did you mean web10?"
    assert "wbe10 (did you mean web10?), nothing-like-it that" in str(unclear("wbe10", "nothing-like-it"))
    # A server that may not be picked is not given away.
    assert "did you mean" not in str(unclear("off11"))


def test_many_unknown_names_are_told_shortly_and_soon(fleet: dict[str, Server]) -> None:
    told = str(unclear("x[1-5000]"))
    assert "x20 and 4,980 more that you can pick" in told
    assert len(told) < 500


def test_node_sets_mean_their_names() -> None:
    assert expand("web[1-3,7]", 100) == ["web1", "web2", "web3", "web7"]
    assert expand("web[008-010].eu", 100) == ["web008.eu", "web009.eu", "web010.eu"]
    assert expand("web[9-11]", 100) == ["web9", "web10", "web11"]
    assert expand("web[098-101]", 100) == ["web098", "web099", "web100", "web101"]
    assert expand("r[1-2]n[3-4]", 100) == ["r1n3", "r1n4", "r2n3", "r2n4"]
    assert expand("web[1,1-2]", 100) == ["web1", "web2"]


def test_splits_names_but_not_within_brackets() -> None:
    assert parse_names("web[1-3,7],db1;\n web[1-3,7] a") == ["web[1-3,7]", "db1", "a"]
    assert parse_names("web[1-3 web5,[x") == ["web[1-3", "web5", "[x"]
    assert parse_names("[" * 100_000) == ["[" * 100_000]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("web[1-10001]", "web[1-10001] means 10,001 names, and a run may have at most 10,000: narrow the range."),
        ("a[1-999999999]b[1-999999999]", "999,999,998,000,000,001 names"),
        ("web[3-1]", "the smaller number comes first"),
        ("web[a-b]", "at “a-b”"),
        ("web[]", "at “”"),
        ("web[1-2", "cannot be read"),
        ("web]1[", "cannot be read"),
        ("web[1234567890]", "at “1234567890”"),
    ],
)
def test_node_sets_that_mean_nothing_or_too_much_are_refused(word: str, told: str, fleet: dict[str, Server]) -> None:
    with pytest.raises(BadNodeSet) as caught:
        expand(word, 10_000)
    assert told in str(caught.value)
    assert unclear(word, "web1").sentences() == [str(caught.value)]


def test_all_node_sets_together_are_bounded(fleet: dict[str, Server]) -> None:
    assert "leave b[1-6000] out" in str(unclear("a[1-6000]", "b[1-6000]"))


def test_of_thousands_of_large_node_sets_only_those_that_fit_are_written_out(
    fleet: dict[str, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def write_out(word: str, most: int) -> list[str]:
        written.append(word)
        return expand(word, most)

    monkeypatch.setattr("consoles.selection.expand", write_out)
    unclear("web[1-2]", *(f"a{number}[1-9999]" for number in range(3_000)))
    assert written == ["web[1-2]"]
