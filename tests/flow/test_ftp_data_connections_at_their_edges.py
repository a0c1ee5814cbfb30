"""FTP data connections that nobody makes, or somebody else, or wrongly (F5, F9, F10, F17, C6)."""

import socket

import ftp_wire
import pytest
import waiting


@pytest.fixture(scope="module")
def gate(gate_running, ftp_backend):
    only_port = waiting.free_port()

    def prepare(configuration):
        port = ftp_backend.port
        return {"patient": configuration.listener("patient", "ftps", port),
                "impatient": configuration.listener("impatient", "ftps", port, data_connect_timeout="1s"),
                "one-port": configuration.listener("one-port", "ftps", port, passive_ports=f"{only_port}-{only_port}")}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture
def connect(gate, pki, ftp_backend):
    """connect(listener) -> a control connection behind its login."""
    with ftp_wire.logins(pki) as login:
        yield lambda listener: login(gate.ports[listener], ftp_backend)


@pytest.fixture
def wire(connect):
    return connect("patient")


def works(wire):
    """A whole transfer, in a session that has seen trouble."""
    ftp_wire.receive_all(wire.open_data("LIST"))
    return wire.reply()[0] == 226


def nobody_comes(port):
    return None


def somebody_comes_and_says_nothing(port):
    return socket.create_connection(("127.0.0.1", port), ftp_wire.LIMIT_S)


@pytest.mark.parametrize("arrive", [nobody_comes, somebody_comes_and_says_nothing])
def test_a_client_that_makes_no_data_channel_in_time_gets_425(connect, gate, arrive):
    """F17: and its session goes on."""
    wire = connect("impatient")
    silent = arrive(wire.passive())
    wire.send("LIST")
    assert wire.final_code() == 425
    session = gate.wait_for("session-begin", client=wire.client)["session"]
    assert gate.wait_for("transfer", session=session, reason="client-absent", code=425)
    assert wire.say("NOOP")[0] == 200
    if silent:
        silent.close()


def test_without_a_free_passive_port_epsv_is_425(connect, gate):
    """C6: never a port outside of the range; and it is logged."""
    holder, late = connect("one-port"), connect("one-port")
    holder.passive()
    assert late.say("EPSV")[0] == 425
    assert gate.wait_for("passive-port-failed", client=late.client)
    assert holder.say("QUIT")[0] == 221
    gate.wait_for("session-end", client=holder.client)
    assert works(late)


def test_a_stranger_at_the_passive_port_is_sent_away_and_the_port_stays(wire, gate):
    """F10, F17: data peers are the control connection's peer."""
    port = wire.passive()
    with socket.create_connection(("127.0.0.1", port), ftp_wire.LIMIT_S, ("127.0.0.2", 0)) as stranger:
        assert stranger.recv(1) == b""
    assert gate.wait_for("data-peer-refused", client=wire.client)["peer"].startswith("127.0.0.2:")
    wire.send("LIST")
    ftp_wire.receive_all(wire.wrap_data(wire.connect_data(port)))
    assert wire.final_code() == 226


def test_a_new_passive_port_ends_the_connection_to_the_old_one(wire):
    """F9: the last one counts."""
    data = wire.wrap_data(wire.connect_data(wire.passive()))
    wire.passive()
    assert data.recv(10) == b""
    assert works(wire)


def test_tls_that_has_failed_before_the_command_is_522(wire, gate):
    """F5: told at the transfer command."""
    data = wire.connect_data(wire.passive())
    data.sendall(b"\x16\x03\x01\x00\x05hello")
    assert gate.wait_for("data-handshake-failed", client=wire.client)["detail"]
    assert wire.say("LIST")[0] == 522
    assert works(wire)
    data.close()
