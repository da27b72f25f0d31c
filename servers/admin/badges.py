"""States in lists: always an icon and a word, and a colour on top."""

from __future__ import annotations

from typing import Literal

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

Tone = Literal["good", "bad", "warn", "busy", "odd", "rest"]


def badge(tone: Tone, icon: str, text: str, title: str = "") -> SafeString:
    """A coloured badge with a Tabler icon and a word; ``title`` is the longer story."""
    context = {"tone": tone, "icon": icon, "text": text, "title": title}
    return mark_safe(render_to_string("admin/badge.html", context).strip())  # noqa: S308 - the template escapes
