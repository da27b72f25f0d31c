"""What the pages share: icons inlined from Tabler, how a status looks, and the map of script modules."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from consoles.statuses import Status
from consoles.terminal_text import one_line

register = template.Library()

#: Icon of each status. The word always stands beside it, so that neither colour nor shape has to be known.
STATUS_ICONS = {
    Status.QUEUED: "clock",
    Status.STARTING: "plug",
    Status.RUNNING: "loader-2",
    Status.SUCCEEDED: "check",
    Status.FAILED: "x",
    Status.TIMED_OUT: "hourglass-empty",
    Status.CANCELED: "ban",
    Status.UNREACHABLE: "plug-connected-x",
    Status.LOST: "help-circle",
    Status.SKIPPED: "player-track-next",
}
#: What a host is shown as that may go on working while the console has no contact to it. Not a status of its own.
RECONNECTING = "reconnecting"
_SHOWN_ICONS = {**{status.value: name for status, name in STATUS_ICONS.items()}, RECONNECTING: "refresh-alert"}
#: npm package to the module it is used by, below STATICFILES_DIRS.
VENDOR_MODULES = {
    "@xterm/xterm": "vendor/xterm/lib/xterm.mjs",
    "@xterm/addon-fit": "vendor/addon-fit/lib/addon-fit.mjs",
    "@xterm/addon-search": "vendor/addon-search/lib/addon-search.mjs",
    "@xterm/addon-unicode11": "vendor/addon-unicode11/lib/addon-unicode11.mjs",
    "@xterm/addon-webgl": "vendor/addon-webgl/lib/addon-webgl.mjs",
}


@cache
def _drawing(name: str) -> str:
    """What is between the ``<svg>`` tags of an icon file."""
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise template.TemplateSyntaxError(f"{name!r} is not the name of an icon.")
    path = Path(settings.ICONS_DIR) / "outline" / f"{name}.svg"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise template.TemplateSyntaxError(
            f"There is no icon {name!r}: install the npm packages with `make install`, or correct the name."
        ) from None
    inner = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    return re.sub(r"\s+", " ", inner.replace('<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "")).strip()


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """The icon ``name`` as inline SVG: hidden from screen readers unless it has a ``label``."""
    meaning = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="icon icon-{}" viewBox="0 0 24 24" {}>{}</svg>',
        name,
        meaning,
        mark_safe(_drawing(name)),  # noqa: S308 - from the icon package, never from a request
    )


@register.simple_tag
def icon_sprite(*names: str) -> SafeString:
    """A hidden sheet of icons, for rows and scripts to point at with ``<use href="#icon-…">``."""
    symbols = "".join(f'<symbol id="icon-{name}" viewBox="0 0 24 24">{_drawing(name)}</symbol>' for name in names)
    return mark_safe(f'<svg class="icon-sprite" aria-hidden="true">{symbols}</svg>')  # noqa: S308 - as above


@register.simple_tag
def status_sprite() -> SafeString:
    """The sheet with the icon of everything that a host can be shown as."""
    return icon_sprite(*_SHOWN_ICONS.values())


@register.simple_tag
def status_icons_json() -> str:
    """Status to icon name as JSON for a data attribute, so that scripts need no second list."""
    return json.dumps(_SHOWN_ICONS)


def standing(status: str, contact_lost: object) -> str:
    """What a host is shown as: its status, or :data:`RECONNECTING`. As ``standing`` in static/js/format.js."""
    return RECONNECTING if contact_lost and status in (Status.STARTING, Status.RUNNING) else str(status)


@register.filter
def status_icon(status: str) -> str:
    """Name of the icon of ``status``."""
    return _SHOWN_ICONS[status]


@register.filter
def status_word(status: str) -> str:
    """``timed_out`` as people write it."""
    return status.replace("_", " ")


@register.simple_tag
def status_badge(status: str, detail: str | None = "") -> SafeString:
    """A coloured badge with icon and word; ``detail`` follows after a dot, as in "failed · exit 100"."""
    known = Status(status)
    return format_html(
        '<span class="status status-{}">{}{}{}</span>',
        known.value,
        icon(STATUS_ICONS[known]),
        known.label,
        f" · {detail}" if detail else "",
    )


register.filter("one_line", one_line)


@register.filter
def isolated(text: str) -> SafeString:
    """A title that somebody chose: on one line, and without power over the text around it, however old it is."""
    return format_html("<bdi>{}</bdi>", one_line(text))


@register.filter
def exact_time(moment: datetime | None) -> SafeString | str:
    """A time as ``<time>`` in UTC; scripts may add how long ago."""
    if moment is None:
        return ""
    moment = timezone.localtime(moment, timezone.get_default_timezone())
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        moment.strftime("%Y-%m-%d %H:%M:%S %Z"),
        moment.strftime("%Y-%m-%d %H:%M"),
    )


@cache
def _own_modules() -> tuple[str, ...]:
    folder = finders.find("js")
    return tuple(sorted(path.stem for path in Path(str(folder)).glob("*.js") if path.stem != "theme")) if folder else ()


@register.simple_tag
def module_map() -> SafeString:
    """The import map's JSON: packages by their npm names, our own modules as ``console/<file>``.

    Addresses come from ``static``, so hashed file names need no rewriting inside the modules.
    """
    own = {f"console/{name}": static(f"js/{name}.js") for name in _own_modules()}
    imports = {name: static(path) for name, path in VENDOR_MODULES.items()} | own
    return mark_safe(json.dumps({"imports": imports}, indent=1).replace("<", "\\u003c"))  # noqa: S308 - our file names


_IMPORT = re.compile(r'^(?:import|export|\}) .*?from "(console/[a-z0-9_]+|@[a-z0-9/-]+)";', re.MULTILINE)


@cache
def _imported_by(name: str) -> tuple[str, ...]:
    """The modules that ``console/<file>`` needs, directly or through others, itself included."""
    found: dict[str, None] = {}
    pending = [name]
    while pending:
        if (module := pending.pop()) not in found:
            found[module] = None
            if module.startswith("console/"):
                path = finders.find(f"js/{module.removeprefix('console/')}.js")
                pending += _IMPORT.findall(Path(str(path)).read_text(encoding="utf-8"))
    return tuple(found)


def _address_of(module: str) -> str:
    return static(VENDOR_MODULES.get(module) or f"js/{module.removeprefix('console/')}.js")


@register.simple_tag
def module_preloads(*names: str) -> SafeString:
    """Links that let the browser fetch all modules of a page at once, not each after the one that imports it."""
    needed = dict.fromkeys(module for name in names for module in _imported_by(f"console/{name}"))
    links = (format_html('<link rel="modulepreload" href="{}">', _address_of(module)) for module in needed)
    return mark_safe("\n".join(links))  # noqa: S308 - each is escaped


@register.simple_tag
def view_modules(views: list[tuple[str, str]]) -> str:
    """Of each view of the run page, the modules that the page itself does not need, as JSON for a data attribute."""
    shared = set(_imported_by("console/run_page"))
    needed = {name: [one for one in _imported_by(f"console/{name}_view") if one not in shared] for name, _ in views}
    return json.dumps(needed)
