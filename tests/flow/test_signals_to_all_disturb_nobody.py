"""A service manager, or a person with pkill, signals every process of p11gate: only the supervisor acts on it."""

import os
import signal

import ftp_wire
import pytest

CONTENT = b"0123456789abcdef" * 4096


@pytest.fixture
def gate(make_gate, configuration, pyftpd):
    configuration.top["stop_timeout"] = "30s"
    port = configuration.listener("ftp", "ftp", pyftpd.port)
    gate = make_gate(configuration).start()
    gate.wait_for("signer-ready", count=configuration.keystores[0]["signers"])
    gate.ports = port
    return gate


@pytest.fixture
def upload(gate, pki, pyftpd):
    """A control connection, and its data connection in the middle of a file."""
    wire = ftp_wire.Wire(pki, gate.ports)
    assert wire.reply()[0] == 220
    wire.start_tls()
    wire.login(pyftpd)
    assert wire.say("CWD in")[0] == 250
    data = wire.open_data("STOR in-the-middle")
    data.sendall(CONTENT)
    yield wire, data
    wire.close()


def signal_all(gate, number):
    """The children first: the supervisor has done nothing so far that would end them."""
    for pid in [*gate.children(), gate.process.pid]:
        os.kill(pid, number)


def finish(wire, data):
    data.sendall(CONTENT)
    ftp_wire.say_end(data)
    data.close()
    assert wire.reply()[0] == 226


@pytest.mark.parametrize("number, event", [(signal.SIGHUP, "reload-done"), (signal.SIGUSR1, "log-reopen")])
def test_nobody_ends_of_it(gate, upload, number, event):
    before = gate.children()
    signal_all(gate, number)
    gate.wait_for(event)
    assert not gate.log("child-exit", signal=int(number))
    assert before.items() <= gate.children().items()
    finish(*upload)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_transfer_ends_whole(gate, upload, number):
    signal_all(gate, number)
    gate.wait_for("stop")
    finish(*upload)
    assert upload[0].reply()[0] == 421
    upload[0].close()
    assert gate.wait_exit() == 0
    assert gate.log("transfer", reason="done", bytes_in=2 * len(CONTENT))
