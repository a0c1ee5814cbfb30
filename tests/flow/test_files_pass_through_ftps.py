"""Partners' curl and lftp move files through FTPS to each FTP server, in every way there is to do it. The second table of
docs/ftp-clients.md is this matrix."""

import itertools
import ssl

import clients
import ftp_backends
import ftp_clients
import ftp_matrix
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CLIENTS = (ftp_clients.Curl, ftp_clients.LftpFiles)
SIZE = 1024 * 1024
ROWS = list(itertools.product(ftp_backends.BACKENDS, [one.name for one in CLIENTS], ftp_matrix.MODES, ftp_matrix.CERTIFICATES))
TABLE = ftp_matrix.Table("Servers", "What stands behind p11gate. Test: `files_pass_through_ftps`.",
                         ("server", "client", "mode", "certificate"), ROWS)


@pytest.fixture(scope="module")
def gate(gate_running, ftp_backend):
    def prepare(configuration):
        ports = ftp_matrix.listeners(configuration, ftp_backend.port)
        return {**ports, **{key: configuration.listener(key, "ftps", ftp_backend.port, keys=[key]) for key in ("rsa", "ec")}}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture(scope="module")
def sample(scratch):
    return clients.make_file(scratch / "sample", SIZE)


@pytest.fixture(scope="module")
def seen():
    """(server, client, mode, certificate, kind, tls) -> works, or why not."""
    return {}


@pytest.mark.parametrize("made", CLIENTS, ids=lambda made: made.name)
@pytest.mark.parametrize("kind, tls, mode", itertools.product(ftp_matrix.KINDS, ftp_matrix.TLS, ftp_matrix.MODES))
def test_a_file_comes_back_as_it_went(gate, ftp_backend, pki, sample, seen, tmp_path, made, kind, tls, mode):
    client = made(pki, ftp_backend, tmp_path)
    for certificate, what in ftp_matrix.see_all(client, gate, kind, tls, mode, sample, tmp_path).items():
        seen[ftp_backend.name, client.name, mode, certificate, kind, tls] = what


@pytest.mark.parametrize("key, expected", [("rsa", rsa.RSAPublicKey), ("ec", ec.EllipticCurvePublicKey)])
def test_each_listener_shows_its_own_certificate(gate, key, expected):
    pem = ssl.get_server_certificate(("127.0.0.1", gate.ports[key]))
    assert isinstance(x509.load_pem_x509_certificate(pem.encode()).public_key(), expected)


def test_the_page_tells_what_was_seen(seen):
    TABLE.check(seen)
