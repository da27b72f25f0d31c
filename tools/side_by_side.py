"""Runs parts of the tests at the same time and shows each part's output whole. Standard library only.

Usage: ``python3 tools/side_by_side.py make test-python test-js``. What the first part prints is shown as it comes; what
the others printed is shown when all have ended: their last lines where they passed. Fails if any part failed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO

#: So many lines are shown of a part that passed.
_LAST_LINES = 8


@dataclass
class Part:
    """A target that runs; ``output`` is where it prints, or None where that is shown at once."""

    target: str
    process: subprocess.Popen[bytes]
    output: IO[bytes] | None
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return self.process.returncode == 0

    def look(self) -> bool:
        """Whether it has ended by now."""
        if self.process.poll() is not None and not self.seconds:
            self.seconds = time.monotonic() - self.began
        return self.process.returncode is not None

    def show(self) -> None:
        """Print what it has printed."""
        if self.output is not None:
            self.output.seek(0)
            lines = self.output.read().decode(errors="replace").splitlines()
            print(f"\n{self.target}:", *(lines[-_LAST_LINES:] if self.passed else lines), sep="\n")

    def verdict(self) -> str:
        """One line on how it ended."""
        return f"{self.target}: {'passed' if self.passed else 'FAILED'} in {self.seconds:.0f} s"


def main(make: str, targets: list[str]) -> int:
    """Run them all; 0 if all passed."""
    parts = [_start(make, target, is_shown=number == 0) for number, target in enumerate(targets)]
    try:
        while not all([part.look() for part in parts]):
            time.sleep(0.1)
    except KeyboardInterrupt:
        # It reached them all; they end by themselves.
        for part in parts:
            part.process.wait()
        return 130
    # Those that failed come last, where they are seen.
    for part in sorted(parts, key=lambda part: not part.passed):
        part.show()
    print("", *(part.verdict() for part in parts), sep="\n")
    return int(not all(part.passed for part in parts))


def _start(make: str, target: str, is_shown: bool) -> Part:
    output = None if is_shown else TemporaryFile()  # noqa: SIM115  # as long as this process
    return Part(target, subprocess.Popen([make, target], stdout=output, stderr=output and subprocess.STDOUT), output)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
