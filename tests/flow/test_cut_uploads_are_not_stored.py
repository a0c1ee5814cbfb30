"""F15: an upload that does not end with close_notify is never complete for the backend, and never 226."""

import contextlib
import multiprocessing
import os
import pathlib
import signal
import socket
import subprocess

import clients
import control
import ftp_backends
import ftp_wire
import pytest
import waiting

HALF = b"half of it" * 5000


@pytest.fixture(scope="module")
def gate(gate_running, vsftpd):
    def prepare(configuration):
        return {"strict": configuration.listener("strict", "ftps", vsftpd.port),
                "lenient": configuration.listener("lenient", "ftps", vsftpd.port, require_close_notify=False),
                "clear": configuration.listener("clear", "ftps", vsftpd.port, require_data_tls=False),
                "impatient": configuration.listener("impatient", "ftps", vsftpd.port, data_connect_timeout="1s")}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture
def wire(gate, pki, vsftpd, request):
    made = ftp_wire.Wire(pki, gate.ports[getattr(request, "param", "strict")], implicit=True)
    made.reply()
    made.login(vsftpd)
    yield made
    made.close()


def upload(wire, name):
    data = wire.open_data(f"STOR in/{name}")
    data.sendall(HALF)
    return data


def fin_only(data):
    socket.socket.shutdown(data, socket.SHUT_WR)


def reset(data):
    ftp_wire.linger_zero(data)
    data.close()


def clean_end(data):
    data.unwrap()


@pytest.mark.parametrize("cut", [fin_only, reset])
def test_a_cut_upload_is_426_and_incomplete(wire, vsftpd, gate, cut):
    name = f"cut-{cut.__name__}"
    cut(upload(wire, name))
    assert wire.reply()[0] == 426
    assert vsftpd.verdict(name) == "incomplete"
    assert not (vsftpd.files / name).exists()
    assert gate.wait_for("transfer", path=f"in/{name}", reason="client-cut", code="426")
    assert wire.say("NOOP")[0] == 200


def test_a_clean_end_is_226_and_complete(wire, vsftpd, gate):
    clean_end(upload(wire, "clean"))
    assert wire.reply()[0] == 226
    assert vsftpd.verdict("clean") == "complete"
    assert (vsftpd.files / "clean").read_bytes() == HALF
    assert gate.wait_for("transfer", path="in/clean", reason="done", code="226")


@pytest.mark.parametrize("wire", ["lenient"], indirect=True)
def test_old_clients_may_end_without_close_notify_where_the_listener_says_so(wire, vsftpd, gate):
    fin_only(upload(wire, "old-client"))
    assert wire.reply()[0] == 226
    assert vsftpd.verdict("old-client") == "complete"
    assert gate.wait_for("upload-without-close-notify")


def fin_inside_a_record(data):
    """The kernel of a client that was killed sends what it had been given: seldom whole records."""
    socket.socket.send(data, b"\x17\x03\x03\x40\x00" + HALF[:100])
    fin_only(data)


@pytest.mark.parametrize("wire", ["lenient"], indirect=True)
@pytest.mark.parametrize("cut", [fin_inside_a_record, reset])
def test_a_torn_upload_is_no_end_to_anybody(wire, vsftpd, gate, cut):
    """Clients that know no close_notify end with a FIN behind their last record, not with a RST."""
    name = f"torn-{cut.__name__}"
    cut(upload(wire, name))
    assert wire.reply()[0] == 426
    assert vsftpd.verdict(name) == "incomplete"
    assert gate.wait_for("transfer", path=f"in/{name}", reason="client-cut", code="426")
    assert wire.say("NOOP")[0] == 200


@pytest.mark.parametrize("wire", ["strict", "clear"], indirect=True)
def test_an_upload_that_is_aborted_is_incomplete(wire, vsftpd, gate, request):
    """F11: also in clear, where the client's own end looks like that of a whole file."""
    name = f"aborted-{request.node.callspec.id}"
    if wire.say("PROT C")[0] == 200:
        data = wire.connect_data(wire.passive())
        assert wire.say(f"STOR in/{name}")[0] == 150
        data.sendall(HALF)
    else:
        data = upload(wire, name)
    waiting.until(lambda: (vsftpd.files / name).exists(), "the upload to begin")
    wire.send("ABOR")
    assert [wire.reply()[0], wire.reply()[0]] == [426, 226]
    assert vsftpd.verdict(name) == "incomplete"
    assert gate.wait_for("transfer", path=f"in/{name}", reason="aborted")
    assert wire.say("NOOP")[0] == 200
    data.close()


