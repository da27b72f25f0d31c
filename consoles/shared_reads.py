"""One question to the database for all who ask the same at the same time. No Django here."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

#: Answers kept at most; the oldest are forgotten first.
MOST_ANSWERS: Final = 100


class SharedReads(Generic[Answer]):
    """What ``read(run_id)`` gives, asked once for all sockets of this process that hear the same doorbell."""

    def __init__(self, read: Callable[[int], Answer]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._answers: dict[int, tuple[float, Answer]] = {}

    def get(self, run_id: int, since: float) -> Answer:
        """An answer that was asked for at ``since`` (of ``time.monotonic``) or later."""
        with self._lock:
            known = self._answers.get(run_id)
            if known is not None and known[0] >= since:
                return known[1]
            asked = time.monotonic()
            answer = self._read(run_id)
            self._answers.pop(run_id, None)
            self._answers[run_id] = (asked, answer)
            if len(self._answers) > MOST_ANSWERS:
                del self._answers[next(iter(self._answers))]
            return answer
