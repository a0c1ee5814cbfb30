"""TERM: nobody new, what is under way may end within stop-timeout, a second TERM ends at once."""

import signal
import time

import clients
import ftp_wire
import pytest
import tls_wire
import waiting

CONTENT = b"0123456789abcdef" * 4096
AT_ONCE_S = 5  # for a machine that is busy


@pytest.fixture
def make(make_gate, configuration, pyftpd, echo):
    def start(**top):
        configuration.top.update(top)
        ports = {"ftp": configuration.listener("ftp", "ftp", pyftpd.port),
                 "raw": configuration.listener("raw", "tls", echo.port)}
        gate = make_gate(configuration).start()
        gate.ports = ports
        return gate

    return start


def session(gate, pki, pyftpd):
    wire = ftp_wire.Wire(pki, gate.ports["ftp"])
    assert wire.reply()[0] == 220
    wire.start_tls()
    wire.login(pyftpd)
    assert wire.say("CWD in")[0] == 250
    return wire


def test_a_transfer_ends_and_nobody_new_comes(make, pki, pyftpd):
    gate = make(stop_timeout="30s")
    idle, busy = session(gate, pki, pyftpd), session(gate, pki, pyftpd)
    data = busy.open_data("STOR at-the-end")
    data.sendall(CONTENT)
    gate.signal(signal.SIGTERM)
    assert idle.reply()[0] == 421
    for port in gate.ports.values():
        waiting.until(lambda port=port: not waiting.connects(port), "the port to be closed")
    data.sendall(CONTENT)
    ftp_wire.say_end(data)
    data.close()
    assert busy.reply()[0] == 226
    assert busy.reply()[0] == 421
    for wire in (idle, busy):
        wire.close()
    assert gate.wait_exit(AT_ONCE_S) == 0
    assert gate.log("transfer", reason="done", bytes_in=2 * len(CONTENT))


def test_a_transfer_that_takes_too_long_is_cut(make, pki, pyftpd):
    gate = make(stop_timeout="1s")
    wire = session(gate, pki, pyftpd)
    data = wire.open_data("STOR never-whole")
    data.sendall(CONTENT)
    begun = time.monotonic()
    gate.signal(signal.SIGTERM)
    assert gate.wait_exit() == 0
    assert 0.9 < time.monotonic() - begun < 1 + AT_ONCE_S
    assert not gate.log("child-kill")


def test_without_work_it_ends_at_once(make, pki):
    gate = make(stop_timeout="60s")
    assert tls_wire.full_handshake(clients.client_context(pki), gate.ports["raw"])
    gate.signal(signal.SIGTERM)
    assert gate.wait_exit(AT_ONCE_S) == 0


def test_a_second_term_does_not_wait(make, pki):
    gate = make(stop_timeout="60s")
    established = tls_wire.Conversation(clients.client_context(pki), gate.ports["raw"])
    assert established.echo(b"before")
    gate.signal(signal.SIGTERM)
    gate.wait_for("stop")
    assert established.echo(b"still served")
    gate.signal(signal.SIGTERM)
    assert gate.wait_exit(AT_ONCE_S) == 0
    established.close()


def test_a_term_in_a_reload_stops_both_generations(make, pki):
    gate = make(stop_timeout="60s")
    gate.signal(signal.SIGHUP)
    gate.wait_for("reload")
    gate.signal(signal.SIGTERM)
    assert gate.wait_exit(AT_ONCE_S) == 0
