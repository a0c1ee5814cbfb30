"""F10: PORT and EPRT: p11gate connects to the client and is the TLS server all the same; the backend sees PASV or
EPSV. Raw sockets, curl -P, lftp and Python's ftplib."""

import contextlib
import ftplib
import socket

import clients
import ftp_recorder
import ftp_wire
import pytest

CONTENT = bytes(range(256)) * 2000


@pytest.fixture(scope="module")
def backend():
    made = ftp_recorder.Recorder()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def backend_six():
    made = ftp_recorder.Recorder(host="::1")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def gate(gate_running, backend, backend_six, pyftpd):
    def prepare(configuration):
        ports = {"explicit": configuration.listener("explicit", "ftp", backend.port),
                 "implicit": configuration.listener("implicit", "ftps", backend.port),
                 "passive": configuration.listener("passive", "ftps", backend.port, active_mode=False),
                 "curl": configuration.listener("curl", "ftp", backend.port, require_data_tls=False),
                 "lftp": configuration.listener("lftp", "ftp", pyftpd.port),
                 "lftp-implicit": configuration.listener("lftp-implicit", "ftps", pyftpd.port),
                 "lenient": configuration.listener("lenient", "ftps", backend.port, require_data_tls=False)}
        ports["to-six"] = configuration.listener("to-six", "ftps", None)
        configuration.listeners[-1]["backend"] = f"[::1]:{backend_six.port}"
        six = configuration.listener("six", "ftps", backend.port)
        configuration.listeners[-1]["bind"] = f"[::1]:{six}"
        return {**ports, "six": six}

    with gate_running(prepare) as gate:
        yield gate


class Wire6(ftp_wire.Wire):
    """The same over IPv6."""

    def __init__(self, pki, port):
        self.context = clients.client_context(pki)
        self.context.check_hostname = False
        self.socket = self.wrap(socket.create_connection(("::1", port), ftp_wire.LIMIT_S))
        self.rest = b""


@pytest.fixture
def wire(gate, pki, backend):
    """wire(listener) -> logged in, channels protected."""
    made = []
    backend.forget()
    backend.files.clear()
    backend.files["file"] = CONTENT

    def connect(listener):
        one = Wire6(pki, gate.ports["six"]) if listener == "six" else ftp_wire.Wire(pki, gate.ports[listener],
                                                                                   implicit=listener != "explicit")
        made.append(one)
        assert one.reply()[0] == 220
        if listener == "explicit":
            one.start_tls()
        one.login(backend)
        return one

    yield connect
    for one in made:
        one.close()


