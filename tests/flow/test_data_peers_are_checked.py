"""F6, F10, F17: a data connection comes from the control connection's peer, or resumes its TLS session; and
it shows the same client certificate."""

import socket

import clients
import ftp_wire
import metrics_page
import pytest


@pytest.fixture(scope="module")
def gate(gate_running, pyftpd):
    def prepare(configuration):
        port = pyftpd.port
        return {"address": configuration.listener("address", "ftps", port),
                "session": configuration.listener("session", "ftps", port, data_peer="same-session"),
                "clear": configuration.listener("clear", "ftps", port, data_peer="same-session", require_data_tls=False),
                "certificates": configuration.listener("certificates", "ftps", port, client_certificate="request"),
                "page": metrics_page.add(configuration)}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture
def connect(gate, pki, pyftpd):
    """connect(listener) -> a control connection behind its login."""
    made = []

    def login(listener, **options):
        made.append(ftp_wire.Wire(pki, gate.ports[listener], implicit=True, **options))
        assert made[-1].reply()[0] == 220
        made[-1].login(pyftpd)
        return made[-1]

    yield login
    for one in made:
        one.close()


def come(port, host):
    return socket.create_connection(("127.0.0.1", port), ftp_wire.LIMIT_S, (host, 0))


def works(wire, port, host="127.0.0.1"):
    wire.send("LIST")
    data = wire.wrap_data(come(port, host))
    ftp_wire.receive_all(data)
    return wire.final_code() == 226


# ---- data-peer ----

def test_same_address_lets_nobody_else_in_whatever_session_is_shown(connect, gate):
    wire = connect("address")
    port = wire.passive()
    with come(port, "127.0.0.2") as stranger:
        assert stranger.recv(1) == b""
    assert works(wire, port)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_same_session_lets_the_client_come_from_any_address(connect, tls):
    wire = connect("session", tls=tls)
    assert works(wire, wire.passive(), "127.0.0.9")
    assert works(wire, wire.passive(), "127.0.0.1")


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_stranger_without_the_session_costs_no_signature_and_keeps_nobody_out(connect, gate, pki, tls):
    wire, other = connect("session", tls=tls), connect("session", tls=tls)
    before = metrics_page.signatures(gate.ports["page"])
    port = wire.passive()
    for session in (None, other.socket.session):
        context = other.context if session else clients.client_context(pki, tls)
        with come(port, "127.0.0.2") as plain, pytest.raises(OSError):
            context.wrap_socket(plain, server_hostname="localhost", session=session)
    gate.wait_for("data-peer-refused", client=wire.client, count=2)
    assert works(wire, port, "127.0.0.3")
    assert metrics_page.signatures(gate.ports["page"]) == before


def test_strangers_who_say_nothing_keep_nobody_out(connect):
    """More of them than p11gate listens to at the same time."""
    wire = connect("session")
    port = wire.passive()
    silent = [come(port, "127.0.0.2") for _ in range(7)]
    assert works(wire, port, "127.0.0.3")
    for one in silent:
        one.close()


def test_a_client_that_does_not_resume_is_told_at_once(connect, gate):
    wire = connect("session")
    plain = wire.connect_data(wire.passive())
    wire.send("LIST")
    with pytest.raises(OSError):
        wire.wrap(plain).recv(1)
    assert wire.final_code() == 522
    assert gate.wait_for("transfer", listener="session", reason="data-not-resumed")
    assert works(wire, wire.passive())


def test_same_session_refuses_data_in_clear(connect, gate):
    """Nobody can show whose channel it is."""
    wire = connect("clear")
    assert wire.say("PROT C")[0] == 200
    port = wire.passive()
    with wire.connect_data(port) as data:
        assert data.recv(1) == b""
    assert wire.say("LIST")[0] == 522
    assert wire.say("PROT P")[0] == 200
    assert works(wire, wire.passive())


# ---- F6: the client's certificate ----

@pytest.mark.parametrize("shown", [None, "untrusted"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_another_certificate_than_on_control_is_522(connect, gate, pki, tls, shown):
    wire = connect("certificates", tls=tls, certificate="trusted")
    refused = len(gate.log("data-handshake-failed"))
    plain = wire.connect_data(wire.passive())
    wire.send("STOR in/of-somebody-else")
    clients.client_context(pki, tls, shown).wrap_socket(plain, server_hostname="localhost")
    assert wire.final_code() == 522
    assert "client certificate" in gate.wait_for("data-handshake-failed", count=refused + 1)["detail"]
    assert gate.wait_for("transfer", listener="certificates", path="in/of-somebody-else", code=522)
    assert works(wire, wire.passive())


@pytest.mark.parametrize("control", [None, "trusted", "untrusted"])
@pytest.mark.parametrize("reuse", [False, True])
def test_the_same_certificate_or_none_on_control_is_fine(connect, control, reuse):
    wire = connect("certificates", certificate=control)
    data = wire.open_data("LIST", reuse=reuse)
    ftp_wire.receive_all(data)
    assert wire.reply()[0] == 226


def test_who_showed_none_on_control_may_show_one_on_data(connect, pki):
    wire = connect("certificates")
    plain = wire.connect_data(wire.passive())
    wire.send("LIST")
    data = clients.client_context(pki, None, "trusted").wrap_socket(plain, server_hostname="localhost")
    ftp_wire.receive_all(data)
    assert wire.final_code() == 226
