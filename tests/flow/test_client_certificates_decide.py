"""none, request and require, with no certificate, a trusted and an untrusted one, on both TLS versions."""

import itertools
import ssl

import clients
import ftp_wire
import pytest

MODES = ("none", "request", "require")
CERTIFICATES = (None, "trusted", "untrusted")
CASES = list(itertools.product(MODES, CERTIFICATES, ("1.2", "1.3")))


def https_lets_in(mode, certificate):
    """On https a certificate that is sent must be good (C4)."""
    return mode == "none" or certificate == "trusted" or (mode == "request" and certificate is None)


def ftp_lets_in(mode, certificate):
    """On FTP a bad one is as none, and only `require` asks for one."""
    return mode != "require" or certificate == "trusted"


@pytest.fixture(scope="module")
def gate(gate_running, pyftpd, web_for_all):
    def prepare(configuration):
        ports = {}
        for mode in MODES:
            ports["https", mode] = configuration.listener(f"https-{mode}", "https", web_for_all.port, client_certificate=mode)
            ports["ftps", mode] = configuration.listener(f"ftps-{mode}", "ftps", pyftpd.port, client_certificate=mode)
        ports["early"] = configuration.listener("early", "ftps", pyftpd.port, client_certificate="require",
                                                reject_at="handshake")
        for mode in ("request", "require"):
            ports["late", mode] = configuration.listener(f"late-{mode}", "https", web_for_all.port, client_certificate=mode,
                                                         reject_at="login")
        return ports

    with gate_running(prepare) as gate:
        yield gate


@pytest.mark.parametrize("mode, certificate, tls", CASES)
def test_https(gate, pki, web_for_all, mode, certificate, tls):
    words = []
    if certificate:
        chain, key = pki.client_files[certificate]
        words = ["--cert", chain, "--key", key]
    before = len(web_for_all.requests)
    words += ["-o", "/dev/null", "-w", "%{local_port}"]
    posted = clients.Curl(pki, tls, words)("-d", "an order", f"https://localhost:{gate.ports['https', mode]}/as2")
    if https_lets_in(mode, certificate):
        assert posted.returncode == 0, posted.stderr
        assert len(web_for_all.requests) == before + 1
    else:
        assert posted.returncode != 0
        assert len(web_for_all.requests) == before
        end = gate.wait_for("session-end", client=f"127.0.0.1:{posted.stdout}")
        assert end["reason"] == "certificate-refused" and end["detail"]


@pytest.mark.parametrize("mode, certificate, tls", [case for case in CASES if case[0] != "none"])
def test_https_refuses_the_request_where_the_listener_says_so(gate, pki, web_for_all, mode, certificate, tls):
    """C4: reject-at = "login" for who is refused by either of request (bad-certificate) and require."""
    before = len(web_for_all.requests)
    exchange = clients.HttpsExchange(clients.client_context(pki, tls, certificate), gate.ports["late", mode])
    lets_in = https_lets_in(mode, certificate)
    assert exchange.status == (200 if lets_in else 403)
    assert len(web_for_all.requests) == before + lets_in


@pytest.mark.parametrize("mode, certificate, tls", CASES)
def test_ftps_refuses_the_login(gate, pki, pyftpd, mode, certificate, tls):
    wire = ftp_wire.Wire(pki, gate.ports["ftps", mode], True, tls, certificate)
    assert wire.reply()[0] == 220
    assert wire.say(f"USER {pyftpd.user}")[0] == 331
    assert wire.say(f"PASS {pyftpd.password}")[0] == (230 if ftp_lets_in(mode, certificate) else 530)
    wire.close()


@pytest.mark.parametrize("certificate, tls", itertools.product((None, "untrusted"), ("1.2", "1.3")))
def test_ftps_refuses_the_handshake_where_the_listener_says_so(gate, pki, certificate, tls):
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
        wire = ftp_wire.Wire(pki, gate.ports["early"], True, tls, certificate)
        wire.reply()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_resumed_session_decides_as_the_first(gate, pki, tls):
    """C5: the certificate is not sent again, the verdict comes with the ticket."""
    context = clients.client_context(pki, tls, "trusted")
    port = gate.ports["https", "require"]
    first = clients.HttpsExchange(context, port)
    second = clients.HttpsExchange(context, port, first.session)
    assert (first.reused, second.reused) == (False, True)
    assert first.status == second.status == 200


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_session_of_one_listener_does_not_resume_in_another(gate, pki, tls):
    context = clients.client_context(pki, tls)
    first = clients.HttpsExchange(context, gate.ports["https", "none"])
    with_request = clients.HttpsExchange(context, gate.ports["https", "request"], first.session)
    assert not with_request.reused and with_request.status == 200
