"""SNI chooses the key, the client's algorithms choose among several, the chain is sent along, and OCSP responses are
stapled."""

import re
import socket
import ssl

import clients
import ftp_wire
import ocsp
import partner_certificates
import pytest
import softhsm

NAMES = [{"name": "*.example.com", "key_alias": softhsm.label("ec")},
         {"name": "ftp.example.org", "key_alias": [softhsm.label("ec384")]}]
VERSIONS = ("1.2", "1.3")
CHOSEN = [("a.example.com", "ec"), ("B.Example.Com", "ec"), ("ftp.example.org", "ec384")]
NOT_NAMED = ["example.com", "a.b.example.com", "www.example.org", None]
ONLY = {"rsa": "RSA-PSS+SHA256:RSA+SHA256", "ec": "ECDSA+SHA256"}


@pytest.fixture(scope="module")
def responder(pki, new_folder):
    return ocsp.Responder(pki, new_folder())


@pytest.fixture(scope="module")
def gate(gate_running, pyftpd, web_for_all, responder):
    def prepare(configuration):
        def web(alias, keys, **options):
            return configuration.listener(alias, "https", web_for_all.port, keys, **options)

        named = {"keys": ["rsa"], "server_names": NAMES}
        return {
            "named": web("named", **named),
            "strict": web("strict", strict_server_name=True, **named),
            "ftps": configuration.listener("ftps", "ftps", pyftpd.port, **named),
            "strict-ftps": configuration.listener("strict-ftps", "ftps", pyftpd.port, strict_server_name=True, **named),
            "several": web("several", ["rsa", "ec"], ocsp_file=[responder.respond("rsa"), responder.respond("ec")]),
            "expired": web("expired", ["ec"], ocsp_file=responder.respond_expired("ec"),
                           server_names=[{"name": "ftp.example.org", "key_alias": softhsm.label("ec384"),
                                          "ocsp_file": responder.respond("ec384")}]),
        }

    with gate_running(prepare) as gate:
        yield gate


def context_for(pki, tls):
    """Names are compared by the test itself: its certificates are all for localhost."""
    context = clients.client_context(pki, tls)
    context.check_hostname = False
    return context


