"""H7, H8, C5: who the client is, the backend hears from p11gate alone: forged fields are removed in every spelling,
true ones are set, on fresh and resumed sessions, for certificates that were presented and are trusted."""

import base64
import re
import socket
import urllib.parse

import clients
import http_wire
import pki as pki_module
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

NAMES = ("Client-Cert", "Client-Cert-Chain", "Client-Certificate", "X-Client-Cert", "X-Client-Cert-DN", "X-Client-Certificate",
         "X-Forwarded-Client-Cert", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port",
         "X-Forwarded-Server", "X-Forwarded", "Forwarded", "X-Real-IP", "X-SSL-Client-Verify", "X-SSL-Client-S-DN", "X-SSL-Cipher",
         "SSL-Client-Cert", "SSL-Client-Verify", "SSL-Client-S-DN")
MARKS = ("-", "_", ".", "!", "~", "+")
SPELLINGS = sorted({case(name.replace("-", mark)) for name in NAMES for mark in MARKS
                    for case in (str, str.lower, str.upper, str.swapcase)} |
                   {name.replace("-", "_", 1) for name in NAMES})
HEADERS = ("none", "rfc9440", "xfcc")
VERSIONS = ("1.2", "1.3")


@pytest.fixture(scope="module")
def recorder():
    made = http_wire.Recorder()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def gate(gate_running, recorder):
    def prepare(configuration):
        return {header: configuration.listener(f"web-{header}", "https", recorder.port, client_certificate="request",
                                               bad_certificate="ignore", client_cert_header=header)
                for header in HEADERS} | {
                    "balanced": configuration.listener("balanced", "https", recorder.port, accept_proxy_from=["127.0.0.1"])}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture(scope="module")
def below_an_intermediate(pki, scratch):
    """A client certificate, and the one between it and the authority: der of both, and their files."""
    key, subject = pki_module.KEYS["ec"](), pki_module.name("Test Sub CA")
    between = (pki_module.builder(subject, pki.authority.certificate.subject, key.public_key())
               .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
               .sign(pki.authority.key, hashes.SHA256()))
    issuer = pki_module.Authority("Test Sub CA")
    issuer.key, issuer.certificate = key, between
    leaf = issuer.client('Acme "of" \\ the = Sub, CA')
    chain, key_file = leaf.write(scratch, "below")
    chain.write_bytes(leaf.pem + between.public_bytes(serialization.Encoding.PEM))
    return leaf, issuer.der, (chain, key_file)


def sent(recorder, context, port, session=None, fields=b""):
    """One exchange, and what the backend saw of it."""
    before = len(recorder.connections)
    exchange = clients.HttpsExchange(context, port, session, fields)
    assert exchange.status == 200
    return exchange, recorder.connections[before]


def exchanges(recorder, context, port, fields=b""):
    """A fresh one, then a resumed one."""
    fresh, seen = sent(recorder, context, port, fields=fields)
    again, seen_again = sent(recorder, context, port, fresh.session, fields)
    assert (fresh.reused, again.reused) == (False, True)
    return seen, seen_again


def sfv(der):
    return b":" + base64.b64encode(der) + b":"


def xfcc(seen):
    """The elements of X-Forwarded-Client-Cert."""
    (value,) = seen.headers("X-Forwarded-Client-Cert")
    return dict(re.fullmatch(r'(\w+)="?([^"]*)"?', part).groups() for part in value.decode().split(";"))


def identity_lines(seen):
    return [line for line in seen.data.split(b"\r\n") if re.match(rb"(x.)?(client.cert|ssl|forwarded.client|real)", line, re.I)]


@pytest.mark.parametrize("tls", VERSIONS)
@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("certificate", [None, "trusted", "untrusted"])
def test_every_forged_field_is_removed(gate, pki, recorder, header, certificate, tls):
    fields = [b"%s: forged\r\n" % name.encode() for name in SPELLINGS]
    context = clients.client_context(pki, tls, certificate)
    session = None
    for start in range(0, len(fields), 100):
        exchange, seen = sent(recorder, context, gate.ports[header], session, b"".join(fields[start:start + 100]))
        session = exchange.session
        assert b"forged" not in seen.data.lower()
        assert seen.headers("X-Forwarded-For") == [b"127.0.0.1"]
    assert exchange.reused


