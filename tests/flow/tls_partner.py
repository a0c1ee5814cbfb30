"""A partner's HTTPS server: whose certificate it has and what it asks of clients is up to the test."""

import datetime
import json
import ssl
import threading
from http.server import ThreadingHTTPServer

import http_backend
import pki
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def identity(authority, host="localhost", days=30, usage=ExtendedKeyUsageOID.SERVER_AUTH):
    """A certificate for the host that is valid for so many days from now."""
    key, until = pki.KEYS["ec"](), datetime.datetime.utcnow() + datetime.timedelta(days=days)
    certificate = (x509.CertificateBuilder().subject_name(pki.name("Partner")).issuer_name(authority.certificate.subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(until - datetime.timedelta(days=60)).not_valid_after(until)
                   .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
                   .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
                   .sign(authority.key, hashes.SHA256()))
    return pki.Certificate(key, certificate)


class Handler(http_backend.Quiet):
    def setup(self):
        self.request.settimeout(60)
        self.request.do_handshake()
        super().setup()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        seen = {"bytes": len(body), "host": self.headers["Host"], "tls": self.request.version(),
                "fields": sorted(name.lower() for name in self.headers),
                "client": dict(part[0] for part in (self.request.getpeercert() or {}).get("subject", ()))}
        self.send_text(200, json.dumps(seen).encode())


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class Partner:
    """asks: ssl.CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED, of clients whose certificates clients_ca has signed."""

    def __init__(self, folder, certificate, tls=None, asks=ssl.CERT_NONE, clients_ca=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate.write(folder, "partner"))
        context.verify_mode = asks
        if clients_ca:
            context.load_verify_locations(cadata=clients_ca.pem.decode())
        if tls:
            context.minimum_version = context.maximum_version = VERSIONS[tls]
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
