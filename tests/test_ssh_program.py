"""A program on a host that does what OpenSSH would not: every case has an end, and nothing that arrived is dropped."""

from __future__ import annotations

import time
from collections.abc import Callable

import paramiko
import pytest

from consoles import ssh
from consoles.ssh import (
    ConnectError,
    Connection,
    Ending,
    Exited,
    OutputReceived,
    Program,
    ProgramNotStarted,
    end_program,
)
from consoles.ssh.events import STDERR, STDOUT
from tests.support.bad_hosts import ScriptedHost, announcement

MakeHost = Callable[..., ScriptedHost]


def follow(host: ScriptedHost, text: str = "true") -> tuple[list[OutputReceived], Exited]:
    """Run a program to its end; fails when that takes longer than every deadline together."""
    with Connection(host.target) as connection:
        connection.open()
        return read_to_end(Program(connection, text))


def read_to_end(program: Program) -> tuple[list[OutputReceived], Exited]:
    output: list[OutputReceived] = []
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        event = program.next_event(deadline - time.monotonic())
        if isinstance(event, Exited):
            return output, event
        if event is not None:
            output.append(event)
    raise AssertionError(f"No end came; the output was {output}")


def bytes_of(output: list[OutputReceived], stream: int = STDOUT) -> bytes:
    return b"".join(event.data for event in output if event.stream == stream)


