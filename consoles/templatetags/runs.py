"""How the pages tell about runs: when, how long, how its servers ended, and the beginning of its program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from consoles.presenting import clock_duration, duration_words, fold_names
from consoles.statuses import ACTIVE, SEVERITY, Status

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.safestring import SafeString

    from consoles.models import Run

register = template.Library()

#: Left to right in a bar, as on the run page: what is good, then what is bad, worst first, then what is not over yet.
BAR_ORDER = (Status.SUCCEEDED, *SEVERITY[:-2], Status.STARTING, Status.RUNNING, Status.QUEUED, Status.SKIPPED)
_EXCERPT = 160
_WEEK = 7 * 86400


@register.filter
def ago(moment: datetime) -> SafeString:
    """How long ago, as ``<time>`` whose title has the exact time; after a week the date says more."""
    seconds = (timezone.now() - moment).total_seconds()
    if seconds < 5:
        words = "just now"
    elif seconds < _WEEK:
        words = f"{' '.join(duration_words(round(seconds)).split()[:2])} ago"
    else:
        words = moment.strftime("%Y-%m-%d")
    exact = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, words)


@register.filter
def grouped(number: int) -> str:
    """4182 as ``4,182``."""
    return f"{number:,}"


@register.filter
def unbroken(names: list[str]) -> SafeString:
    """Names that break at a comma only: ``web[007-`` at the end of a line reads like a name."""
    pieces = (format_html_join("", "<span>{}</span>", _after_commas(name)) for name in names)
    return format_html_join(" ", "<span>{}</span>", ((piece,) for piece in pieces))


@register.filter
def folded(names: list[str]) -> SafeString:
    """Names as short as they can be said exactly."""
    return unbroken(fold_names(names))


def _after_commas(name: str) -> list[tuple[str]]:
    return [(piece,) for piece in re.findall(r"[^,]+,?", name)]


@register.filter
def run_duration(run: Run) -> str:
    """From request to end, or to now. Wants ``with_counts``."""
    active = run.status in ACTIVE
    end = timezone.now() if active else getattr(run, "ended", None)
    if end is None:
        return ""
    words = clock_duration((end - run.created).total_seconds())
    return f"{words} so far" if active else words


@register.simple_tag
def hosts_bar(run: Run) -> SafeString:
    """A bar of how the run's servers ended, with the same in words for those who do not see it."""
    counts = [(status, getattr(run, f"n_{status}")) for status in BAR_ORDER if getattr(run, f"n_{status}")]
    words = ", ".join(f"{count} {status.label}" for status, count in counts)
    parts = format_html_join(
        "", '<span class="status-{}" style="flex-grow:{}"></span>', ((status.value, count) for status, count in counts)
    )
    return format_html('<span class="progress-line" role="img" aria-label="{0}" title="{0}">{1}</span>', words, parts)


@register.filter
def troubles(run: Run) -> str:
    """What did not go well, in words: ``3 failed, 1 lost``. Wants ``with_counts``."""
    bad = [status for status in SEVERITY if status is not Status.SUCCEEDED and getattr(run, f"n_{status}")]
    return ", ".join(f"{getattr(run, f'n_{status}')} {status.label}" for status in bad)


@register.filter
def excerpt(program: str) -> str:
    """The beginning of a program on one line, without the lines that only say which shell or nothing."""
    lines = (line.strip() for line in program.splitlines())
    told = " ⏎ ".join(line for line in lines if line and not line.startswith("#"))
    return told if len(told) <= _EXCERPT else f"{told[:_EXCERPT]}…"
