"""OCSP responses about a test's certificates, as files."""

import datetime
import itertools

import clients
from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.hazmat.primitives import hashes, serialization


class Responder:
    """Answers for the test's authority with `openssl ocsp`, which knows all of its servers as good."""

    def __init__(self, pki, folder):
        self.pki, self.folder, self.numbers = pki, folder, itertools.count()
        self.authority = folder / "authority.pem"
        self.authority.write_bytes(pki.authority.pem + pki.authority.key_pem)
        self.index = folder / "index.txt"
        self.index.write_text("".join(self.row(made.certificate) for made in pki.servers.values()))

    @staticmethod
    def row(certificate):
        serial = f"{certificate.serial_number:X}"
        serial = "0" + serial if len(serial) % 2 else serial
        ends = certificate.not_valid_after.strftime("%y%m%d%H%M%SZ")
        return f"V\t{ends}\t\t{serial}\tunknown\t/CN={serial}\n"

    def run(self, *words):
        done = clients.run(["openssl", "ocsp", *words])
        assert done.returncode == 0, done.stderr

    def respond(self, kind):
        """Good for a day, about the certificate of that kind."""
        number = next(self.numbers)
        request, response = self.folder / f"{number}.request", self.folder / f"{number}.response"
        certificate = self.pki.server_files[kind][0]
        self.run("-issuer", self.pki.ca_file, "-cert", certificate, "-no_nonce", "-reqout", request)
        self.run("-index", self.index, "-CA", self.pki.ca_file, "-rsigner", self.authority, "-reqin", request,
                 "-ndays", "1", "-respout", response)
        return response

    def respond_expired(self, kind):
        """One that ended an hour ago."""
        now, hour = datetime.datetime.utcnow(), datetime.timedelta(hours=1)
        authority = self.pki.authority
        response = ocsp.OCSPResponseBuilder().add_response(
            cert=self.pki.servers[kind].certificate, issuer=authority.certificate, algorithm=hashes.SHA1(),
            cert_status=ocsp.OCSPCertStatus.GOOD, this_update=now - 2 * hour, next_update=now - hour,
            revocation_time=None, revocation_reason=None,
        ).responder_id(ocsp.OCSPResponderEncoding.HASH, authority.certificate).sign(authority.key, hashes.SHA256())
        path = self.folder / f"{next(self.numbers)}.response"
        path.write_bytes(response.public_bytes(serialization.Encoding.DER))
        return path
