"""min-rate: whoever sends a body slower than that is 408 after 10 s; whoever cannot send any faster is not."""

import concurrent.futures
import select
import socket
import threading

import clients
import http_wire
import pytest
import tls_wire

LARGE = b"x" * 12_000_000 + b"end"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def post(length, fields=""):
    return f"POST /as2 HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{fields}\r\n".encode()


@pytest.fixture
def released():
    return threading.Event()


@pytest.fixture
def backend(released):
    """Reads and says nothing until it is released; a body that ends is then answered."""
    def react(seen, _):
        if b"/slow" in seen.data:
            return
        released.wait(60)
        if b"Expect:" in seen.data and not seen.answered:
            seen.answered = 1
            seen.socket.sendall(CONTINUE)
        if seen.data.endswith(b"end"):
            seen.socket.sendall(http_wire.OK)

    made = http_wire.Recorder(react)
    # What the kernel keeps for it is less than what is sent.
    made.listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    yield made
    made.stop()


@pytest.fixture
def gate(make_gate, configuration, backend):
    gate_port = configuration.listener("paced", "https", backend.port, min_rate="64K")
    made = make_gate(configuration).start()
    made.port = gate_port
    return made


@pytest.fixture
def converse(gate, pki):
    return lambda: tls_wire.Conversation(clients.client_context(pki), gate.port)


def send_slowly(conversation):
    """400 bytes a second."""
    conversation.send(post(1_000_000).replace(b"/as2", b"/slow"))
    while not select.select([conversation.socket], [], [], 0.25)[0]:
        conversation.send(b"x" * 100)
    return conversation.receive_all()


def send_to_one_who_does_not_read(conversation):
    conversation.socket.settimeout(60)
    conversation.send(post(len(LARGE)) + LARGE)
    return conversation.receive()


def wait_for_100(conversation):
    conversation.socket.settimeout(60)
    conversation.send(post(3, "Expect: 100-continue\r\n"))
    assert conversation.receive() == CONTINUE
    conversation.send(b"end")
    return conversation.receive()


def test_only_who_could_send_faster_is_too_slow(gate, converse, released):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        # These begin before the slow one, so their 10 s have passed when its have.
        stalled, waiting = (pool.submit(one, converse()) for one in (send_to_one_who_does_not_read, wait_for_100))
        slow = pool.submit(send_slowly, converse())
        try:
            assert slow.result() == http_wire.own_answer(408)
        finally:
            released.set()
        assert stalled.result() == http_wire.OK
        assert waiting.result() == http_wire.OK
    (line,) = gate.log("request", code=408)
    assert line["reason"] == "too-slow"
    gate.wait_for("request", code=200, count=2)
