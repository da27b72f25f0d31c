"""The rows of the run page as the server draws them: all there is without scripts, a first picture with them.

static/js/format.js says the same things about a host while the run goes on.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django import template
from django.urls import reverse
from django.utils.html import format_html_join

from consoles.statuses import Status
from consoles.templatetags.console import RECONNECTING, standing, status_icon, status_word

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

register = template.Library()

Host = dict[str, Any]

#: What needs a person first, then what moves, then what waits, then what is done. As in static/js/host_store.js.
RANK: dict[str, int] = {
    str(status): rank
    for rank, statuses in enumerate(
        (
            (Status.LOST,),
            (Status.FAILED,),
            (Status.TIMED_OUT,),
            (Status.UNREACHABLE,),
            (Status.CANCELED,),
            (RECONNECTING,),
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
    shown = _standing(host)
    if host["canceling"]:
        return "cancel waits for contact" if shown == RECONNECTING else "canceling"
    word = status_word(shown)
    if host["status"] != Status.FAILED:
        return word
    if host["exit_signal"]:
        return f"{word} · {host['exit_signal']}"
    return word if host["exit_status"] is None else f"{word} · exit {host['exit_status']}"


def _standing(host: Host) -> str:
    return standing(host["status"], host["contact_lost"])


def detail(host: Host) -> tuple[str, bool]:
    """The line under a host's name, and whether the program printed it; the address where there is nothing to say."""
    ended_by_itself = host["status"] == Status.FAILED and host["exit_status"] is not None and not host["dropped"]
    order = ["reason", "last_line"]
    if _standing(host) in (Status.RUNNING, Status.SUCCEEDED) or ended_by_itself:
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
    ordered = sorted(hosts, key=lambda host: RANK[_standing(host)])
    return format_html_join("\n", _ROW, (_row(host, output) for host in ordered))


def _row(host: Host, output: str) -> dict[str, Any]:
    text, printed = detail(host)
    return {
        "status": _standing(host),
        "i": host["i"],
        "icon": status_icon(_standing(host)),
        "name": host["name"],
        "outcome": outcome(host),
        "printed": " is-printed" if printed else "",
        "detail": text,
        "elapsed": elapsed(host),
        "output": output.replace("/hosts/0/", f"/hosts/{host['i']}/"),
    }


@register.filter
def shown_counts(hosts: list[Host]) -> dict[str, int]:
    """How many hosts are shown as what."""
    return Counter(map(_standing, hosts))


@register.filter
def worst_first(counts: dict[str, int]) -> list[tuple[str, int]]:
    """The counts as the counters show them: what needs a person first; static/js/host_store.js has the same order."""
    return [(status, counts[status]) for status in RANK if counts.get(status)]


@register.simple_tag
def progress_line(counts: dict[str, int]) -> SafeString:
    """The coloured bar: one part per status, as wide as its share; what succeeded, then the rest as in the counters."""
    parts = sorted(worst_first(counts), key=lambda part: part[0] != Status.SUCCEEDED)
    return format_html_join("", '<span class="status-{}" style="flex: {} 0 0"></span>', parts)


@register.simple_tag
def now_iso() -> str:
    """The server's time, so that elapsed times are right before the socket is open."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
