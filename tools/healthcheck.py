"""The container's health check: asks the console inside it for /healthz, under a host name it answers to."""

from __future__ import annotations

import http.client
import os
import sys
from pathlib import Path


def is_healthy() -> bool:
    """Whether the console answers."""
    given = os.environ.get("OPSCONSOLE_HOSTS", "")
    if file := os.environ.get("OPSCONSOLE_HOSTS_FILE"):
        given = Path(file).read_text()
    hosts = given.replace(",", " ").split() or ["127.0.0.1"]
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8000), timeout=4)
    connection.request("GET", "/healthz", headers={"Host": hosts[0]})
    return connection.getresponse().status == 200


if __name__ == "__main__":
    try:
        sys.exit(0 if is_healthy() else 1)
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"The console does not answer: {error}")
