"""Starts Python programs by forking: what they all import from others is loaded once, which is most of their start.

Run by :mod:`tests.support.forking`, once for all workers. Each request is a datagram of JSON, with the program's
standard streams and a socket on which it is told ``pid`` and, at its end, the wait status. Nothing of the console is
loaded here: its settings are read from the environment that comes with the request.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
from typing import Any, NoReturn

from django.conf import settings

from tests.support import preloading

#: Python's own thresholds look through all young objects for cycles every 700 new ones: a tenth of the tests' time.
COLLECTING = (50_000, 20, 100)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    preloading.load()
    # What is loaded stays: a collection in a forked process would copy every page of it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTING)
    assert not {"opsconsole", "consoles", "servers", "twisted.internet.reactor"} & set(sys.modules)
    assert not settings.configured
    with socket.socket(fileno=int(sys.argv[1])) as requests, socket.socket(fileno=int(sys.argv[2])) as starter:
        request = _serve(requests, starter)
    if request:
        status = _become(request)
        _end(status)


def _serve(requests: socket.socket, starter: socket.socket) -> dict[str, Any]:
    """Fork for each request; returns it in the process that shall run it, and nothing when the starter has ended."""
    while True:
        ready, _, _ = select.select([requests, starter], [], [])
        _reap(os.WNOHANG)
        if starter in ready:
            _reap(0)
            return {}
        line, descriptors, _, _ = socket.recv_fds(requests, 1_000_000, 4)
        if not os.fork():
            requests.close()
            starter.close()
            return _watch(json.loads(line), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _reap(how: int) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, how)[0]:
            pass


def _watch(request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
    """Be the parent of the program that tells of its end; returns the request in the program itself."""
    *streams, news = descriptors
    program = os.fork()
    if not program:
        os.close(news)
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
            os.close(descriptor)
        return request
    for descriptor in (0, 1, 2, *streams):
        os.close(descriptor)
    # Whoever asked may have gone meanwhile.
    with contextlib.suppress(OSError), os.fdopen(news, "w") as told:
        print(program, file=told, flush=True)
        print(os.waitpid(program, 0)[1], file=told, flush=True)
    os._exit(0)


def _become(request: dict[str, Any]) -> int:
    """Be the program: ``-m module`` or a script, as on Python's command line; returns its exit status."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in request["ignored"]:
        signal.signal(number, signal.SIG_IGN)
    if request["start_new_session"]:
        os.setsid()
    os.chdir(request["cwd"])
    sys.path[0] = request["cwd"]
    os.environ.clear()
    os.environ.update(request["env"])
    first, *rest = request["arguments"]
    try:
        if first == "-m":
            sys.argv = rest
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        else:
            sys.argv = [first, *rest]
            runpy.run_path(first, run_name="__main__")
    except SystemExit as ended:
        # Another one is a message, which Python knows how to print.
        if not isinstance(ended.code, int | None):
            raise
        return ended.code or 0
    return 0


def _end(status: int) -> NoReturn:
    """End as Python does, but leave to the kernel what it would take apart piece by piece: a third of a short program.

    That would also copy each page which is shared with this process's parent.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads; nothing public does
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
