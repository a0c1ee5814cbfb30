"""A `tls` listener carries any TCP protocol: bytes as they are, ends as ends, cuts as cuts."""

import json
import os
import signal
import ssl

import clients
import control
import http_wire
import pytest
import tls_wire


@pytest.fixture(params=["1.2", "1.3"])
def conversation(request, make_gate, configuration, echo, pki):
    port = configuration.listener("raw", "tls", echo.port)
    make_gate(configuration).start()
    made = tls_wire.Conversation(clients.client_context(pki, request.param), port)
    yield made
    made.close()


def test_bytes_come_back(conversation):
    for size in (1, 1000, 100_000, 1):
        assert conversation.echo(os.urandom(size))


def test_the_end_of_one_direction_leaves_the_other_open(conversation):
    conversation.send(b"x" * 50_000)
    conversation.say_end()
    assert conversation.receive_all() == b"x" * 50_000 + b"saw 50000 bytes"


def test_a_backend_that_is_not_there_ends_the_session(make_gate, configuration, pki):
    port = configuration.listener("raw", "tls", 1)
    gate = make_gate(configuration).start()
    conversation = tls_wire.Conversation(clients.client_context(pki), port)
    with pytest.raises(OSError):
        conversation.receive_all()  # an empty answer would be an end
    assert gate.wait_for("session-end", reason="backend-unreachable")


def kick(gate):
    (session,) = json.loads(control.ctl(gate, "--json", "sessions").stdout)
    assert control.ctl(gate, "kick", session["id"]).returncode == 0


def kill_workers(gate):
    for pid in gate.pids("worker"):
        os.kill(pid, signal.SIGKILL)


ENDS = {"idle-timeout": lambda gate: None, "kicked": kick, "stopping": lambda gate: gate.signal(signal.SIGTERM),
        None: kill_workers}


@pytest.fixture
def silent():
    """It takes everything and says a few bytes at once."""
    made = http_wire.Recorder(react=lambda seen, piece: seen.socket.sendall(b"half"))
    yield made
    made.stop()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("reason", ENDS)
def test_an_end_that_is_ours_completes_nothing(make_gate, configuration, silent, pki, reason, version):
    """F15 for any protocol: neither side may take what it has for all there is."""
    configuration.top["stop_timeout"] = "200ms"
    port = configuration.listener("raw", "tls", silent.port, idle_timeout="1s" if reason == "idle-timeout" else "1h")
    gate = make_gate(configuration).start()
    context = clients.client_context(pki, version)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    conversation = tls_wire.Conversation(context, port)
    conversation.send(b"half an upload")
    assert conversation.receive() == b"half"
    ENDS[reason](gate)
    with pytest.raises(OSError):
        conversation.receive_all()
    (seen,) = silent.until_ended(0)
    assert (seen.data, seen.end) == (b"half an upload", "rst")
    if reason:
        assert gate.wait_for("session-end", listener="raw")["reason"] == reason
    conversation.close()
