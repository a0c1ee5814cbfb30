"""Out through an http listener with backend-tls: the partner must be who he should be, our key on the token is shown when he
asks, and what fails is a 502 with its reason in the log (T1, T4, T6, H5)."""

import concurrent.futures
import json
import ssl
import time

import clients
import metrics_page
import pki as pki_module
import pytest
import softhsm
import tls_partner
import waiting
import way_out
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from way_out import CLIENT, KEY, KEY_EC

MANY = 16
CROWD = 600
REFUSED = {
    "wrong-name": (dict(host="other.example"), "it is for other.example, not for localhost"),
    "run-out": (dict(days=-1), "certificate has expired on 20"),
    "for-clients": (dict(usage=ExtendedKeyUsageOID.CLIENT_AUTH), "unsuitable certificate purpose"),
}


def crowd(one):
    """A truststore file: our own authority, and many with names only."""
    key, path = one.pki.authority.key, one.folder / "crowd.pem"
    pems = [one.pki.authority.pem]
    for number in range(CROWD):
        name = pki_module.name(f"Authority number {number} of those that nobody has heard of")
        made = pki_module.builder(name, name, key.public_key()).sign(key, hashes.SHA256())
        pems.append(made.public_bytes(serialization.Encoding.PEM))
    path.write_bytes(b"".join(pems))
    return path


@pytest.fixture(scope="module")
def out(program, pki, new_folder, web_for_all):
    def prepare(one):
        one.metrics = metrics_page.add(one.configuration)
        good = tls_partner.identity(pki.authority)
        for tls in ("1.2", "1.3"):
            for key in (KEY, KEY_EC):
                one.partner(f"asks-{tls}-{key}", good, key, tls=tls, asks=ssl.CERT_REQUIRED, clients_ca=pki.authority)
        one.partner("asks-nobody", good, KEY)
        one.partner("never-asked", good, softhsm.label("ec"))
        one.partner("without-key", good, None, asks=ssl.CERT_OPTIONAL, clients_ca=pki.authority)
        for alias, (wishes, _) in REFUSED.items():
            one.partner(alias, tls_partner.identity(pki.authority, **wishes), KEY)
        one.partner("stranger", tls_partner.identity(pki.stranger), KEY)
        one.partner("knows-us-not", good, KEY, tls="1.2", asks=ssl.CERT_REQUIRED, clients_ca=pki.stranger)
        one.partner("knows-us-late", good, KEY, tls="1.3", asks=ssl.CERT_REQUIRED, clients_ca=pki.stranger)
        one.listener("no-tls", web_for_all.port, KEY)
        one.configuration.truststores.append({"alias": "crowd", "ca_file": crowd(one), "announce": True})
        one.ports["the-crowd"] = one.configuration.listener("the-crowd", "https", web_for_all.port, truststore="crowd",
                                                            client_certificate="require")
        one.listener("to-the-crowd", one.ports["the-crowd"], KEY, tls_versions="1.2")
        one.ports["by-name"] = one.configuration.listener("by-name", "http", [f"localhost:{one.partners[0].port}"],
                                                          backend_tls={**CLIENT, "truststore": "partner-cas"})
        for protocol in ("https", "tls"):
            one.listener(f"through-{protocol}", one.partners[0].port, KEY, protocol=protocol)

    with way_out.running(program, pki, new_folder(), prepare) as one:
        yield one


@pytest.mark.parametrize("key, name", [(KEY, "edge outbound"), (KEY_EC, "edge outbound EC")])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_the_key_on_the_token_is_shown(out, tls, key, name):
    code, body = out.post(f"asks-{tls}-{key}")
    assert code == 200, out.gate.last_words()
    seen = json.loads(body)
    assert (seen["client"]["commonName"], seen["tls"], seen["bytes"]) == (name, f"TLSv{tls}", len("an order"))


