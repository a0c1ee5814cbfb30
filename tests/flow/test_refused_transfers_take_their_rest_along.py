"""F15, RFC 959 4.1.3: a REST is for the transfer behind it. One that p11gate refuses never reaches the backend, which
would keep the REST for the next one: a file that is sent from its beginning then would land in the middle."""

import ftp_recorder
import ftp_wire
import pytest

OLD, NEW = b"0123456789", b"new"
GARBAGE = b"\x16\x03\x01\x00\x05hello"


@pytest.fixture(scope="module")
def backend():
    made = ftp_recorder.Recorder()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def gate(gate_running, backend):
    with gate_running(lambda configuration: configuration.listener("recorded", "ftp", backend.port, keys=("ec",))) as gate:
        yield gate


@pytest.fixture
def connect(pki):
    made = []

    def login(gate, backend, protect=True):
        made.append(ftp_wire.Wire(pki, gate.ports))
        assert made[-1].reply()[0] == 220
        made[-1].start_tls()
        made[-1].login(backend, protect)
        return made[-1]

    yield login
    for one in made:
        one.close()


def store(wire):
    data = wire.open_data("STOR in/file")
    data.sendall(NEW)
    ftp_wire.say_end(data)
    assert wire.reply()[0] == 226


def unprotected(wire, gate):
    wire.passive()
    assert wire.say("STOR in/file")[0] == 521
    assert wire.say("PBSZ 0")[0] == wire.say("PROT P")[0] == 200


def with_nothing_set_up(wire, gate):
    assert wire.say("STOR in/file")[0] == 425


def aborted_at_once(wire, gate):
    wire.passive()
    wire.send("STOR in/file\r\nABOR")
    assert [wire.reply()[0], wire.reply()[0]] == [426, 226]


def with_broken_tls(wire, gate):
    data = wire.connect_data(wire.passive())
    data.sendall(GARBAGE)
    gate.wait_for("data-handshake-failed", client=wire.client)
    assert wire.say("STOR in/file")[0] == 522


@pytest.mark.parametrize("refused", [unprotected, with_nothing_set_up, aborted_at_once, with_broken_tls])
def test_the_next_file_begins_at_its_beginning(gate, connect, backend, refused):
    backend.files = {"in/file": OLD}
    wire = connect(gate, backend, protect=refused is not unprotected)
    assert wire.say("REST 5")[0] == 350
    refused(wire, gate)
    assert wire.say("NOOP")[0] == 200  # in its turn: the client hears nothing of what p11gate says
    store(wire)
    assert backend.files["in/file"] == NEW


def test_a_rest_that_is_said_anew_counts(gate, connect, backend):
    backend.files = {"in/file": OLD}
    wire = connect(gate, backend)
    assert wire.say("REST 5")[0] == 350
    with_nothing_set_up(wire, gate)
    assert wire.say("REST 7")[0] == 350
    store(wire)
    assert backend.files["in/file"] == OLD[:7] + NEW


def test_servers_of_every_make_forget_it(gate_running, connect, ftp_backend):
    path = ftp_backend.files / "file"
    path.unlink(missing_ok=True)
    with gate_running(lambda configuration: configuration.listener("real", "ftp", ftp_backend.port, keys=("ec",))) as gate:
        wire = connect(gate, ftp_backend)
        store(wire)
        assert wire.say("REST 2")[0] == 350
        with_nothing_set_up(wire, gate)
        store(wire)
        assert path.read_bytes() == NEW
        wire.close()
