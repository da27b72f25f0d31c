"""``manage.py run`` in a process of its own, without a server, on real hosts."""

from __future__ import annotations

import contextlib
import json
import signal

import pytest

from demo.fleet import Fleet
from tests.support.commands import Command
from tests.support.server import MakeServer, ServerProcess


@pytest.fixture
def console(make_server: MakeServer, fleet: Fleet) -> ServerProcess:
    """A console whose server does not run, with three servers."""
    server = make_server(start=False)
    server.add_fleet(fleet, 3)
    return server


def test_prints_each_line_with_its_server(console: ServerProcess) -> None:
    done = console.manage("run", "echo one; echo two; echo bad >&2", "--on", "h0,h2", "--attached")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == ["h0: one", "h0: two", "h2: one", "h2: two"]
    assert "h0: bad" in done.stderr and "2 succeeded" in done.stderr


def test_exit_status_tells_that_a_server_did_not_succeed(console: ServerProcess) -> None:
    done = console.manage("run", "exit 4", "--on", "h1")
    assert done.returncode == 1
    assert "h1: failed. The program ended with exit status 4." in done.stderr


def test_unknown_names_are_all_named_and_nothing_starts(console: ServerProcess) -> None:
    done = console.manage("run", "true", "--on", "h1,nope,nada")
    assert done.returncode == 2
    assert "nope" in done.stderr and "nada" in done.stderr
    assert console.ask("runs") == []


def test_the_mode_is_asked_for_by_an_option(console: ServerProcess) -> None:
    for options in ([], ["--attached"], ["--detached"]):
        console.manage("run", "true", "--on", "h0", *options)
    assert [run["mode"] for run in console.ask("runs")] == ["detached", "attached", "auto"]
    assert "not allowed with" in console.manage("run", "true", "--on", "h0", "--attached", "--detached").stderr


def test_json_ends_with_the_result(console: ServerProcess) -> None:
    done = console.manage("run", "echo hi", "--on", "h0", "--json")
    line, result = map(json.loads, done.stdout.splitlines())
    assert line == {"host": "h0", "stream": "stdout", "line": "hi"}
    assert result["status"] == "succeeded" and result["hosts"][0]["exit_status"] == 0


def test_total_timeout_ends_the_program_and_says_so(console: ServerProcess) -> None:
    done = console.manage("run", "echo started; sleep 600", "--on", "h0", "--timeout", "1")
    assert done.returncode == 1
    assert "h0: timed out. Stopped after 1 s in all. Ended after TERM" in done.stderr
    assert done.stdout == "h0: started\n"


def test_interrupt_cancels_and_follows_to_the_end(console: ServerProcess) -> None:
    command = Command(console.environment_of_process(), "run", "echo up; sleep 600", "--on", "h0")
    with contextlib.closing(command):
        assert command.stdout.readline() == "h0: up\n"
        command.send_signal(signal.SIGINT)
        assert command.wait(30) == 130
        said = command.stderr.read()
    assert "Canceling run #" in said and "h0: canceled. Ended after TERM" in said