class Asked:
    """One TLS connection that asks for a name: the certificate, the session and whether it was resumed."""

    def __init__(self, context, port, name, session=None):
        with socket.create_connection(("127.0.0.1", port), 20) as plain:
            with context.wrap_socket(plain, server_hostname=name, session=session) as made:
                self.certificate = made.getpeercert(binary_form=True)
                made.sendall(b"GET /as2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                self.answer = b"".join(iter(lambda: made.recv(65536), b""))
                self.session, self.reused = made.session, made.session_reused


@pytest.mark.parametrize("tls", VERSIONS)
@pytest.mark.parametrize("listener", ["named", "strict"])
@pytest.mark.parametrize("name, kind", CHOSEN)
def test_a_name_has_its_certificate(gate, pki, listener, name, kind, tls):
    asked = Asked(context_for(pki, tls), gate.ports[listener], name)
    assert asked.certificate == pki.servers[kind].der
    assert asked.answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("tls", VERSIONS)
@pytest.mark.parametrize("name", NOT_NAMED)
def test_another_name_has_the_default_certificate_or_none(gate, pki, name, tls):
    asked = Asked(context_for(pki, tls), gate.ports["named"], name)
    assert asked.certificate == pki.servers["rsa"].der
    ended = len(gate.log("session-end", listener="strict"))
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        Asked(context_for(pki, tls), gate.ports["strict"], name)
    end = gate.wait_for("session-end", listener="strict", count=ended + 1)
    assert end["reason"] == "handshake-failed"
    assert end["detail"] == (f'client asked for the unknown server name "{name}"' if name
                             else "client asked for no server name")


@pytest.mark.parametrize("tls", VERSIONS)
def test_a_session_of_one_name_does_not_resume_under_another(gate, pki, tls):
    context = context_for(pki, tls)
    for listener in ("named", "strict"):
        first = Asked(context, gate.ports[listener], "a.example.com")
        assert Asked(context, gate.ports[listener], "A.example.com", first.session).reused
        other = Asked(context, gate.ports[listener], "ftp.example.org", first.session)
        assert not other.reused and other.certificate == pki.servers["ec384"].der
    with pytest.raises(ssl.SSLError):
        Asked(context, gate.ports["strict"], "www.example.org", first.session)


def test_curl_gets_through_by_name(gate, pki):
    """Every check of its own; the certificate is the one for localhost, so the name is not verified."""
    port = gate.ports["strict"]
    url, resolve = f"https://a.example.com:{port}/as2", f"a.example.com:{port}:127.0.0.1"
    got = clients.Curl(pki)("-k", "--resolve", resolve, "-v", url)
    assert got.returncode == 0 and "CN=server ec" in got.stderr, got.stderr
    assert clients.Curl(pki)("-k", f"https://127.0.0.1:{port}/as2").returncode != 0


class NamedWire(ftp_wire.Wire):
    """Asks for one name on its control connection and for another on data connections."""

    def __init__(self, pki, port, tls, control_name, data_name):
        self.names = [control_name, data_name]
        super().__init__(pki, port, True, tls)

    def wrap(self, sock, session=None):
        self.context.check_hostname = False
        name = self.names.pop(0) if len(self.names) > 1 else self.names[0]
        return self.context.wrap_socket(sock, server_hostname=name, session=session, suppress_ragged_eofs=False)


@pytest.mark.parametrize("tls", VERSIONS)
@pytest.mark.parametrize("reuse", [False, True])
@pytest.mark.parametrize("listener", ["ftps", "strict-ftps"])
@pytest.mark.parametrize("data_name", [None, "127.0.0.1", "ftp.example.org", "a.example.com"])
def test_data_channels_have_the_control_channels_certificate(gate, pki, pyftpd, listener, data_name, reuse, tls):
    wire = NamedWire(pki, gate.ports[listener], tls, "a.example.com", data_name)
    assert wire.socket.getpeercert(binary_form=True) == pki.servers["ec"].der
    assert wire.reply()[0] == 220
    wire.login(pyftpd)
    data = wire.open_data("NLST", reuse)
    assert data.session_reused == reuse
    if not reuse:
        assert data.getpeercert(binary_form=True) == pki.servers["ec"].der
    while data.recv(65536):
        pass
    data.close()
    assert wire.reply()[0] == 226
    wire.close()


def s_client(gate, listener, *words):
    done = clients.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gate.ports[listener]}", *words])
    return done.stdout + done.stderr


@pytest.mark.parametrize("tls", VERSIONS)
@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_the_clients_algorithms_choose_certificate_and_response(gate, pki, kind, tls):
    words = ["-tls" + tls.replace(".", "_"), "-sigalgs", ONLY[kind], "-CAfile", pki.ca_file]
    plain, asking = s_client(gate, "several", *words), s_client(gate, "several", *words, "-status")
    serial = f"{pki.servers[kind].certificate.serial_number:X}"
    for text in (plain, asking):
        assert f"subject=CN = server {kind}" in text and "Verify return code: 0 (ok)" in text
    assert "OCSP response: no response sent" not in asking
    assert "OCSP Response Status: successful" in asking and "Cert Status: good" in asking
    assert serial in asking
    assert "OCSP Response Status" not in plain


@pytest.mark.parametrize("tls", VERSIONS)
def test_an_expired_response_is_not_stapled_and_warned_of_once(gate, pki, tls):
    for _ in range(4):
        text = s_client(gate, "expired", "-tls" + tls.replace(".", "_"), "-noservername", "-status")
        assert "OCSP response: no response sent" in text and "subject=CN = server ec\n" in text
    named = s_client(gate, "expired", "-tls" + tls.replace(".", "_"), "-servername", "ftp.example.org", "-status")
    assert "Cert Status: good" in named
    warnings = gate.log("ocsp-stale", listener="expired")
    assert len(warnings) == 2  # one a worker
    assert "CN=server ec" in warnings[0]["detail"] and "has expired at" in warnings[0]["detail"]