@pytest.mark.parametrize("tls", VERSIONS)
def test_rfc9440_is_set(gate, pki, recorder, below_an_intermediate, tls):
    leaf, issuer_der, files = below_an_intermediate
    context = clients.client_context(pki, tls)
    context.load_cert_chain(*files)
    fresh, resumed = exchanges(recorder, context, gate.ports["rfc9440"], b"Client-Cert: :AA==:\r\nclient_cert: x\r\n")
    for seen in fresh, resumed:
        assert seen.headers("Client-Cert") == [sfv(leaf.der)]
    assert fresh.headers("Client-Cert-Chain") == [sfv(issuer_der)]
    # TLS tells a server that resumes nothing of the chain.
    assert resumed.headers("Client-Cert-Chain") == []
    assert len(identity_lines(fresh)) == 2 and len(identity_lines(resumed)) == 1


@pytest.mark.parametrize("tls", VERSIONS)
def test_xfcc_is_set(gate, pki, recorder, below_an_intermediate, tls):
    leaf, _, files = below_an_intermediate
    context = clients.client_context(pki, tls)
    context.load_cert_chain(*files)
    for seen in exchanges(recorder, context, gate.ports["xfcc"], b"X-Forwarded-Client-Cert: Hash=0;Subject=\"CN=Boss\"\r\n"):
        said = xfcc(seen)
        assert sorted(said) == ["Cert", "Hash", "Subject"]
        assert said["Hash"] == leaf.fingerprint
        assert urllib.parse.unquote(said["Cert"]).encode() == leaf.pem
        assert said["Subject"] == "CN=Acme \\22of\\22 \\5C the = Sub\\2C CA"
        assert len(identity_lines(seen)) == 1


@pytest.mark.parametrize("tls", VERSIONS)
@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("certificate", [None, "untrusted"])
def test_nobody_is_told_without_a_trusted_certificate(gate, pki, recorder, header, certificate, tls):
    context = clients.client_context(pki, tls, certificate)
    for seen in exchanges(recorder, context, gate.ports[header], b"Client-Cert: x\r\nX-Forwarded-Client-Cert: x\r\n"):
        assert identity_lines(seen) == []


def test_nothing_is_told_that_is_not_configured(gate, pki, recorder):
    for seen in exchanges(recorder, clients.client_context(pki, "1.3", "trusted"), gate.ports["none"]):
        assert identity_lines(seen) == []


@pytest.mark.parametrize("header", ("rfc9440", "xfcc"))
def test_connection_cannot_remove_what_is_set(gate, pki, recorder, header):
    names = b"Client-Cert, X-Forwarded-Client-Cert, Forwarded, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host"
    context = clients.client_context(pki, "1.3", "trusted")
    _, seen = sent(recorder, context, gate.ports[header], fields=b"Connection: " + names + b"\r\n")
    # rfc9440: this client sends its authority's certificate too.
    assert len(identity_lines(seen)) == {"rfc9440": 2, "xfcc": 1}[header]
    assert seen.headers("X-Forwarded-For") == [b"127.0.0.1"] and seen.headers("X-Forwarded-Proto") == [b"https"]
    assert seen.headers("X-Forwarded-Host") == [b"localhost"]
    assert seen.headers("Forwarded") == [b'for=127.0.0.1;proto=https;host="localhost"']


def test_behind_a_load_balancer_the_client_is_who_proxy_says(gate, pki, recorder):
    """H8, with the PROXY protocol: what stands in the request itself stays without effect."""
    before = len(recorder.connections)
    with socket.create_connection(("127.0.0.1", gate.ports["balanced"]), 20) as plain:
        plain.sendall(b"PROXY TCP4 198.51.100.7 203.0.113.1 40000 443\r\n")
        with clients.client_context(pki).wrap_socket(plain, server_hostname="localhost") as made:
            made.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
            assert made.recv(65536) == http_wire.OK
    (seen,) = recorder.connections[before:]
    assert seen.data == b"GET / HTTP/1.1\r\nHost: a\r\n" + http_wire.forwarded(client="198.51.100.7") + b"\r\n"
    assert gate.wait_for("request", listener="balanced")["client"] == "198.51.100.7:40000"
