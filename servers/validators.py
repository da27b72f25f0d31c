"""What names, hosts and users may look like: nothing that a shell, a terminal or ssh could take for something else."""

from __future__ import annotations

import ipaddress
import re

from django.core.exceptions import ValidationError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*\Z")
_HOST_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\Z")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@\\-]*\$?\Z")


def validate_server_name(value: str) -> None:
    """Accept letters, digits, dot, dash and underscore, not starting with dot or dash."""
    if not _NAME.match(value):
        raise ValidationError("Use letters, digits, dot, dash and underscore, starting with a letter or digit.")


def validate_host(value: str) -> None:
    """Accept a host name (RFC 1123, plus underscore) or an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(value)
        return
    except ValueError:
        pass
    labels = value.rstrip(".").split(".")
    if len(value) > 253 or not all(len(label) <= 63 and _HOST_LABEL.match(label) for label in labels):
        raise ValidationError("Enter a host name or an IP address, without user, port or spaces.")


def validate_user(value: str) -> None:
    """Accept a POSIX account name, or a directory account such as ``name@realm`` or ``DOMAIN\\name``."""
    if not _USER.match(value):
        raise ValidationError("Enter an account name, without spaces and not starting with a dash.")
