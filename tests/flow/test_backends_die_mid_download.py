"""F15, F17: a backend whose data connection breaks in the middle of a download. Whatever it says about it, or does not
say, the client sees a cut and never the end of a complete file, and the reply is not 226."""

import contextlib
import threading

import ftp_recorder
import ftp_wire
import pytest

HALF = b"half of the file" * 5000


class Backend(ftp_recorder.Recorder):
    """Its downloads: half of the file, and when the client has some of it, the end that the test wants."""

    def __init__(self):
        super().__init__()
        self.received, self.silent_until = threading.Event(), threading.Event()
        self.ends = iter(())

    def begin(self, *ends):
        self.received.clear()
        self.silent_until.clear()
        self.ends = ends
        self.doings["RETR"] = lambda talk, _: self.half_a_file(talk)

    def half_a_file(self, talk):
        """False, from an end: the control connection ends."""
        talk.say("150 Here it comes")
        data, _ = talk.listening.accept()
        talk.listening.close()
        data.sendall(HALF)
        assert self.received.wait(ftp_wire.LIMIT_S)
        return all([end(talk, data) is not False for end in self.ends])

    def stop(self):
        self.silent_until.set()
        super().stop()


def resets(_, data):
    ftp_wire.linger_zero(data)
    data.close()


def ends(_, data):
    data.close()


def says(text):
    def say(talk, _):
        talk.say(text)

    say.__name__ = text.split()[0]
    return say


def closes(*_):
    return False


def is_silent(talk, _):
    talk.owner.silent_until.wait(ftp_wire.LIMIT_S)


@pytest.fixture(scope="module")
def backend():
    made = Backend()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def gate(gate_running, backend):
    def prepare(configuration):
        return configuration.listener("ftps", "ftps", backend.port, require_data_tls=False, health_check="0")

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture(params=["P", "C"])
def wire(gate, backend, pki, request):
    """Its data connections are protected, and in clear."""
    made = ftp_wire.Wire(pki, gate.ports, implicit=True)
    made.reply()
    made.login(backend)
    assert made.say(f"PROT {request.param}")[0] == 200
    made.protected = request.param == "P"
    yield made
    made.close()


def download(wire, backend, *deeds):
    """Up to its cut."""
    backend.begin(*deeds)
    if wire.protected:
        data = wire.open_data("RETR f")
    else:
        data = wire.connect_data(wire.passive())
        assert wire.say("RETR f")[0] == 150
    with contextlib.closing(data):
        assert data.recv(1)
        backend.received.set()
        with pytest.raises(ftp_wire.CUT):
            ftp_wire.receive_all(data)


def transfer(gate, wire):
    return gate.wait_for("transfer", session=ftp_wire.session_of(gate, wire))


def named(deeds):
    return "-".join(deed.__name__ for deed in deeds)


@pytest.mark.parametrize("deeds", [(resets, says("426 Broken")), (resets, says("226 Done")), (says("226 Done"), resets),
                                   (says("426 Broken"), resets), (ends, says("426 Broken"))], ids=named)
def test_a_broken_download_is_426_and_the_session_goes_on(gate, wire, backend, deeds):
    """F15, F17: also when the backend calls half a file complete."""
    download(wire, backend, *deeds)
    assert wire.reply()[0] == 426
    assert transfer(gate, wire)["code"] == "426"
    assert wire.say("NOOP")[0] == 200


@pytest.mark.parametrize("deeds", [(resets, says("551 The disk is broken")), (ends, says("551 The disk is broken"))],
                         ids=named)
def test_the_backend_s_own_words_for_it_pass(gate, wire, backend, deeds):
    """F17: a final reply of 4xx or 5xx is the verdict."""
    download(wire, backend, *deeds)
    assert wire.reply() == (551, "551 The disk is broken")
    assert transfer(gate, wire)["code"] == "551"
    assert wire.say("NOOP")[0] == 200


@pytest.mark.parametrize("deeds", [(resets, closes), (ends, closes)], ids=named)
def test_a_backend_that_is_gone_is_421(gate, wire, backend, deeds):
    """F15: the kernel of a server that was killed ends its data connections as if they were complete."""
    download(wire, backend, *deeds)
    assert wire.reply()[0] == 421
    line = transfer(gate, wire)
    assert (line["code"], line["reason"]) == ("421", "backend-failed")
    with pytest.raises(EOFError):
        wire.reply()


def test_a_backend_that_says_nothing_keeps_no_client_in_doubt(gate, wire, backend):
    """The client sees the cut at once; that the reply waits for the backend's, for 30 s at most, is seen in
    tests/unit/test_ftp_transfer.c."""
    download(wire, backend, resets, is_silent)
    wire.close()
    line = transfer(gate, wire)
    backend.silent_until.set()
    assert (line["code"], line["reason"]) == ("0", "backend-failed"), line
    assert line["close_notify"] == ("no" if wire.protected else "-")
