"""Clients that say half of something, go away at the wrong moment or spell a word in their own way: they keep
no place at the signers, no descriptor and no processor that others need, and no answer but their own."""

import contextlib
import os
import pathlib
import select
import socket
import ssl
import subprocess
import threading
import time

import clients
import figures
import pytest
import tls_wire
import waiting

WATCHED_S, BUSY_MAX = 2, 0.3  # a worker that runs in circles takes all that the machine has left
QUIET_S = 0.5  # nothing has moved for so long: nothing will, until somebody does something
REFUSED = 400
RETRY_GROUPS = "X448:X25519"  # the key share is for the first, which p11gate does not offer


@pytest.fixture
def lonely(configuration):
    """One worker: it has all places at the signers, and what it does is seen."""
    configuration.top["workers"] = 1
    return configuration


@pytest.fixture
def backend_of():
    """backend_of(what) -> the port of a server for which what(connection) is one connection's life."""
    with contextlib.ExitStack() as opened:
        def make(what):
            server = opened.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve():
                with contextlib.suppress(OSError), server.accept()[0] as connection:
                    connection.settimeout(tls_wire.LIMIT_S)
                    what(connection)

            threading.Thread(target=serve, daemon=True).start()
            return server.getsockname()[1]

        yield make


@pytest.fixture
def crowd():
    """crowd(port, count, words) -> connections that have said words, held until the test ends."""
    with contextlib.ExitStack() as held:
        def come(port, count, words=b""):
            made = [held.enter_context(socket.create_connection(("127.0.0.1", port), tls_wire.LIMIT_S))
                    for _ in range(count)]
            for one in made:
                one.sendall(words)
            return made

        yield come


def worker(gate):
    return gate.pids("worker")[0]


def processor_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy_share(pid):
    """Which part of the time this process computes, from now on."""
    begun_s, before_s = time.monotonic(), processor_s(pid)
    waiting.until(lambda: time.monotonic() - begun_s > WATCHED_S, "the time to pass in which the worker is watched")
    share = (processor_s(pid) - before_s) / (time.monotonic() - begun_s)
    figures.show("half of something said", f"the worker computed {share:.0%} of the time")
    return share


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def client_hello(context):
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def retrying_client(port):
    """A client of which p11gate wants a second hello."""
    return ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-groups", RETRY_GROUPS]


