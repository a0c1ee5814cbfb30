"""Certificates of partners with chains, dates, usages and CRLs of their own, and clients that show them."""

import datetime
import re
import ssl

import clients
import pki
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


def seconds(number):
    return datetime.timedelta(seconds=number)


def make(common_name, issuer=None, authority=False, usage=CLIENT, starts_s=-86400, ends_s=30 * 86400):
    """issuer None: self-signed. The dates are seconds from now."""
    key, now = pki.KEYS["ec"](), datetime.datetime.utcnow()
    subject = pki.name(common_name)
    builder = (pki.builder(subject, issuer.certificate.subject if issuer else subject, key.public_key())
               .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True))
    builder._not_valid_before, builder._not_valid_after = now + seconds(starts_s), now + seconds(ends_s)
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return pki.Certificate(key, builder.sign((issuer or pki.Certificate(key, None)).key, hashes.SHA256()))


def write_chain(folder, stem, end, *issuers):
    """The files that a client shows: its certificate with its issuers behind it, and its key."""
    chain, key = end.write(folder, stem)
    chain.write_bytes(b"".join(one.pem for one in (end, *issuers)))
    return chain, key


def crl(issuer, *revoked, ends_s=86400):
    """PEM."""
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
               .last_update(now - seconds(2 * 86400)).next_update(now + seconds(ends_s)))
    for one in revoked:
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().revocation_date(now)
                                                  .serial_number(one.certificate.serial_number).build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class Caller:
    """Who shows a certificate to an https listener, from Python."""

    def __init__(self, test_pki, port, tls, files=None):
        self.context, self.port, self.session = clients.client_context(test_pki, tls), port, None
        if files:
            self.context.load_cert_chain(*files)

    def get(self, resume=False):
        """(200, was it resumed), or ("the alert's name", None)."""
        try:
            exchange = clients.HttpsExchange(self.context, self.port, self.session if resume else None)
        except ssl.SSLError as error:
            return error.reason, None
        self.session = exchange.session
        return exchange.status, exchange.reused


def s_client(test_pki, port, tls, files=None, options=()):
    """What openssl s_client says; it reads to the server's end."""
    shown = ["-cert", files[0], "-key", files[1], "-cert_chain", files[0]] if files else []
    words = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", f"-tls{tls.replace('.', '_')}", "-ign_eof",
             "-CAfile", test_pki.ca_file]
    done = clients.run([*words, *shown, *options])
    return done.stdout + done.stderr


def alert_number(text):
    """The alert that s_client has read; None: none."""
    found = re.search(r"SSL alert number (\d+)", text)
    return int(found[1]) if found else None
