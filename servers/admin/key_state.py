"""What a server's host keys amount to: may it be connected to, and does somebody have to decide?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Case, Exists, OuterRef, TextChoices, Value, When
from django.urls import reverse
from django.utils.html import format_html

from servers.admin.badges import Tone, badge
from servers.models import HostKey, Server

if TYPE_CHECKING:
    from django.db.models import QuerySet


class KeyState(TextChoices):
    """Worst first."""

    CHANGED = "changed", "Changed"
    REVOKED = "revoked", "Revoked"
    UNKNOWN = "unknown", "No key yet"
    PENDING = "pending", "To review"
    TRUSTED = "trusted", "Trusted"


_LOOKS: dict[KeyState, tuple[Tone, str, str]] = {
    KeyState.CHANGED: ("bad", "alert-triangle", "The server shows another key than the trusted one: review it."),
    KeyState.REVOKED: ("bad", "shield-x", "All its keys were revoked: fetch and review the host keys."),
    KeyState.UNKNOWN: ("rest", "key-off", "Fetch the host keys, then review them."),
    KeyState.PENDING: ("warn", "fingerprint", "A key was fetched and waits for somebody to trust it."),
    KeyState.TRUSTED: ("good", "shield-check", ""),
}

_KEY_LOOKS: dict[str, tuple[Tone, str]] = {
    HostKey.State.PENDING.value: ("warn", "fingerprint"),
    HostKey.State.TRUSTED.value: ("good", "shield-check"),
    HostKey.State.REVOKED.value: ("rest", "shield-x"),
}


def with_key_state(servers: QuerySet[Server]) -> QuerySet[Any]:
    """Annotate ``key_state``, one of :class:`KeyState`."""
    keys = HostKey.objects.filter(server=OuterRef("pk"))
    return servers.annotate(
        key_state=Case(
            When(Exists(keys.filter(conflict=True)), then=Value(KeyState.CHANGED.value)),
            When(Exists(keys.filter(state=HostKey.State.TRUSTED)), then=Value(KeyState.TRUSTED.value)),
            When(Exists(keys.filter(state=HostKey.State.PENDING)), then=Value(KeyState.PENDING.value)),
            When(Exists(keys), then=Value(KeyState.REVOKED.value)),
            default=Value(KeyState.UNKNOWN.value),
        )
    )


def key_state_badge(state: str) -> str:
    """The badge of a server's key state."""
    known = KeyState(state)
    tone, icon, story = _LOOKS[known]
    return badge(tone, icon, known.label, story)


def host_key_badge(key: HostKey) -> str:
    """The badge of one host key; a key that differs from a trusted one is shown as changed."""
    if key.conflict:
        return badge("bad", "alert-triangle", "Changed", "It differs from the key that is trusted.")
    tone, icon = _KEY_LOOKS[key.state]
    return badge(tone, icon, key.get_state_display())


def decision_links(key: HostKey, query: str) -> str:
    """Links to the pages that ask before a key is trusted or revoked; none where nothing waits for a decision."""
    if key.state != HostKey.State.PENDING and not key.conflict:
        return ""
    urls = [f"{reverse(f'admin:servers_hostkey_{act}', args=[key.pk])}?{query}" for act in ("trust", "revoke")]
    link = '<a class="oc-button" href="{}">'
    return format_html(f'<span class="oc-one-line">{link}Trust…</a> {link}Revoke…</a></span>', *urls)