def test_output_that_a_stalled_network_holds_back_is_waited_for(scripted: MakeHost) -> None:
    """The exit status may overtake the output, so silence after it proves nothing until the host has answered."""

    def script(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall_stderr(announcement(command))
        channel.send_exit_status(0)
        host.probed.wait(10)
        channel.sendall(b"late")
        channel.close()

    output, exited = follow(scripted(script))
    assert bytes_of(output) == b"late"
    assert exited == Exited(0)


def test_connection_lost_between_exit_status_and_end_of_output_is_noticed(scripted: MakeHost) -> None:
    def script(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall_stderr(announcement(command))
        channel.sendall(b"the first half")
        channel.send_exit_status(0)
        host.hang_up()

    output, exited = follow(scripted(script))
    assert bytes_of(output) == b"the first half"
    assert exited == Exited(0, output_cut=True)


def test_connection_lost_before_the_exit_status_leaves_the_outcome_unknown(scripted: MakeHost) -> None:
    def script(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall_stderr(announcement(command))
        channel.sendall(b"half a li")
        host.hang_up()

    output, exited = follow(scripted(script))
    assert bytes_of(output) == b"half a li"
    assert exited == Exited(None, connection_lost="the connection was lost")


def test_connection_lost_before_the_announcement_leaves_open_whether_it_started(scripted: MakeHost) -> None:
    """It is not certain that nothing was started, so this is no ProgramNotStarted; the login's words are kept."""

    def script(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall_stderr(b"Welcome, the program starts in a moment\n")
        host.hang_up()

    output, exited = follow(scripted(script))
    assert bytes_of(output, STDERR) == b"Welcome, the program starts in a moment\n"
    assert exited.connection_lost


def test_connection_that_breaks_while_more_is_asked_for_loses_nothing_that_came(
    scripted: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading enlarges the window, and closing says so: both send, and paramiko raises what a dead socket raises."""

    def script(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall_stderr(announcement(command))
        channel.sendall(b"x" * 600_000)
        host.hang_up()

    def broken(*_: object) -> None:
        raise EOFError

    with Connection(scripted(script).target) as connection:
        connection.open()
        program = Program(connection, "true")
        monkeypatch.setattr("consoles.ssh.transport.Transport._send_user_message", broken)
        output, exited = read_to_end(program)
        program.close()
    assert bytes_of(output) == b"x" * 600_000
    assert exited.connection_lost


def test_session_closed_without_a_word_is_an_unknown_outcome(scripted: MakeHost) -> None:
    def script(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall_stderr(announcement(command))
        channel.close()

    _, exited = follow(scripted(script))
    assert exited.connection_lost == "the host closed the session without saying how the program ended"


def test_session_that_ends_before_the_announcement_started_nothing_and_keeps_its_words(scripted: MakeHost) -> None:
    def script(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall_stderr(b"WARNING: Your password has expired.\n")
        channel.send_exit_status(1)
        channel.close()

    with Connection(scripted(script).target) as connection:
        connection.open()
        program = Program(connection, "true")
        event = None
        with pytest.raises(ProgramNotStarted, match="password of the login on bad has expired") as caught:
            while True:
                event = program.next_event(5) or event
    assert event == OutputReceived(STDERR, b"WARNING: Your password has expired.\n")
    assert caught.value.certain


def test_announcement_in_single_bytes_after_a_greeting_is_taken_out(scripted: MakeHost) -> None:
    def script(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
        for byte in b"a greeting\n" + announcement(command) + b"the program's own\n":
            channel.sendall_stderr(bytes([byte]))
        channel.send_exit_status(0)
        channel.close()

    output, exited = follow(scripted(script))
    assert bytes_of(output, STDERR) == b"a greeting\nthe program's own\n"
    assert exited == Exited(0)


@pytest.mark.parametrize("process", ["-1", "0x10", "", "1e9", "nonsense", "9" * 30])
def test_nonsense_in_place_of_the_process_number_does_no_harm(scripted: MakeHost, process: str) -> None:
    def script(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall_stderr(announcement(command, process))
        channel.send_exit_status(0)
        channel.close()

    with Connection(scripted(script).target) as connection:
        connection.open()
        program = Program(connection, "true")
        read_to_end(program)
        assert program.process is None or program.process > 1


def test_greeting_without_end_is_handed_on(scripted: MakeHost) -> None:
    noise = b"x" * 300_000

    def script(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall_stderr(noise)
        channel.send_exit_status(0)
        channel.close()

    output, exited = follow(scripted(script))
    assert bytes_of(output, STDERR) == noise
    assert exited.status == 0


def test_signal_name_of_any_length_is_cut(scripted: MakeHost) -> None:
    def script(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall_stderr(announcement(command))
        message = paramiko.Message()
        message.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
        message.add_int(channel.remote_chanid)
        message.add_string("exit-signal")
        message.add_boolean(False)
        message.add_string("X" * 1000)
        message.add_boolean(False)
        message.add_string("")
        message.add_string("")
        host.send_raw(message)
        channel.close()

    _, exited = follow(scripted(script))
    assert exited == Exited(None, signal="X" * 20)


def test_host_that_reads_nothing_does_not_hold_up_the_reader(scripted: MakeHost) -> None:
    """A program larger than the host's window waits in a thread of its own, which ends with the connection."""

    def script(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall_stderr(announcement(command))
        channel.sendall(b"read nothing")
        channel.send_exit_status(5)
        channel.close()

    host = scripted(script, default_window_size=32768)
    output, exited = follow(host, "true\n" * 100_000)
    assert bytes_of(output) == b"read nothing"
    assert exited == Exited(5)


def test_refused_request_started_nothing(scripted: MakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedHost, "check_channel_exec_request", lambda *_: False)
    with pytest.raises(ProgramNotStarted, match="^bad did not start the program") as caught:
        follow(scripted(_nothing))
    assert caught.value.certain


def test_request_that_is_never_answered_ends_by_the_channel_deadline(
    scripted: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stall(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> bool:
        host.done.wait(60)
        return False

    monkeypatch.setattr(ScriptedHost, "check_channel_exec_request", stall)
    host = scripted(_nothing)
    began = time.monotonic()
    with pytest.raises(ProgramNotStarted):
        follow(host)
    host.done.set()
    assert time.monotonic() - began < 30


def test_session_that_is_never_opened_ends_by_the_channel_deadline(
    scripted: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stall(host: ScriptedHost, kind: str, chanid: int) -> int:
        host.done.wait(10)
        return int(paramiko.common.OPEN_SUCCEEDED)

    monkeypatch.setattr(ScriptedHost, "check_channel_request", stall)
    host = scripted(_nothing)
    with pytest.raises(ConnectError, match="^bad opened no session: "):
        follow(host)
    host.done.set()


def test_host_that_demands_a_new_password_is_understood(scripted: MakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 4252, 8: SSH_MSG_USERAUTH_PASSWD_CHANGEREQ instead of a yes or no."""

    def demand(host: ScriptedHost, username: str, password: str) -> int:
        message = paramiko.Message()
        message.add_byte(b"\x3c")
        message.add_string("Your password has expired.")
        message.add_string("")
        host.send_raw(message)
        host.done.wait(10)
        return int(paramiko.common.AUTH_FAILED)

    monkeypatch.setattr(ScriptedHost, "check_auth_password", demand)
    host = scripted(_nothing)
    with pytest.raises(ConnectError, match="^The password of u on bad has expired: change it there.$"):
        follow(host)
    host.done.set()


def test_password_refused_where_it_is_asked_for_interactively_is_no_wrong_method(
    scripted: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedHost, "get_allowed_auths", lambda *_: "keyboard-interactive")
    monkeypatch.setattr(ScriptedHost, "check_auth_password", lambda *_: paramiko.common.AUTH_FAILED)
    with pytest.raises(ConnectError, match="^bad refused the password of u, or asked for more than that "):
        follow(scripted(_nothing))


def test_dead_connection_is_probed_without_an_error(scripted: MakeHost) -> None:
    with Connection(scripted(_nothing).target) as connection:
        connection.open()
        assert connection.probe()
        connection.close()
        assert not connection.probe()


def test_ending_a_program_whose_connection_is_gone_confirms_nothing(scripted: MakeHost) -> None:
    with Connection(scripted(_announce_and_wait).target) as connection:
        connection.open()
        program = Program(connection, "sleep 1000")
        while not program.announced:
            program.next_event(5)
        connection.close()
        assert end_program(program, 0.1) == Ending(
            False, "Not confirmed: the connection to bad was lost.", no_contact=True
        )


def test_ending_a_program_before_it_announced_itself_confirms_nothing(scripted: MakeHost) -> None:
    def script(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall_stderr(b"please wait\n")
        host.done.wait(10)

    host = scripted(script)
    with Connection(host.target) as connection:
        connection.open()
        program = Program(connection, "true")
        assert not end_program(program, 0.1).confirmed
        output, exited = read_to_end(program)
        assert exited.connection_lost == "the console closed the session"
    host.done.set()


@pytest.mark.parametrize(
    ("said", "confirmed", "sentence"),
    [
        (b"term\nended\n", True, "Ended after TERM in "),
        (b"term\nkill\nended\n", True, "Killed after it ignored TERM, in "),
        (b"term\nkill\nleft 12 tar\n", False, "1 process survives KILL: 12 tar."),
        (b"term\nkill\nleft 12 a\nleft 13 b\n", False, "2 processes survive KILL: 12 a; 13 b."),
        (b"none\n", False, "Not confirmed: the host shows no such process."),
        (b"term\nkill\n", False, "Not confirmed: the host could not list its processes."),
        (b"", False, "Not confirmed: the host could not list its processes."),
    ],
)
def test_ending_says_what_the_host_saw(scripted: MakeHost, said: bytes, confirmed: bool, sentence: str) -> None:
    commands: list[bytes] = []

    def script(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
        commands.append(command)
        channel.sendall_stderr(announcement(command))
        if len(commands) == 1:
            host.done.wait(10)
        channel.sendall(said)
        channel.send_exit_status(0)
        channel.close()

    host = scripted(script)
    with Connection(host.target) as connection:
        connection.open()
        program = Program(connection, "sleep 1000")
        while not program.announced:
            program.next_event(5)
        ending = end_program(program, 0.1)
    host.done.set()
    assert ending.confirmed is confirmed
    assert ending.sentence.startswith(sentence)


def test_secrets_are_in_no_repr(scripted: MakeHost) -> None:
    login = ssh.password_login("u", "s3cret-word")
    target = ssh.Target("n", "h", 22, login, ())
    assert "s3cret-word" not in repr(login) + repr(target) + str(login)


def _announce_and_wait(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
    channel.sendall_stderr(announcement(command))
    host.done.wait(10)


def _nothing(host: ScriptedHost, channel: paramiko.Channel, command: bytes) -> None:
    """Accept the program and say nothing."""
