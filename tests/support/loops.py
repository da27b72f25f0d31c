"""Event loops for tests, beside the one that Playwright runs in the main thread from the first browser test on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def run_apart(main: Coroutine[Any, Any, Answer]) -> Answer:
    """What ``asyncio.run`` does, in a thread of its own: beside a running loop it refuses, whoever runs that one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, main).result()
