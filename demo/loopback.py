"""Addresses and ports on loopback: which there are, which are free, and whether an SSH server answers there."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterable


def has_many_addresses() -> bool:
    """Whether loopback addresses other than 127.0.0.1 can be used, as on Linux."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.2", 0))
        except OSError:
            return False
    return True


def wide_addresses(count: int) -> list[str]:
    """``count`` loopback addresses from 127.0.1.1 on, none ending in 0 or 255."""
    numbers = range(int(ipaddress.ip_address("127.0.1.1")), int(ipaddress.ip_address("127.255.255.255")))
    usable = (str(ipaddress.ip_address(number)) for number in numbers if number % 256 not in (0, 255))
    return [next(usable) for _ in range(count)]


def some_free_port() -> int:
    """A port nobody has on 127.0.0.1 right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(address: str, port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        # As servers do: connections that ended a moment ago do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def all_free(places: Iterable[tuple[str, int]]) -> bool:
    """Whether a server could listen at every (address, port)."""
    return all(is_free(address, port) for address, port in places)


def shows_ssh_banner(address: str, port: int, timeout: float) -> bool:
    """Whether an SSH server answers there within ``timeout`` seconds."""
    try:
        with socket.create_connection((address, port), timeout=timeout) as probe:
            return probe.recv(4) == b"SSH-"
    except OSError:
        return False
