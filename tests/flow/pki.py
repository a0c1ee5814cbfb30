"""Certificates for a test: an authority, servers and clients signed by it, and strangers."""

import datetime
import functools
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KEYS = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ec384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def builder(subject, issuer, public_key):
    now = datetime.datetime.utcnow()
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=300)))


class Certificate:
    """A key and its certificate; write() puts both beside each other as PEM."""

    def __init__(self, key, certificate):
        self.key, self.certificate = key, certificate

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self):
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self):
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption())

    @property
    def fingerprint(self):
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def write(self, folder, stem):
        """Returns the paths of certificate and key."""
        certificate, key = folder / f"{stem}.crt", folder / f"{stem}.key"
        certificate.write_bytes(self.pem)
        key.write_bytes(self.key_pem)
        return certificate, key


class Authority(Certificate):
    def __init__(self, common_name):
        key = KEYS["ec"]()
        subject = name(common_name)
        certificate = (builder(subject, subject, key.public_key())
                       .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                       .sign(key, hashes.SHA256()))
        super().__init__(key, certificate)

    def issue(self, common_name, kind, usage, key=None):
        """key: one that there is, to be certified once more."""
        key = key or KEYS[kind]()
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        certificate = (builder(name(common_name), self.certificate.subject, key.public_key())
                       .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                       .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
                       .add_extension(x509.SubjectAlternativeName(names), critical=False)
                       .sign(self.key, hashes.SHA256()))
        return Certificate(key, certificate)

    def server(self, common_name, kind):
        return self.issue(common_name, kind, ExtendedKeyUsageOID.SERVER_AUTH)

    def renewed(self, server):
        """Another certificate for the same key."""
        return self.issue("a renewed server", None, ExtendedKeyUsageOID.SERVER_AUTH, server.key)

    def client(self, common_name, kind="ec"):
        return self.issue(common_name, kind, ExtendedKeyUsageOID.CLIENT_AUTH)


class Pki:
    """Everything that the tests show to each other, as files in one folder."""

    def __init__(self, folder):
        self.folder = folder
        self.authority, self.stranger = Authority("Test CA"), Authority("Stranger CA")
        self.servers = {kind: self.authority.server(f"server {kind}", kind) for kind in KEYS}
        self.clients = {"trusted": self.authority.client("Acme"), "untrusted": self.stranger.client("Mallory")}
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(self.authority.pem)
        self.server_files = {kind: made.write(folder, f"server-{kind}") for kind, made in self.servers.items()}
        self.client_files = {verdict: made.write(folder, f"client-{verdict}") for verdict, made in self.clients.items()}

    @functools.cached_property
    def other_certificate(self):
        """A certificate of a key that is on no token."""
        return self.authority.server("someone else", "rsa").write(self.folder, "other")[0]