@pytest.mark.parametrize("wire", ["impatient"], indirect=True)
def test_an_upload_that_nobody_comes_for_is_incomplete(wire, vsftpd, gate):
    """F17: the backend has opened its file and waits for bytes."""
    wire.passive()
    assert wire.say("STOR in/absent")[0] == 150
    assert wire.reply()[0] == 425
    assert vsftpd.verdict("absent") == "incomplete"
    assert gate.wait_for("transfer", path="in/absent", reason="client-absent", code="425")


def stop_timeout_passes(gate, _):
    gate.signal(signal.SIGTERM)
    assert gate.wait_exit() == 0


def term_comes_twice(gate, _):
    gate.signal(signal.SIGTERM)
    gate.wait_for("stop")
    gate.signal(signal.SIGTERM)
    assert gate.wait_exit() == 0


def it_is_kicked(gate, wire):
    assert control.ctl(gate, "kick", ftp_wire.session_of(gate, wire)).returncode == 0
    assert gate.wait_for("session-end", client=wire.client)["reason"] == "kicked"


@pytest.mark.parametrize("level", ["P", "C"])
@pytest.mark.parametrize("end, stop_timeout", [(stop_timeout_passes, "1s"), (term_comes_twice, "60s"), (it_is_kicked, "1s")])
def test_an_upload_that_p11gate_ends_is_incomplete(gate_running, pki, vsftpd, end, stop_timeout, level):
    name = f"{end.__name__}-{level}"

    def prepare(configuration):
        return configuration.listener("any", "ftps", vsftpd.port, require_data_tls=False)

    with gate_running(prepare, stop_timeout=stop_timeout, workers=1) as gate:
        wire = ftp_wire.Wire(pki, gate.ports, implicit=True)
        wire.reply()
        wire.login(vsftpd)
        assert wire.say(f"PROT {level}")[0] == 200
        port = wire.passive()
        data = wire.connect_data(port) if level == "C" else wire.wrap_data(wire.connect_data(port))
        assert wire.say(f"STOR in/{name}")[0] == 150
        data.sendall(HALF)
        waiting.until(lambda: (vsftpd.files / name).exists(), "the upload to begin")
        end(gate, wire)
        assert vsftpd.verdict(name) == "incomplete"
        wire.close()
        data.close()


def test_a_client_that_dies_leaves_no_complete_file(gate, pki, vsftpd, tmp_path):
    sample = clients.make_file(tmp_path / "sample", 20 << 20)
    curl = clients.FtpsCurl(pki, vsftpd, gate.ports["strict"], True, "EPSV", "1.3")
    words = [str(word) for word in [*curl.curl.words, "--limit-rate", "2M", "-T", sample, curl.base + "killed"]]
    client = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    waiting.until(lambda: (vsftpd.files / "killed").exists() and (vsftpd.files / "killed").stat().st_size > 1 << 18,
                  "the upload to be under way")
    client.send_signal(signal.SIGKILL)
    client.wait()
    assert vsftpd.verdict("killed") == "incomplete"


def test_a_backend_that_dies_shows_the_download_as_cut(gate, pki, make_gate, configuration, own_folder):
    backend = ftp_backends.Pyftpd(own_folder / "mortal")
    clients.make_file(backend.files / "large", 50 << 20)
    port = configuration.listener("mortal", "ftps", backend.port)
    make_gate(configuration).start()
    wire = ftp_wire.Wire(pki, port, implicit=True)
    wire.reply()
    wire.login(backend)
    data = wire.open_data("RETR in/large")
    assert data.recv(1000)
    backend.process.kill()
    with pytest.raises(OSError):
        while data.recv(1 << 20):
            continue
    assert wire.reply()[0] == 421  # its control connection died, too
    backend.process.wait()