def test_without_server_name_it_is_the_backends(out):
    code, body = out.post("by-name")
    assert (code, json.loads(body)["client"]["commonName"]) == (200, "edge outbound"), out.gate.last_words()


@pytest.mark.parametrize("alias", ["asks-nobody", "without-key"])
def test_a_partner_who_does_not_need_it_gets_no_certificate(out, alias):
    code, body = out.post(alias)
    assert (code, json.loads(body)["client"]) == (200, {})


def test_partners_are_not_told_who_asks_inside(out):
    """H8 is for the way in: neither our client's address nor what it says of itself reaches a partner."""
    code, body = out.post("asks-nobody", "http", "-H", "X-Forwarded-For: 10.0.0.7", "-H", "Forwarded: for=10.0.0.7")
    assert code == 200, out.gate.last_words()
    assert json.loads(body)["fields"] == ["accept", "content-length", "content-type", "host", "user-agent"]


@pytest.mark.parametrize("alias", ["through-https", "through-tls"])
def test_tls_on_both_sides(out, alias):
    """backend-tls is for https and tls listeners too."""
    code, body = out.post(alias, "https")
    assert (code, json.loads(body)["client"]["commonName"]) == (200, "edge outbound")


def test_six_hundred_authorities_are_signed_with_the_rest(out):
    """TRAPS 32: in TLS 1.2 the key signs the whole handshake, all the names in it."""
    code, body = out.post("to-the-crowd")
    assert (code, json.loads(body)["bytes"]) == (200, len("an order"))
    names = clients.run(["openssl", "s_client", "-connect", f"127.0.0.1:{out.ports['the-crowd']}", "-tls1_2"]).stdout
    assert names.count("CN = Authority number") == CROWD


def test_many_at_once_wait_for_their_signatures(out):
    with concurrent.futures.ThreadPoolExecutor(MANY) as pool:
        codes = list(pool.map(lambda _: out.post(f"asks-1.3-{KEY}")[0], range(4 * MANY)))
    assert codes == [200] * (4 * MANY)


def test_a_partner_who_refuses_us_late_is_a_bad_gateway(out):
    """T4: in TLS 1.3 the refusal comes when the request is on its way."""
    code, _ = out.post("knows-us-late")
    assert code == 502
    assert "partner sent" in out.why("knows-us-late", 502)


@pytest.mark.parametrize("alias, words", [(alias, words) for alias, (_, words) in REFUSED.items()] + [
    ("stranger", "its issuer CN=Stranger CA is not in the truststore"),
    ("knows-us-not", "partner sent"),
    ("no-tls", "partner does not speak TLS"),
])
def test_what_is_wrong_is_said(out, alias, words):
    code, _ = out.post(alias)
    assert code == 502
    assert words in out.why(alias, 502)


def test_the_metrics_know_when_a_client_certificate_ends(out):
    sample = f'p11gate_certificate_expiry_seconds{{listener="asks-1.3-{KEY}",alias="{KEY}"}}'
    figures = waiting.until(lambda: sample in metrics_page.read(out.metrics) and metrics_page.read(out.metrics), sample)
    assert abs(figures[sample] - (out.ends - time.time())) < 3600


def test_check_tells_what_client_keys_can_do(out):
    """p11gate -t signs what a client signs, and says so."""
    gate = out.gate
    result = clients.run([gate.program, "-t", "-c", gate.path], env=gate.environment)
    assert result.returncode == 0, result.stderr
    assert f'client key "{KEY}" (RSA 2048; CN=edge outbound): rsa_pkcs1_sha256' in result.stdout
    assert result.stdout.count("not for TLS") == 1
    assert 'client key "server-ec" (P-256; CN=server ec): ecdsa_secp256r1_sha256; TLS 1.2 and 1.3; its certificate is not ' \
           'for TLS clients' in result.stdout
    assert f'client key "{KEY_EC}" (P-256; CN=edge outbound EC): ecdsa_secp256r1_sha256; TLS 1.2 and 1.3' in result.stdout
