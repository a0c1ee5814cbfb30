"""H9: a backend with send-proxy hears who the client is before the connection's first byte, and with v2-tls what its
TLS and its certificate are: verify = 0 only for a certificate that was presented and verified."""

import socket
import ssl

import clients
import ftp_wire
import proxy_wire
import pytest
import tls_wire
import waiting

CERTIFICATE = {"trusted": 0, "untrusted": 1, None: 1}  # what verify is


@pytest.fixture(scope="module")
def servers(pyftpd):
    made = {"hello": proxy_wire.ProxiedServer(proxy_wire.say_hello),
            "web": proxy_wire.ProxiedServer(proxy_wire.answer_http),
            "files": proxy_wire.ProxiedServer(proxy_wire.pipe_to(pyftpd.port))}
    yield made
    for server in made.values():
        server.stop()


@pytest.fixture(scope="module")
def gate(gate_running, servers):
    def prepare(configuration):
        ports = {}
        for version in ("v1", "v2", "v2-tls"):
            ports["tls", version] = configuration.listener(
                f"tls-{version}", "tls", servers["hello"].port, send_proxy=version, client_certificate="request",
                bad_certificate="ignore")
        ports["web"] = configuration.listener("web", "https", servers["web"].port, send_proxy="v2-tls")
        ports["files"] = configuration.listener("files", "ftps", servers["files"].port, send_proxy="v2-tls",
                                                client_certificate="request")
        ports["plain"] = configuration.listener("plain", "ftp", servers["files"].port, send_proxy="v2-tls",
                                                secure_clients_only=False, client_certificate="request")
        ports["behind"] = configuration.listener("behind", "tls", servers["hello"].port, send_proxy="v1",
                                                 accept_proxy_from=["127.0.0.1"])
        return ports

    with gate_running(prepare) as gate:
        yield gate


def greet(context, port, session=None):
    """A short conversation: (the client's address, its TLS session, was it resumed)."""
    with socket.create_connection(("127.0.0.1", port), tls_wire.LIMIT_S) as plain:
        address = "%s:%d" % plain.getsockname()
        with context.wrap_socket(plain, server_hostname="localhost", session=session) as made:
            made.sendall(b"hi")
            assert made.recv(5) == b"hello"
            return address, made.session, made.session_reused


def header_of(server, address):
    return waiting.until(lambda: [header for header in server.headers if header.source == address],
                         f"a header for {address}")[0]


@pytest.mark.parametrize("version", ["v1", "v2", "v2-tls"])
def test_h9_every_version_tells_the_addresses(gate, pki, servers, version):
    address, _, _ = greet(clients.client_context(pki), gate.ports["tls", version])
    header = header_of(servers["hello"], address)
    assert header.version == int(version[1])
    assert header.destination == f"127.0.0.1:{gate.ports['tls', version]}"
    assert bool(header.ssl) == (version == "v2-tls")
    assert header.ssl or not header.tlvs


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("certificate", ["trusted", "untrusted", None])
def test_h9_tls_and_certificate_are_told_on_fresh_and_resumed_sessions(gate, pki, servers, tls, certificate):
    context, session = clients.client_context(pki, tls, certificate), None
    for resumed in (False, True):
        address, session, reused = greet(context, gate.ports["tls", "v2-tls"], session)
        assert reused == resumed
        header = header_of(servers["hello"], address)
        told = header.ssl
        seen = proxy_wire.CLIENT_CERT_SESS | (0 if resumed else proxy_wire.CLIENT_CERT_CONN)
        assert told.client == proxy_wire.CLIENT_SSL | (seen if certificate else 0)
        assert told.verify == CERTIFICATE[certificate]
        assert told.version.decode() == f"TLSv{tls}"
        assert told.cipher.decode() in [cipher["name"] for cipher in ssl.create_default_context().get_ciphers()]
        assert header.tlvs[proxy_wire.AUTHORITY] == b"localhost"
        assert proxy_wire.CRC32C in header.tlvs
        if certificate:
            chain, _ = pki.client_files[certificate]
            assert told.certificate == ssl.PEM_cert_to_DER_cert(chain.read_text()[:chain.read_text().index("-----END")]
                                                                + "-----END CERTIFICATE-----\n")
            assert told.common_name
        else:
            assert (told.certificate, told.common_name) == (None, None)


def test_h9_the_protocol_that_was_agreed_on_is_told(gate, pki, servers):
    context = clients.client_context(pki)
    for offered, expected in ((["http/1.1"], b"http/1.1"), ([], None)):
        context.set_alpn_protocols(offered)
        with socket.create_connection(("127.0.0.1", gate.ports["web"]), tls_wire.LIMIT_S) as plain:
            address = "%s:%d" % plain.getsockname()
            with context.wrap_socket(plain, server_hostname="localhost") as made:
                made.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert made.recv(12) == b"HTTP/1.1 200"
        assert header_of(servers["web"], address).tlvs.get(proxy_wire.ALPN) == expected


def test_h9_ftp_data_connections_carry_no_header(gate, pki, servers, pyftpd):
    wire = ftp_wire.Wire(pki, gate.ports["files"], implicit=True, certificate="trusted")
    assert wire.reply()[0] == 220
    wire.login(pyftpd)
    with wire.open_data("STOR /in/through-proxy") as data:
        data.sendall(b"nothing but this")
        ftp_wire.say_end(data)
    assert wire.final_code() == 226
    assert (pyftpd.files / "through-proxy").read_bytes() == b"nothing but this"
    told = header_of(servers["files"], wire.client).ssl
    assert told.verify == 0 and told.certificate
    wire.close()


def test_h9_a_session_in_clear_is_told_without_tls(gate, pki, servers, pyftpd):
    wire = ftp_wire.Wire(pki, gate.ports["plain"])
    assert wire.reply()[0] == 220
    assert wire.say(f"USER {pyftpd.user}")[0] == 331
    assert header_of(servers["files"], wire.client).ssl is None
    wire.close()


def test_h9_f7_a_certificate_is_not_told_of_when_its_tls_has_ended(gate, pki, servers, pyftpd):
    """Behind REIN the client is nobody: to the backend, and in the log."""
    wire = ftp_wire.Wire(pki, gate.ports["plain"], certificate="trusted")
    assert wire.reply()[0] == 220
    wire.start_tls()
    wire.login(pyftpd)
    assert header_of(servers["files"], wire.client).ssl.verify == 0
    before = len(servers["files"].headers)
    assert wire.say("REIN")[0] == 220
    wire.socket = wire.socket.unwrap()
    assert wire.say(f"USER {pyftpd.user}")[0] == 331
    header = waiting.until(lambda: servers["files"].headers[before:], "another header")[0]
    assert header.source == wire.client and header.ssl is None
    assert wire.say(f"PASS {pyftpd.password}")[0] == 230
    session = ftp_wire.session_of(gate, wire)
    wire.close()
    assert "fingerprint" not in gate.wait_for("session-end", session=session)


def test_h9_what_a_proxy_in_front_says_is_handed_on(gate, pki, servers):
    with socket.create_connection(("127.0.0.1", gate.ports["behind"]), tls_wire.LIMIT_S) as plain:
        plain.sendall(b"PROXY TCP4 203.0.113.7 198.51.100.1 4711 990\r\n")
        with clients.client_context(pki).wrap_socket(plain, server_hostname="localhost") as made:
            made.sendall(b"hi")
            assert made.recv(5) == b"hello"
    header_of(servers["hello"], "203.0.113.7:4711")
