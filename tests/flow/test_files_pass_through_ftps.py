"""Partners' curl and lftp move files through FTPS to each FTP server, in every way there is to do it."""

import itertools
import ssl

import clients
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

# Each way with one of the keys, so that each key meets each kind, mode and version.
WAYS = [(*way, ("rsa", "ec")[number.bit_count() % 2])
        for number, way in enumerate(itertools.product(("implicit", "explicit"), ("PASV", "EPSV"), ("1.2", "1.3")))]
SIZE = 5 * 1024 * 1024


@pytest.fixture(scope="module")
def gate(gate_running, ftp_backend):
    def prepare(configuration):
        return {(kind, key): configuration.listener(f"{kind}-{key}", "ftps" if kind == "implicit" else "ftp",
                                                    ftp_backend.port, keys=[key])
                for kind in ("implicit", "explicit") for key in ("rsa", "ec")}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture(scope="module")
def sample(scratch):
    return clients.make_file(scratch / "sample", SIZE)


@pytest.mark.parametrize("client", clients.FTPS_CLIENTS)
@pytest.mark.parametrize("kind, passive, tls, key", WAYS)
def test_a_file_comes_back_as_it_went(gate, ftp_backend, pki, sample, tmp_path, client, kind, passive, tls, key):
    made = clients.FTPS_CLIENTS[client](pki, ftp_backend, gate.ports[kind, key], kind == "implicit", passive, tls)
    name = f"{client}-{kind}-{passive}-{tls}-{key}"
    made.put(sample, name)
    assert clients.digest(ftp_backend.files / name) == clients.digest(sample)
    made.get(name, tmp_path / "back")
    assert clients.digest(tmp_path / "back") == clients.digest(sample)
    assert name in made.list()


@pytest.mark.parametrize("key, expected", [("rsa", rsa.RSAPublicKey), ("ec", ec.EllipticCurvePublicKey)])
def test_each_listener_shows_its_own_certificate(gate, key, expected):
    pem = ssl.get_server_certificate(("127.0.0.1", gate.ports["implicit", key]))
    assert isinstance(x509.load_pem_x509_certificate(pem.encode()).public_key(), expected)
