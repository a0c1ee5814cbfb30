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
    with ftp_wire.logins(pki) as login:
        yield lambda listener, **options: login(gate.ports[listener], pyftpd, **options)


def come(port, host):
    return socket.create_connection(("127.0.0.1", port), ftp_wire.LIMIT_S, (host, 0))


def plain_data(wire, command, active):
    """A data connection on which TLS can begin; the command has been said. active: p11gate comes to us (PORT)."""
    if not active:
        plain = wire.connect_data(wire.passive())
        wire.send(command)
        return plain
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(ftp_wire.LIMIT_S)
        port = listening.getsockname()[1]
        assert wire.say(f"PORT 127,0,0,1,{port // 256},{port % 256}")[0] == 200
        wire.send(command)
        plain, who = listening.accept()
        assert who[0] == "127.0.0.1"
        plain.settimeout(ftp_wire.LIMIT_S)
        return plain


ACTIVE = pytest.mark.parametrize("active", [False, True], ids=["EPSV", "PORT"])


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


@ACTIVE
@pytest.mark.parametrize("verb", ["STOR", "RETR"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_client_that_does_not_resume_is_told_at_once(connect, gate, pyftpd, tls, verb, active):
    """F6, F10: before a byte has moved. Who comes to a port is refused in the handshake; in active mode behind it."""
    wire, name = connect("session", tls=tls), f"not-resumed-{tls}-{verb}-{active}"
    if verb == "RETR":
        (pyftpd.files / name).write_bytes(b"somebody's")
    plain = plain_data(wire, f"{verb} in/{name}", active)
    if active:
        assert wire.wrap(plain).recv(1) == b""
    else:
        with pytest.raises(OSError):
            wire.wrap(plain).recv(1)
    assert wire.final_code() == 522
    assert gate.wait_for("transfer", listener="session", path=f"in/{name}")["reason"] == "data-not-resumed"
    assert verb == "RETR" or not (pyftpd.files / name).exists() or (pyftpd.files / name).stat().st_size == 0
    data = wire.wrap_data(plain_data(wire, "LIST", active))
    ftp_wire.receive_all(data)
    assert wire.final_code() == 226


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

@ACTIVE
@pytest.mark.parametrize("shown", [None, "untrusted"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_another_certificate_than_on_control_is_522(connect, gate, pki, tls, shown, active):
    """F6, whoever connects."""
    wire, name = connect("certificates", tls=tls, certificate="trusted"), f"in/of-somebody-else-{tls}-{shown}-{active}"
    refused = len(gate.log("data-handshake-failed"))
    plain = plain_data(wire, f"STOR {name}", active)
    clients.client_context(pki, tls, shown).wrap_socket(plain, server_hostname="localhost")
    assert wire.final_code() == 522
    assert "client certificate" in gate.wait_for("data-handshake-failed", count=refused + 1)["detail"]
    assert gate.wait_for("transfer", path=name, code=522)["reason"] == "certificate-refused"
    data = wire.wrap_data(plain_data(wire, "LIST", active))
    ftp_wire.receive_all(data)
    assert wire.final_code() == 226


@ACTIVE
@pytest.mark.parametrize("control", [None, "trusted", "untrusted"])
@pytest.mark.parametrize("reuse", [False, True])
def test_the_same_certificate_or_none_on_control_is_fine(connect, control, reuse, active):
    wire = connect("certificates", certificate=control)
    data = wire.wrap(plain_data(wire, "LIST", active), wire.socket.session if reuse else None)
    ftp_wire.receive_all(data)
    assert wire.final_code() == 226


@ACTIVE
def test_who_showed_none_on_control_may_show_one_on_data(connect, pki, active):
    wire = connect("certificates")
    plain = plain_data(wire, "LIST", active)
    data = clients.client_context(pki, None, "trusted").wrap_socket(plain, server_hostname="localhost")
    ftp_wire.receive_all(data)
    assert wire.final_code() == 226
