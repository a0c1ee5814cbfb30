"""One line when a session begins, one per transfer or request, one when it ends, with a reason."""

import clients
import ftp_wire
import pytest
import tls_wire


@pytest.fixture
def gate(make_gate, configuration, echo, web, pyftpd):
    ports = {"raw": configuration.listener("raw", "tls", echo.port),
             "web": configuration.listener("web", "https", web.port, client_certificate="request"),
             "ftp": configuration.listener("ftp", "ftp", pyftpd.port)}
    gate = make_gate(configuration).start()
    gate.ports = ports
    return gate


def only(lines):
    assert len(lines) == 1, lines
    return lines[0]


def begin_and_end(gate, listener):
    end = gate.wait_for("session-end", listener=listener)
    begin = only(gate.log("session-begin", session=end["session"]))
    assert begin["client"] == end["client"] and end["client"].startswith("127.0.0.1:")
    only(gate.log("session-end", session=end["session"]))
    return begin, end


def test_raw(gate, pki):
    conversation = tls_wire.Conversation(clients.client_context(pki, "1.3"), gate.ports["raw"])
    assert conversation.echo(b"x" * 1000)
    conversation.say_end()
    conversation.receive_all()
    conversation.close()
    _, end = begin_and_end(gate, "raw")
    assert end["reason"] == "quit" and end["tls"] == "TLSv1.3" and end["resumed"] == "no"
    assert (end["bytes_in"], end["bytes_out"]) == ("1000", str(1000 + len("saw 1000 bytes")))


def test_https(gate, pki):
    chain, key = pki.client_files["trusted"]
    posted = clients.Curl(pki, "1.2", ["--cert", chain, "--key", key])("-d", "an order", f"https://localhost:{gate.ports['web']}/as2?x=1")
    assert posted.returncode == 0, posted.stderr
    _, end = begin_and_end(gate, "web")
    assert end["reason"] in ("client-closed", "quit") and end["tls"] == "TLSv1.2" and end["sni"] == "localhost"
    assert "Acme" in end["cert"] and end["fingerprint"] == pki.clients["trusted"].fingerprint
    request = only(gate.log("request", session=end["session"]))
    assert (request["command"], request["path"], request["code"], request["reason"]) == ("POST", "/as2?x=1", "200", "done")


def test_ftp(gate, pki, pyftpd):
    (pyftpd.files / "listed").write_bytes(b"x" * 5000)
    wire = ftp_wire.Wire(pki, gate.ports["ftp"])
    wire.reply()
    wire.start_tls()
    wire.login(pyftpd)
    data = wire.open_data("RETR in/listed")
    while data.recv(65536):
        continue
    data.unwrap()
    assert wire.reply()[0] == 226
    assert wire.say("QUIT")[0] == 221
    wire.close()
    _, end = begin_and_end(gate, "ftp")
    assert end["reason"] == "quit" and end["user"] == pyftpd.user
    transfer = only(gate.log("transfer", session=end["session"]))
    assert (transfer["command"], transfer["path"], transfer["bytes_out"], transfer["code"], transfer["reason"]) == \
        ("RETR", "in/listed", "5000", "226", "done")


def test_a_failed_handshake(gate):
    plain = ftp_wire.socket.create_connection(("127.0.0.1", gate.ports["raw"]), 20)
    plain.sendall(b"this is no ClientHello, but it is long enough to be one\r\n")
    _, end = begin_and_end(gate, "raw")
    assert end["reason"] == "handshake-failed" and end["detail"]
    plain.close()


def test_what_a_client_sends_stays_on_its_line(gate, pki):
    conversation = tls_wire.Conversation(clients.client_context(pki), gate.ports["web"])
    conversation.send(b"GET /a%0aevent=session-end\"x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    conversation.receive_all()
    conversation.close()
    gate.wait_for("session-end", listener="web")
    for line in gate.text.splitlines():
        assert line.count(" event=") <= 1 or "%0aevent" in line
