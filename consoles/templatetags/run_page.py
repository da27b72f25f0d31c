"""The rows of the run page as the server draws them: all there is without scripts, a first picture with them.

static/js/format.js says the same things about a host while the run goes on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django import template
from django.urls import reverse
from django.utils.html import format_html_join

from consoles.statuses import ACTIVE, Status
from consoles.templatetags.console import STATUS_ICONS

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

register = template.Library()

Host = dict[str, Any]

#: What needs a person first, then what moves, then what waits, then what is done. As in static/js/host_store.js.
RANK = {
    status: rank
    for rank, statuses in enumerate(
        (
            (Status.LOST,),
            (Status.FAILED,),
            (Status.TIMED_OUT,),
            (Status.UNREACHABLE,),
            (Status.CANCELED,),
            (Status.STARTING, Status.RUNNING),
            (Status.QUEUED,),
            (Status.SKIPPED,),
            (Status.SUCCEEDED,),
        )
    )
    for status in statuses
}

_ROW = (
    '<li class="host status-{status}" role="option" id="host-{i}" data-i="{i}" aria-selected="false">'
    '<svg class="icon" aria-hidden="true"><use href="#icon-{icon}"/></svg>'
    '<span class="host-line"><span class="host-name">{name}</span> <span class="host-outcome">{outcome}</span></span>'
    '<span class="host-line"><span class="host-detail{printed}">{detail}</span>'
    ' <span class="host-elapsed">{elapsed}</span></span>'
    '<noscript><a class="host-download" href="{output}">Download output</a></noscript></li>'
)


@register.filter
def outcome(host: Host) -> str:
    """How a host stands, in words: ``failed · exit 100``."""
    if host["canceling"]:
        return "canceling"
    word = Status(host["status"]).label
    if host["status"] != Status.FAILED:
        return word
    if host["exit_signal"]:
        return f"{word} · {host['exit_signal']}"
    return word if host["exit_status"] is None else f"{word} · exit {host['exit_status']}"


def detail(host: Host) -> tuple[str, bool]:
    """The line under a host's name, and whether the program printed it; the address where there is nothing to say."""
    ended_by_itself = host["status"] == Status.FAILED and host["exit_status"] is not None and not host["dropped"]
    order = ["reason", "last_line"]
    if host["status"] in (Status.RUNNING, Status.SUCCEEDED) or ended_by_itself:
        order.reverse()
    text = host[order[0]] or host[order[1]] or host["address"]
    return text, text == host["last_line"]


def elapsed(host: Host) -> str:
    """How long a finished host took; the page's scripts count for the others."""
    if not host["started"] or not host["finished"]:
        return ""
    seconds = (datetime.fromisoformat(host["finished"]) - datetime.fromisoformat(host["started"])).total_seconds()
    if seconds < 59.95:
        return f"{max(seconds, 0):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@register.simple_tag
def host_rows(run: Any, hosts: list[Host]) -> SafeString:
    """The list items of all hosts. One string, because a thousand rows through template tags take a second."""
    output = reverse("host-output", args=[run.pk, 0])
    ordered = sorted(hosts, key=lambda host: RANK[Status(host["status"])])
    return format_html_join("\n", _ROW, (_row(host, output) for host in ordered))


def _row(host: Host, output: str) -> dict[str, Any]:
    text, printed = detail(host)
    return {
        "status": host["status"],
        "i": host["i"],
        "icon": STATUS_ICONS[Status(host["status"])],
        "name": host["name"],
        "outcome": outcome(host),
        "printed": " is-printed" if printed else "",
        "detail": text,
        "elapsed": elapsed(host),
        "output": output.replace("/hosts/0/", f"/hosts/{host['i']}/"),
    }


@register.filter
def worst_first(counts: dict[str, int]) -> list[tuple[str, int]]:
    """The counts as the counters show them: what needs a person first; static/js/host_store.js has the same order."""
    return [(status.value, counts[status]) for status in RANK if counts.get(status)]


@register.simple_tag
def progress_line(counts: dict[str, int]) -> SafeString:
    """The coloured bar: one part per status, as wide as its share."""
    order = [Status.SUCCEEDED, *sorted(set(Status) - ACTIVE - {Status.SUCCEEDED}), Status.RUNNING, Status.STARTING]
    parts = [(status, counts[status]) for status in [*order, Status.QUEUED] if counts.get(status)]
    return format_html_join("", '<span class="status-{}" style="flex: {} 0 0"></span>', parts)


@register.simple_tag
def now_iso() -> str:
    """The server's time, so that elapsed times are right before the socket is open."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
