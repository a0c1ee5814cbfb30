"""Out to servers of GnuTLS and of Java, which require a certificate and get the one whose key is on the token: what their
handshakes look like is signed too (T1)."""

import contextlib
import pathlib
import shutil
import subprocess

import clients
import gate as gate_module
import pytest
import softhsm
import tls_partner
import waiting

HERE = pathlib.Path(__file__).parent
JAVA_VERSIONS = {"1.2": "TLSv1.2", "1.3": "TLSv1.3"}
KEYS = {"way-out": "rsa", "way-out-ec": "ec", "way-out-ed": "ed25519"}


def ended(process):
    process.terminate()
    process.wait(30)


def gnutls(folder, pki, tls, stack):
    """Its page says whose certificate it has seen."""
    certificate, key = tls_partner.identity(pki.authority).write(folder, f"gnutls-{tls}")
    port = waiting.free_port()
    process = subprocess.Popen(
        ["gnutls-serv", "--http", "-p", str(port), "--x509certfile", certificate, "--x509keyfile", key,
         "--x509cafile", pki.ca_file, "--require-client-cert", "--verify-client-cert",
         "--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{tls}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=gate_module.end_with_the_test())
    stack.callback(ended, process)
    waiting.until_port(port)
    return port


def java(folder, pki, tls, stack):
    certificate, key = tls_partner.identity(pki.authority).write(folder, f"java-{tls}")
    keys, trust = folder / f"keys-{tls}.p12", folder / f"trust-{tls}.p12"
    clients.run(["openssl", "pkcs12", "-export", "-in", certificate, "-inkey", key, "-out", keys, "-passout", "pass:changeit"],
                check=True)
    clients.run(["keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", pki.ca_file, "-keystore", trust,
                 "-storetype", "PKCS12", "-storepass", "changeit"], check=True)
    process = subprocess.Popen(["java", "-XX:TieredStopAtLevel=1", HERE / "HttpsPartner.java", keys, trust, JAVA_VERSIONS[tls]],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                               preexec_fn=gate_module.end_with_the_test())
    stack.callback(ended, process)
    return int(process.stdout.readline())


PARTNERS = {"gnutls": gnutls, "java": java}
CASES = [(make, tls, key) for make in PARTNERS for tls in ("1.2", "1.3") for key in KEYS]


@pytest.fixture(scope="module")
def out(program, pki, new_folder):
    folder = new_folder()
    token = softhsm.Token(folder / "token", pki)
    # softhsm2-util cannot import an Ed25519 key: that one is in a folder.
    files = folder / "keys"
    files.mkdir()
    for number, (label, kind) in enumerate(KEYS.items(), 11):
        identity = pki.authority.client(f"edge {kind}", kind)
        if kind == "ed25519":
            identity.write(files, label)
        else:
            token.add_identity(label, identity, number)
    for path in (files, *files.iterdir()):
        shutil.chown(path, softhsm.SIGNER_USER)
    configuration = gate_module.Configuration(folder, pki, token)
    configuration.keystores.append({"alias": "files", "directory": files})
    with contextlib.ExitStack() as stack:
        ports = {(make, tls): start(folder, pki, tls, stack) for make, start in PARTNERS.items() for tls in ("1.2", "1.3")}
        listeners = {}
        for make, tls, key in CASES:
            backend_tls = {"truststore": "partners", "server_name": "localhost", "key_alias": key,
                           "keystore": "files" if KEYS[key] == "ed25519" else "edge"}
            listeners[make, tls, key] = configuration.listener(f"{make}-{tls}-{key}", "http", ports[make, tls],
                                                               backend_tls=backend_tls)
        with gate_module.running(program, configuration, token.environment) as gate:
            gate.ports = listeners
            yield gate


@pytest.mark.parametrize("make, tls, key", CASES)
def test_our_key_is_good_there(out, pki, make, tls, key):
    result = clients.Curl(pki)(f"http://localhost:{out.ports[make, tls, key]}/as2")
    assert f"CN=edge {KEYS[key]}" in result.stdout, result.stdout + result.stderr + out.last_words()
