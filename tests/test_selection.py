"""What was picked by name, group, tag and search becomes exactly the servers it means."""

from __future__ import annotations

import pytest

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
