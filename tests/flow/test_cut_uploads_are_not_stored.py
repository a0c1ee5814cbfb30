"""F15: an upload that does not end with close_notify is never complete for the backend, and never 226."""

import signal
import socket
import subprocess

import clients
import ftp_backends
import ftp_wire
import pytest
import waiting

HALF = b"half of it" * 5000


@pytest.fixture(scope="module")
def gate(gate_running, vsftpd):
    def prepare(configuration):
        return {"strict": configuration.listener("strict", "ftps", vsftpd.port),
                "lenient": configuration.listener("lenient", "ftps", vsftpd.port, require_close_notify=False)}

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
    backend.process.wait()