def hello_to_retry():
    """The first hello of such a client."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(tls_wire.LIMIT_S)
        client = subprocess.Popen(retrying_client(server.getsockname()[1]), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with server.accept()[0] as connection:
                return connection.recv(65536)
        finally:
            client.kill()
            client.wait()


def test_clients_that_never_say_their_second_hello_hold_no_place_at_the_signers(make_gate, lonely, echo, pki, crowd):
    port = lonely.listener("raw", "tls", echo.port, keys=["ec"])
    make_gate(lonely).start()
    context = clients.client_context(pki, "1.3")
    assert tls_wire.full_handshake(context, port)
    for one in crowd(port, 2 * lonely.keystores[0]["signers"], hello_to_retry()):
        assert one.recv(65536)  # the HelloRetryRequest
    # Places that they held would be free after handshake-timeout only, which is longer than a client's patience here.
    assert tls_wire.full_handshake(context, port)
    assert "Cipher is TLS" in clients.run(retrying_client(port)).stdout


def test_handshakes_that_ran_out_of_time_keep_no_turn_at_the_token(make_gate, lonely, echo, pki, token, sick, crowd):
    lonely.keystores[0].update(module=sick.module, signers=1)
    port = lonely.listener("raw", "tls", echo.port, keys=["ec"], handshake_timeout="2s")
    gate = make_gate(lonely, {**token.environment, **sick.environment}).start()
    context = clients.client_context(pki, "1.3")
    assert tls_wire.full_handshake(context, port)
    gate.wait_for("session-end")
    sick.says("delay_ms 1000")
    waiters = crowd(port, 8, client_hello(context))
    gate.wait_for("session-end", count=1 + len(waiters))
    sick.says()
    ended_s = time.monotonic()
    waiting.until(lambda: tls_wire.full_handshake(context, port), "a turn")
    took_s = time.monotonic() - ended_s
    figures.show("8 handshakes that ran out of time", f"the next client was served {took_s:.2f} s after the last of them")
    # The sockets of the dead are kept for 5 s, so that their alerts arrive.
    assert took_s < 3


def test_a_client_that_resets_while_its_last_words_wait_costs_no_processor(make_gate, lonely, backend_of, pki):
    stuck = threading.Event()

    def pour(connection):
        while select.select([], [connection], [], QUIET_S)[1]:
            connection.send(bytes(65536))
        stuck.set()
        connection.recv(1)

    port = lonely.listener("raw", "tls", backend_of(pour), keys=["ec"])
    gate = make_gate(lonely).start()
    client = tls_wire.Conversation(clients.client_context(pki, "1.3"), port)
    assert stuck.wait(tls_wire.LIMIT_S)
    # A record that nobody can decrypt: the alert waits behind what the client does not read.
    client.socket.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
    gate.wait_for("session-end")
    client.reset()
    assert busy_share(worker(gate)) < BUSY_MAX


def test_half_a_command_and_half_a_reply_do_not_wake_each_other(make_gate, lonely, backend_of):
    halfway = threading.Event()

    def speak(connection):
        lines = connection.makefile("rb")
        for reply in (b"220 hello\r\n", b"331 password\r\n", b"230 in\r\n", b"215 UN"):
            connection.sendall(reply)
            if reply.endswith(b"\n"):
                lines.readline()
        halfway.set()
        lines.readline()

    port = lonely.listener("ftp", "ftp", backend_of(speak), keys=["ec"], secure_clients_only=False)
    gate = make_gate(lonely).start()
    with socket.create_connection(("127.0.0.1", port), tls_wire.LIMIT_S) as client:
        replies = client.makefile("rb")
        for code, command in ((b"220", b"USER a\r\n"), (b"331", b"PASS b\r\n"), (b"230", b"SYST\r\n")):
            assert replies.readline().startswith(code)
            client.sendall(command)
        assert halfway.wait(tls_wire.LIMIT_S)
        client.sendall(b"NO")
        assert busy_share(worker(gate)) < BUSY_MAX


def test_clients_that_are_refused_hold_no_descriptors(make_gate, lonely, echo, crowd):
    sessions = 2
    port = lonely.listener("raw", "tls", echo.port, keys=["ec"], max_sessions=sessions)
    gate = make_gate(lonely).start()
    idle = descriptors(worker(gate))
    crowd(port, sessions)
    gate.wait_for("session-begin", count=sessions)
    with contextlib.ExitStack() as refused:
        for _ in range(REFUSED):
            one = refused.enter_context(socket.socket())
            one.settimeout(tls_wire.LIMIT_S)
            # The end is seen already, or is why connect fails; the client keeps its socket all the same.
            with contextlib.suppress(ConnectionResetError):
                one.connect(("127.0.0.1", port))
                assert one.recv(1) == b""
        held = descriptors(worker(gate)) - idle
    figures.show(f"{REFUSED} refused clients", f"{held} descriptors held")
    assert held < REFUSED / 10


def test_a_method_that_is_not_head_leaves_no_answer_for_the_next_request(make_gate, lonely, backend_of, pki):
    forged = b"HTTP/1.1 200 forged\r\nContent-Length: 0\r\n\r\n"

    def answer(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 501 no such method\r\nContent-Length: %d\r\n\r\n" % len(forged))
        # Who takes "head" for HEAD awaits no body and sends the next request at once.
        select.select([connection], [], [], QUIET_S)
        connection.sendall(forged)
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 fine\r\nContent-Length: 4\r\nConnection: close\r\n\r\ntrue")

    port = lonely.listener("web", "https", backend_of(answer), keys=["ec"])
    make_gate(lonely).start()
    client = tls_wire.Conversation(clients.client_context(pki, "1.3"), port)
    client.send(b"head / HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n")
    received = b""
    while not received.endswith(b"true"):
        piece = client.receive()
        assert piece, received
        received += piece
    first, second = received.split(forged)
    assert first.startswith(b"HTTP/1.1 501 ") and b"Content-Length: %d\r\n" % len(forged) in first
    assert second.startswith(b"HTTP/1.1 200 fine")