@contextlib.contextmanager
def waiting_for_us(host="127.0.0.1"):
    """A port of the client."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listening:
        listening.settimeout(ftp_wire.LIMIT_S)
        yield listening, listening.getsockname()[1]


def port_words(port, host="127,0,0,1"):
    return f"PORT {host},{port // 256},{port % 256}"


def eprt_words(port, host="127.0.0.1"):
    return f"EPRT |{2 if ':' in host else 1}|{host}|{port}|"


def send_all(data, content):
    data.sendall(content)
    ftp_wire.say_end(data)
    data.close()


@pytest.mark.parametrize("words", [port_words, eprt_words])
@pytest.mark.parametrize("listener", ["explicit", "implicit"])
def test_files_pass_both_ways(wire, backend, listener, words):
    made = wire(listener)
    with waiting_for_us() as (listening, port):
        for command, name in (("RETR file", "file"), ("STOR new", "new")):
            assert made.say(words(port))[0] == 200
            made.send(command)
            plain = listening.accept()[0]
            data = made.wrap_data(plain)
            assert made.reply()[0] == 150
            if name == "file":
                assert ftp_wire.receive_all(data) == CONTENT
            else:
                send_all(data, CONTENT)
            assert made.reply()[0] == 226
    assert backend.files["new"] == CONTENT
    assert backend.said("PORT.*|EPRT.*") == [] and len(backend.said("PASV|EPSV")) == 2


def test_the_handshake_may_come_after_the_150(wire):
    made = wire("implicit")
    with waiting_for_us() as (listening, port):
        assert made.say(eprt_words(port))[0] == 200
        assert made.say("RETR file")[0] == 150
        assert ftp_wire.receive_all(made.wrap_data(listening.accept()[0])) == CONTENT
    assert made.reply()[0] == 226


def test_rest_stays_beside_its_transfer(wire, backend):
    """Nothing is said to the backend between REST and RETR."""
    made = wire("implicit")
    with waiting_for_us() as (listening, port):
        assert made.say(port_words(port))[0] == 200
        assert made.say("REST 500000")[0] == 350
        made.send("RETR file")
        data = made.wrap_data(listening.accept()[0])
        assert made.reply()[0] == 150
        assert ftp_wire.receive_all(data) == CONTENT[500000:]
    assert made.reply()[0] == 226
    assert backend.commands[-2:] == ["REST 500000", "RETR file"]


def test_in_clear_where_the_listener_allows_it(wire):
    made = wire("lenient")
    assert made.say("PROT C")[0] == 200
    with waiting_for_us() as (listening, port):
        assert made.say(port_words(port))[0] == 200
        made.send("RETR file")
        assert ftp_wire.receive_all(listening.accept()[0]) == CONTENT
    assert made.final_code() == 226


def test_a_client_on_ipv6_and_a_backend_on_ipv4(wire, backend):
    made = wire("six")
    with waiting_for_us("::1") as (listening, port):
        assert made.say(eprt_words(port, "::1"))[0] == 200
        made.send("RETR file")
        data = made.wrap_data(listening.accept()[0])
        assert made.reply()[0] == 150
        assert ftp_wire.receive_all(data) == CONTENT
        assert made.reply()[0] == 226
        assert made.say(port_words(port))[0] == 501
        assert made.say(eprt_words(port))[0] == 522


@pytest.mark.parametrize("active", [True, False], ids=["active", "passive"])
def test_a_client_on_ipv4_and_a_backend_on_ipv6(wire, backend_six, active):
    """F9: only EPSV can work there, whatever the client says."""
    backend_six.forget()
    backend_six.files["file"] = CONTENT
    made = wire("to-six")
    with waiting_for_us() as (listening, port):
        if active:
            assert made.say(port_words(port))[0] == 200
        else:
            plain = made.connect_data(made.passive("PASV"))
        made.send("RETR file")
        data = made.wrap_data(listening.accept()[0] if active else plain)
        assert made.reply()[0] == 150
        assert ftp_wire.receive_all(data) == CONTENT
        assert made.reply()[0] == 226
    assert backend_six.said("PASV|EPSV") == ["EPSV"]


def test_a_passive_client_on_ipv6_and_a_backend_on_ipv4(wire):
    made = wire("six")
    assert 400 <= made.say("PASV")[0] < 600
    plain = socket.create_connection(("::1", made.passive()), ftp_wire.LIMIT_S)
    made.send("RETR file")
    assert ftp_wire.receive_all(made.wrap_data(plain)) == CONTENT
    assert made.final_code() == 226


@pytest.mark.parametrize("words, code", [
    ("PORT 127,0,0,2,200,10", 501), ("PORT 10,0,0,1,200,10", 501), ("PORT 127,0,0,1,3,255", 501),
    ("PORT 127,0,0,1,0,25", 501), ("PORT 127,0,0,1,200", 501), ("PORT 127,0,0,1,200,256", 501), ("PORT", 501),
    ("EPRT |1|127.0.0.2|51210|", 501), ("EPRT |1|127.0.0.1|1023|", 501), ("EPRT |2|::1|51210|", 522),
    ("EPRT |3|127.0.0.1|51210|", 522), ("EPRT |1|127.0.0.1|51210", 501), ("EPRT |1|localhost|51210|", 501),
])
def test_nobody_else_is_connected_to(wire, backend, words, code):
    """The bounce attack (RFC 2577), and what is no address."""
    made = wire("implicit")
    backend.forget()
    answered, text = made.say(words)
    assert answered == code and "127" not in text and "51210" not in text
    assert made.say("LIST")[0] == 425
    assert backend.commands == []


def test_a_port_where_nobody_listens(wire):
    """F17: 425, and the session goes on."""
    made = wire("implicit")
    with waiting_for_us() as (_, port):
        pass
    assert made.say(port_words(port))[0] == 200
    made.send("RETR file")
    assert made.final_code() == 425
    assert made.say("NOOP")[0] == 200


def test_active_mode_can_be_refused(wire, backend):
    made = wire("passive")
    backend.forget()
    for words in (port_words(50000), eprt_words(50000)):
        assert made.say(words)[0] == 502
    assert backend.commands == []
    assert " EPRT" not in made.say("FEAT")[1]


def test_after_epsv_all_every_other_set_up_is_refused(wire):
    """F9."""
    made = wire("implicit")
    assert made.say("EPSV ALL")[0] == 200
    for words in (port_words(50000), eprt_words(50000), "PASV"):
        assert 500 <= made.say(words)[0] < 600
    assert made.passive()


@pytest.mark.parametrize("eprt", [False, True], ids=["PORT", "EPRT"])
def test_curl_in_active_mode(gate, pki, backend, own_folder, eprt):
    """With data in clear: curl 7.87 and 7.88 (Debian 12's) forget TLS on active data connections (curl#10666)."""
    backend.files["file"] = CONTENT
    curl = clients.Curl(pki, options=["-u", f"{backend.user}:{backend.password}", "-P", "127.0.0.1",
                                      "--ftp-ssl-control", *([] if eprt else ["--disable-eprt"])])
    base = f"ftp://127.0.0.1:{gate.ports['curl']}/"
    got, sent = own_folder / "got", own_folder / "sent"
    sent.write_bytes(CONTENT)
    for words in (["-o", got, base + "file"], ["-T", sent, base + "from-curl"]):
        result = curl(*words)
        assert result.returncode == 0, result.stderr
    assert got.read_bytes() == CONTENT
    assert backend.files["from-curl"] == CONTENT


@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
def test_lftp_in_active_mode(gate, pki, pyftpd, own_folder, implicit):
    lftp = clients.FtpsLftp(pki, pyftpd, gate.ports["lftp-implicit" if implicit else "lftp"], implicit, "EPSV", "1.3")
    lftp.settings.insert(-1, "set ftp:passive-mode false")
    sent, got = own_folder / "sent", own_folder / "got"
    sent.write_bytes(CONTENT)
    lftp.put(sent, "from-lftp")
    lftp.get("from-lftp", got)
    assert got.read_bytes() == CONTENT
    assert "from-lftp" in lftp.list()


def test_ftplib_in_active_mode(gate, pki, backend):
    backend.files["file"] = CONTENT
    with ftplib.FTP_TLS(context=clients.client_context(pki), timeout=ftp_wire.LIMIT_S) as ftp:
        ftp.connect("127.0.0.1", gate.ports["explicit"])
        ftp.login(backend.user, backend.password)
        ftp.prot_p()
        ftp.set_pasv(False)
        pieces = []
        ftp.retrbinary("RETR file", pieces.append)
        assert b"".join(pieces) == CONTENT
        assert "file" in ftp.nlst()