@pytest.mark.parametrize("options", [[], ["-t"]], ids=["run", "check"])
def test_a_response_about_another_certificate_is_refused(make_gate, configuration, echo, responder, options):
    configuration.listener("raw", "tls", echo.port, ["ec"], ocsp_file=responder.respond("rsa"))
    gate = make_gate(configuration)
    assert gate.start(*options, ready=False).wait_exit() == 1
    assert 'key "server-ec": the OCSP response is not about this certificate' in gate.text


@pytest.mark.parametrize("tls", VERSIONS)
def test_an_ed25519_key_on_the_token_serves_who_takes_it(make_gate, configuration, own_token, pki, echo, tls):
    own_token.add_key(pki, "ed25519", "04")
    own_token.give_to_signer()
    port = configuration.listener("raw", "tls", echo.port, ["rsa", "ed25519"])
    gate = make_gate(configuration, own_token.environment).start()
    gate.ports = {"raw": port}
    version = "-tls" + tls.replace(".", "_")
    for sigalgs, kind in ((ONLY["rsa"], "rsa"), ("ed25519", "ed25519"), ("ed25519:" + ONLY["rsa"], "ed25519")):
        text = s_client(gate, "raw", version, "-sigalgs", sigalgs, "-CAfile", pki.ca_file)
        assert f"subject=CN = server {kind}\n" in text and "Verify return code: 0 (ok)" in text


@pytest.fixture
def chain(pki):
    """The server's certificate, and two authorities between it and the root that clients know."""
    upper = partner_certificates.make("Upper CA", pki.authority, authority=True)
    lower = partner_certificates.make("Lower CA", upper, authority=True)
    return [partner_certificates.make("chained server", lower, usage=partner_certificates.SERVER), lower, upper]


def put_on_token(token, chain, root):
    server, lower, upper = chain
    token.add_identity("chained", server, "31")
    for number, authority in enumerate((upper, root, lower)):
        der = token.folder / "authority.der"
        der.write_bytes(authority.der)
        token.run("pkcs11-tool", "--module", softhsm.MODULE, "--token-label", token.name, "--login", "--pin", softhsm.PIN,
                  "--write-object", der, "--type", "cert", "--label", f"authority-{number}", "--id", f"{number + 65:02x}")
    token.give_to_signer()


def chain_files(folder, chain, root):
    server, lower, upper = chain
    whole, alone = folder / "whole.pem", folder / "alone.pem"
    # Not in order, and with the root, which nobody needs.
    whole.write_bytes(b"".join(one.pem for one in (server, root, upper, lower)))
    alone.write_bytes(server.pem)
    return whole, alone


def test_the_chain_is_sent_to_clients_who_know_the_root_only(make_gate, configuration, own_token, own_folder, pki, echo,
                                                             chain):
    """From the token and from a file: in order, without the root."""
    put_on_token(own_token, chain, pki.authority)
    whole, alone = chain_files(own_folder, chain, pki.authority)
    key = {"key_alias": ["chained"]}
    ports = {"token": configuration.listener("token", "tls", echo.port, **key),
             "file": configuration.listener("file", "tls", echo.port, certificate_file=whole, **key),
             "alone": configuration.listener("alone", "tls", echo.port, certificate_file=alone, **key)}
    gate = make_gate(configuration, own_token.environment).start()
    gate.ports = ports
    for tls, listener in ((tls, listener) for tls in VERSIONS for listener in ports):
        text = s_client(gate, listener, "-tls" + tls.replace(".", "_"), "-CAfile", pki.ca_file, "-showcerts")
        sent = re.findall(r"^ *\d+ s:CN = (.*)$", text, re.MULTILINE)
        good = "Verify return code: 0 (ok)" in text
        if listener == "alone":
            assert sent == ["chained server"] and not good, text
        else:
            assert sent == ["chained server", "Lower CA", "Upper CA"] and good, text
