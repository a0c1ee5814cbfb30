"""The way out: a plain `http` listener speaks TLS to the partner, and what fails there is a 502, 503 or 504 of our own
with its cause in the log, or a cut answer that is seen as cut (H5, H11); the clear side is held to the same rules."""

import socket
import ssl

import http_wire
import pytest
import waiting

CUT = ConnectionError


@pytest.fixture(scope="module")
def partner(pki):
    """Recorders behind TLS by what is wrong with them; some answers are asked for by path."""
    def react(seen, piece):
        if piece.startswith(b"GET /cut"):
            # No close_notify, but an orderly FIN.
            seen.socket.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
            socket.socket.shutdown(seen.socket, socket.SHUT_RDWR)
        elif piece.startswith(b"GET /closed"):
            seen.socket.sendall(b"HTTP/1.1 200 OK\r\n\r\nall of it")
            seen.socket = seen.socket.unwrap()
        elif piece.startswith(b"GET /babble"):
            seen.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx")
        elif not piece.startswith(b"GET /silent"):
            http_wire.Recorder.answer_heads(seen, piece)

    def context(files):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(*files)
        return made

    stranger = pki.stranger.server("partner", "ec").write(pki.folder, "stranger-server")
    made = {"good": http_wire.Recorder(react, context(pki.server_files["ec"])),
            "stranger": http_wire.Recorder(react, context(stranger)), "clear": http_wire.Recorder(react)}
    yield made
    for one in made.values():
        one.stop()


@pytest.fixture(scope="module")
def gate(gate_running, partner):
    def listen(configuration, alias, port, name="localhost", **options):
        return configuration.listener(alias, "http", port, backend_tls={"truststore": "partners", "server_name": name},
                                      response_timeout="2s", **options)

    def prepare(configuration):
        ports = {alias: listen(configuration, alias, partner[alias].port) for alias in ("good", "stranger")}
        ports["clear"] = listen(configuration, "clear", partner["clear"].port, handshake_timeout="300ms")
        ports["renamed"] = listen(configuration, "renamed", partner["good"].port, "as2.other.example")
        ports["dead"] = listen(configuration, "dead", 1)
        ports["mute"] = listen(configuration, "mute", mute.getsockname()[1], handshake_timeout="300ms")
        route = {"path": "/as2", "backend": f"127.0.0.1:{partner['good'].port}", "max_body": "4"}
        ports["routed"] = listen(configuration, "routed", None, routes=[route])
        return ports

    with socket.create_server(("127.0.0.1", 0)) as mute, gate_running(prepare) as gate:
        yield gate


def exchange(gate, listener, text):
    """All that comes back; a reset raises."""
    with socket.create_connection(("127.0.0.1", gate.ports[listener]), 20) as made:
        made.sendall(text)
        made.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: made.recv(65536), b""))


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def test_a_request_in_clear_goes_on_by_tls(gate, partner):
    before = len(partner["good"].connections)
    assert exchange(gate, "good", get("/as2")) == http_wire.CLOSED
    (seen,) = partner["good"].connections[before:]
    assert seen.data == get("/as2")  # not a word about who asks inside
    line = gate.wait_for("request", listener="good", path="/as2")
    assert line["code"] == "200" and "tls" not in line


FAILURES = [("stranger", 502, "backend-failed"), ("renamed", 502, "backend-failed"), ("clear", 502, "backend-failed"),
            ("mute", 502, "backend-failed"), ("dead", 503, "backend-unreachable")]


@pytest.mark.parametrize("listener, code, reason", FAILURES)
def test_a_partner_that_cannot_be_trusted_gets_nothing(gate, partner, listener, code, reason):
    before = {alias: len(one.connections) for alias, one in partner.items()}
    assert exchange(gate, listener, get("/as2")) == http_wire.own_answer(code)
    line = gate.wait_for("request", listener=listener)
    assert (line["code"], line["reason"]) == (str(code), reason) and line["detail"]
    assert all(b"/as2" not in seen.data for alias, one in partner.items() for seen in one.connections[before[alias]:])


def test_a_silent_partner_is_504(gate):
    assert exchange(gate, "good", get("/silent")) == http_wire.own_answer(504)
    assert gate.wait_for("request", path="/silent")["reason"] == "response-timeout"


def test_a_partner_that_breaks_the_rules_is_502(gate):
    assert exchange(gate, "good", get("/babble")) == http_wire.own_answer(502)
    assert gate.wait_for("request", path="/babble")["reason"] == "backend-protocol"


def test_an_answer_that_ends_without_close_notify_is_cut(gate):
    with pytest.raises(CUT):
        exchange(gate, "good", get("/cut"))
    assert gate.wait_for("request", path="/cut")["reason"] == "backend-failed"


def test_an_answer_that_ends_with_close_notify_is_whole(gate):
    answer = exchange(gate, "good", get("/closed"))
    assert answer == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it"


def test_the_clear_side_is_held_to_the_same_rules(gate, partner):
    before = len(partner["good"].connections)
    smuggled = b"POST /as2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert exchange(gate, "good", smuggled) == http_wire.own_answer(400)
    assert exchange(gate, "routed", get("/other")) == http_wire.own_answer(404)
    too_much = b"POST /as2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    assert exchange(gate, "routed", too_much) == http_wire.own_answer(413)
    assert len(partner["good"].connections) == before
    assert exchange(gate, "routed", get("/as2/x")) == http_wire.CLOSED


def test_a_tls_client_is_no_http_client(gate):
    context = ssl.create_default_context()
    with socket.create_connection(("127.0.0.1", gate.ports["good"]), 20) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="localhost")
    waiting.until(lambda: gate.log("request", listener="good", code=400), "its line")
