"""Management commands as processes beside the test."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.forking import ForkedPython


class Command(ForkedPython):
    """``manage.py`` with these arguments; what it prints can be read while it runs."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        (out, stdout), (errors, stderr) = os.pipe(), os.pipe()
        self.stdout, self.stderr = os.fdopen(out), os.fdopen(errors)
        with Path(os.devnull).open("rb") as nothing, os.fdopen(stdout, "wb") as said, os.fdopen(stderr, "wb") as told:
            super().__init__(["manage.py", *arguments], environment, nothing, said, told)

    def close(self) -> None:
        """End it, at once."""
        self.kill()
        self.wait()
        self.stdout.close()
        self.stderr.close()