# ---- the whole matrix: who ends, and when ----

FILE = os.urandom(50 << 20)
PARTS = {"nothing": 0, "half": len(FILE) // 2, "almost-all": len(FILE) * 99 // 100}


class Upload:
    """An upload that has come so far, and stands still."""

    def __init__(self, gate, pki, vsftpd, name, part):
        self.gate, self.vsftpd, self.name = gate, vsftpd, name
        self.wire = ftp_wire.Wire(pki, gate.ports["strict"], implicit=True)
        self.wire.reply()
        self.wire.login(vsftpd)
        self.data = self.wire.open_data(f"STOR in/{name}")
        self.data.sendall(FILE[:part])

    def session(self):
        return ftp_wire.session_of(self.gate, self.wire)

    def arrives(self):
        """A socket's buffer of it may still be on its way."""
        path = self.vsftpd.files / self.name
        waiting.until(lambda: path.exists(), "the upload to begin")


def upload_until_killed(gate, pki, vsftpd, name, part, told):
    Upload(gate, pki, vsftpd, name, part).arrives()
    told.send("begun")
    signal.pause()


def client_killed(gate, pki, vsftpd, name, part):
    mine, theirs = multiprocessing.Pipe(duplex=False)
    client = multiprocessing.get_context("fork").Process(target=upload_until_killed,
                                                         args=(gate, pki, vsftpd, name, part, theirs), daemon=True)
    client.start()
    assert mine.poll(ftp_wire.LIMIT_S) and mine.recv() == "begun"
    client.kill()
    client.join()


def fin_without_close_notify(*where):
    upload = Upload(*where)
    fin_only(upload.data)
    assert upload.wire.final_code() == 426


def reset_by_the_client(*where):
    upload = Upload(*where)
    reset(upload.data)
    assert upload.wire.final_code() == 426


def children(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def backend_killed(*where):
    """The processes of this session, and nobody else's."""
    upload = Upload(*where)
    upload.arrives()
    for process in children(upload.vsftpd.process.pid):
        with contextlib.suppress(ProcessLookupError):  # of an earlier test, ending by itself
            for worker in children(process):
                os.kill(worker, signal.SIGKILL)
            os.kill(process, signal.SIGKILL)
    assert upload.wire.final_code() >= 400  # vsftpd has words of its own for it


def worker_killed(*where):
    """Whoever serves the session; p11gate starts another."""
    upload = Upload(*where)
    upload.arrives()
    os.kill(int(upload.session(), 16) >> 32, signal.SIGKILL)
    with pytest.raises((*ftp_wire.CUT, EOFError)):
        upload.wire.reply()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("end", [client_killed, fin_without_close_notify, reset_by_the_client, backend_killed,
                                 worker_killed])
def test_whoever_ends_an_upload_early_no_complete_file_is_left(gate, pki, vsftpd, end, part):
    """F15, T1: vsftpd says OK UPLOAD of what it takes for complete, and never of these."""
    name = f"{end.__name__}-{part}"
    end(gate, pki, vsftpd, name, PARTS[part])
    if end is not backend_killed:
        assert vsftpd.verdict(name) == "incomplete"
    assert f'OK UPLOAD: Client "127.0.0.1", "/in/{name}"' not in (vsftpd.folder / "log").read_text()
    assert not vsftpd.has_whole(name, len(FILE))


@pytest.mark.parametrize("wire", ["strict", "clear"], indirect=True)
def test_a_killed_worker_ends_no_download_as_if_it_were_complete(gate, wire, vsftpd):
    """F15: also in clear, where a FIN is all that tells an end."""
    (vsftpd.files / "large").write_bytes(FILE)
    if wire.say("PROT C")[0] == 200:
        data = wire.connect_data(wire.passive())
        assert wire.say("RETR in/large")[0] == 150
    else:
        data = wire.open_data("RETR in/large")
    assert data.recv(1000)
    os.kill(int(ftp_wire.session_of(gate, wire), 16) >> 32, signal.SIGKILL)
    with pytest.raises(ftp_wire.CUT):
        ftp_wire.receive_all(data)
