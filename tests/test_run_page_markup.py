"""What the page templates are built from: icons, the module map, and the rows of the run page."""

from __future__ import annotations

import json
import re
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from django.template import Context, Template, TemplateSyntaxError

from consoles.statuses import Status
from consoles.templatetags import run_page
from consoles.templatetags.console import STATUS_ICONS, VENDOR_MODULES
from consoles.templatetags.runs import BAR_ORDER


def rendered(source: str, **context: Any) -> str:
    return Template("{% load console run_page %}" + source).render(Context(context))


LOST = "2026-11-21T14:03:02.123Z"


def host(i: int, status: str, **more: Any) -> dict[str, Any]:
    plain = {"i": i, "name": f"web{i}", "address": "10.0.0.1", "status": status, "reason": "", "exit_status": None}
    rest = {"exit_signal": "", "started": None, "finished": None, "size": 0, "dropped": 0, "last_line": ""}
    return plain | rest | {"canceling": False, "mode": "", "contact_lost": None} | more


def test_every_status_has_an_icon_that_exists() -> None:
    assert set(STATUS_ICONS) == set(Status)
    assert rendered("{% status_sprite %}").count("<symbol") == len({*STATUS_ICONS.values(), "refresh-alert"})


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


def test_names_the_modules_that_each_view_needs_besides_the_page() -> None:
    views = [("focus", "Focus"), ("lines", "Lines")]
    needed = json.loads(unescape(rendered("{% view_modules views %}", views=views)))
    assert {"console/focus_view", "console/focus_pane", "@xterm/xterm"} <= set(needed["focus"])
    assert {"console/lines_view", "console/line_log"} <= set(needed["lines"])
    assert "@xterm/xterm" not in needed["lines"]
    assert "console/host_store" not in needed["lines"]  # the page fetches it anyway


def test_fetches_the_modules_of_the_page_at_once_but_not_those_of_views() -> None:
    links = rendered('{% module_preloads "first_view" "run_page" %}')
    assert links.index("first_view.js") < links.index("run_page.js")
    assert "host_store.js?v=" in links
    assert "focus_view" not in links and "xterm" not in links


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
        (host(0, "running", contact_lost=LOST), "reconnecting"),
        (host(0, "starting", contact_lost=LOST), "reconnecting"),
        (host(0, "running", contact_lost=LOST, canceling=True), "cancel waits for contact"),
        (host(0, "queued", contact_lost=LOST), "queued"),
        (host(0, "succeeded", contact_lost=LOST), "succeeded"),
    ],
)
def test_says_how_a_host_stands_as_the_scripts_do(row: dict[str, Any], words: str) -> None:
    assert run_page.outcome(row) == words


def test_a_host_without_contact_has_its_own_look_and_tells_the_reason() -> None:
    hosts = [host(0, "running"), host(1, "running", contact_lost=LOST, last_line="old", reason="Trying again in 8 s.")]
    html = rendered("{% host_rows run hosts %}", run=SimpleNamespace(pk=7), hosts=hosts)
    row = html[: html.index('id="host-0"')]
    assert "status-reconnecting" in row and "#icon-refresh-alert" in row and "Trying again in 8 s." in row
    counts = run_page.shown_counts(hosts)
    assert run_page.worst_first(counts) == [("reconnecting", 1), ("running", 1)]
    assert 'class="status-reconnecting"' in run_page.progress_line(counts)


def test_counts_stand_worst_first() -> None:
    counts = {"succeeded": 5, "running": 2, "failed": 1, "lost": 0}
    assert run_page.worst_first(counts) == [("failed", 1), ("running", 2), ("succeeded", 5)]


def test_the_bar_stands_as_the_counters_do_behind_what_succeeded() -> None:
    counts = dict.fromkeys(map(str, Status), 1)
    order = re.findall(r"status-(\w+)", run_page.progress_line(counts))
    assert order == ["succeeded", *(status for status, _ in run_page.worst_first(counts) if status != "succeeded")]
    assert order == [status for status in map(str, BAR_ORDER)]
