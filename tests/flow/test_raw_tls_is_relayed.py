"""A `tls` listener carries any TCP protocol: bytes as they are, ends as ends, cuts as cuts."""

import os
import ssl

import clients
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
    with pytest.raises((ssl.SSLError, OSError, EOFError)):
        conversation.echo(b"anyone there?")
    assert gate.wait_for("session-end", reason="backend-unreachable")
