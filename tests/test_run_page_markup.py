"""What the page templates are built from: icons, the module map, and the rows of the run page."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from django.template import Context, Template, TemplateSyntaxError

from consoles.statuses import Status
from consoles.templatetags import run_page
from consoles.templatetags.console import STATUS_ICONS, VENDOR_MODULES


def rendered(source: str, **context: Any) -> str:
    return Template("{% load console run_page %}" + source).render(Context(context))


def host(i: int, status: str, **more: Any) -> dict[str, Any]:
    plain = {"i": i, "name": f"web{i}", "address": "10.0.0.1", "status": status, "reason": "", "exit_status": None}
    rest = {"exit_signal": "", "started": None, "finished": None, "size": 0, "dropped": 0, "last_line": ""}
    return plain | rest | {"canceling": False, "mode": "", "contact_lost": None} | more


def test_every_status_has_an_icon_that_exists() -> None:
    assert set(STATUS_ICONS) == set(Status)
    assert rendered("{% status_sprite %}").count("<symbol") == len(set(STATUS_ICONS.values()))


def test_inlines_icons_hidden_from_screen_readers_unless_named() -> None:
    assert 'aria-hidden="true"' in rendered('{% icon "check" %}')
    assert 'role="img" aria-label="a &lt;b&gt;"' in rendered('{% icon "check" label %}', label="a <b>")


@pytest.mark.parametrize("name", ["there-is-no-such-icon", "../outline/check", "", "Check"])
def test_says_which_icon_is_missing(name: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="icon"):
        rendered("{% icon name %}", name=name)


def test_maps_packages_and_own_modules_by_bare_name() -> None:
    imports = json.loads(rendered("{% module_map %}"))["imports"]
    assert set(VENDOR_MODULES) <= set(imports)
    assert imports["console/run_page"].startswith("/static/js/run_page.js?v=")
    assert "console/theme" not in imports  # a plain script, and not to be imported


def test_rows_show_failures_first_and_escape_what_hosts_print() -> None:
    hosts = [
        host(0, "succeeded", last_line="<script>alert(1)</script>"),
        host(1, "failed", exit_status=3, last_line="E: broken", reason="It ended with 3."),
    ]
    html = rendered("{% host_rows run hosts %}", run=SimpleNamespace(pk=7), hosts=hosts)
    assert html.index("web1") < html.index("web0")
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert 'href="/runs/7/hosts/1/output"' in html
    assert "failed · exit 3" in html


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (host(0, "failed", exit_status=100), "failed · exit 100"),
        (host(0, "failed", exit_signal="KILL"), "failed · KILL"),
        (host(0, "timed_out", exit_signal="TERM"), "timed out"),
        (host(0, "running", canceling=True), "canceling"),
    ],
)
def test_says_how_a_host_stands_as_the_scripts_do(row: dict[str, Any], words: str) -> None:
    assert run_page.outcome(row) == words


def test_counts_stand_worst_first() -> None:
    counts = {"succeeded": 5, "running": 2, "failed": 1, "lost": 0}
    assert run_page.worst_first(counts) == [("failed", 1), ("running", 2), ("succeeded", 5)]
