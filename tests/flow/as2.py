"""A small AS2 station (RFC 4130) in clear, as it stands behind p11gate: it signs, encrypts and sends messages, takes those of
its partners, and answers with signed receipts (MDN), at once or later. S/MIME is the openssl command line's."""

import base64
import email
import email.policy
import hashlib
import http.client
import subprocess
import threading
import uuid

import http_backend
import waiting
from cryptography.x509.oid import ExtendedKeyUsageOID

PIECE_BYTES = 256 * 1024
# What the station tells about itself, and the receipt's own boundary.
RECEIPT = ("--receipt\r\nContent-Type: text/plain\r\n\r\nThe message {message_id} was {result}.\r\n"
           "--receipt\r\nContent-Type: message/disposition-notification\r\n\r\n"
           "Reporting-UA: p11gate tests\r\nOriginal-Recipient: rfc822; {to}\r\nFinal-Recipient: rfc822; {to}\r\n"
           "Original-Message-ID: {message_id}\r\n"
           "Disposition: automatic-action/MDN-sent-automatically; {disposition}\r\n{mic}\r\n--receipt--\r\n")
REPORT = 'multipart/report; report-type=disposition-notification; boundary="receipt"'


def mic_of(digest):
    return base64.b64encode(digest.digest()).decode() + ", sha-256"


def cms(action, data, *options):
    return subprocess.run(["openssl", "cms", action, *map(str, options)], check=True, capture_output=True, input=data).stdout


def pieces_of(stream, left):
    while left:
        piece = stream.read(min(left, PIECE_BYTES))
        if not piece:
            raise ConnectionError("the body was cut")
        left -= len(piece)
        yield piece


class Refused(Exception):
    """A message that is not what its partner's agreement says; the text is the disposition's modifier."""


class Receipt:
    """A receipt whose signature was good."""

    def __init__(self, entity):
        fields = {}
        for part in email.message_from_bytes(entity, policy=email.policy.HTTP).walk():
            if part.get_content_type() == "message/disposition-notification":
                text = part.get_payload()[0].as_bytes() if part.is_multipart() else part.get_payload(decode=True)
                fields = dict(email.message_from_bytes(text.lstrip()).items())
        self.disposition = fields["Disposition"].split(";")[1].strip()
        self.message_id = fields["Original-Message-ID"]
        self.mic = fields.get("Received-Content-MIC")


class Answer:
    """What came back over HTTP for a message."""

    def __init__(self, response, message_id, mic):
        self.code, self.headers, self.body = response.status, response.headers, response.read()
        self.message_id, self.mic = message_id, mic


class Handler(http_backend.Quiet):
    def do_POST(self):
        station, kind = self.server.station, self.headers["Content-Type"]
        station.requests.append({name.lower(): value for name, value in self.headers.items()})
        if kind.startswith("multipart/signed"):
            body = b"".join(pieces_of(self.rfile, int(self.headers["Content-Length"])))
            receipt = station.check_receipt(self.headers["AS2-From"], kind, body)
            station.receipts[receipt.message_id] = receipt
            self.send_text(200)
            return
        receipt = station.take(self.headers, self.rfile)
        if self.headers["Receipt-Delivery-Option"]:
            self.send_text(200)
            threading.Thread(target=station.deliver, args=(receipt, dict(self.headers)), daemon=True).start()
            return
        self.send_text(200, *receipt)


class Station:
    """name is the AS2 identifier. way_out is the port of p11gate's http listener; partners are introduced by meet()."""

    def __init__(self, name, folder, authority):
        folder.mkdir()
        self.name, self.folder, self.way_out = name, folder, None
        identity = authority.issue(f"{name} AS2", "rsa", ExtendedKeyUsageOID.EMAIL_PROTECTION)
        self.certificate, self.key = identity.write(folder, "as2")
        self.authority = folder / "authority.pem"
        self.authority.write_bytes(authority.pem)
        self.partners, self.messages, self.receipts, self.requests = {}, {}, {}, []
        self.server = http_backend.Server(("127.0.0.1", 0), Handler)
        self.server.station = self
        self.server.handle_error = lambda *_: None
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def meet(self, other):
        self.partners[other.name], other.partners[self.name] = other.certificate, self.certificate

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    # --- S/MIME ---

    def sign(self, entity):
        """Content-Type and body of the multipart/signed with the entity in it."""
        signed = cms("-sign", entity, "-binary", "-md", "sha256", "-signer", self.certificate, "-inkey", self.key,
                     "-outform", "SMIME")
        head, body = signed.split(b"\n\n", 1)
        kind = email.message_from_bytes(head, policy=email.policy.HTTP)["Content-Type"]
        return str(kind), body

    def verify(self, partner, kind, body):
        """The signed entity; Refused when it is not this partner's signature."""
        try:
            signed = f"MIME-Version: 1.0\r\nContent-Type: {kind}\r\n\r\n".encode() + body
            return cms("-verify", signed, "-binary", "-inform", "SMIME", "-CAfile", self.authority, "-nointern",
                       "-certfile", self.partners[partner])
        except subprocess.CalledProcessError as cause:
            raise Refused("failed/Failure: authentication-failed") from cause

    def encrypt(self, partner, kind, body):
        signed = f"Content-Type: {kind}\r\n\r\n".encode() + body
        return cms("-encrypt", signed, "-binary", "-aes-256-cbc", "-outform", "DER", self.partners[partner])

    def decrypt(self, body):
        try:
            plain = cms("-decrypt", body, "-binary", "-inform", "DER", "-recip", self.certificate, "-inkey", self.key)
        except subprocess.CalledProcessError as cause:
            raise Refused("failed/Failure: decryption-failed") from cause
        head, body = plain.split(b"\r\n\r\n", 1)
        return head.decode().split(":", 1)[1].strip(), body

    def check_receipt(self, partner, kind, body):
        return Receipt(self.verify(partner, kind, body))

    # --- sending ---

    def post(self, path, headers, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.way_out, timeout=120)
        connection.request("POST", path, body, headers)
        return connection, connection.getresponse()

    def send(self, partner, body, kind, mic, headers=()):
        message_id = f"<{uuid.uuid4()}@{self.name.lower()}.example>"
        fields = {"AS2-Version": "1.2", "AS2-From": self.name, "AS2-To": partner, "Message-ID": message_id,
                  "Content-Type": kind, "Disposition-Notification-To": f"as2@{self.name.lower()}.example",
                  "Disposition-Notification-Options": "signed-receipt-protocol=required, pkcs7-signature; "
                                                      "signed-receipt-micalg=required, sha-256", **dict(headers)}
        connection, response = self.post("/as2", fields, body)
        answer = Answer(response, message_id, mic() if callable(mic) else mic)
        connection.close()
        return answer

    def send_message(self, partner, content, receipt_path=None):
        """Signed and encrypted. receipt_path: the receipt is to come back later, there."""
        entity = b"Content-Type: application/edifact\r\n\r\n" + content
        body = self.encrypt(partner, *self.sign(entity))
        headers = {"Receipt-Delivery-Option": f"https://{self.name.lower()}.example{receipt_path}"} if receipt_path else {}
        return self.send(partner, body, "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m",
                         mic_of(hashlib.sha256(entity)), headers)

    def send_stream(self, partner, pieces, size):
        """Neither signed nor encrypted: an opaque body that is never in memory as a whole."""
        digest = hashlib.sha256()

        def hashed():
            for piece in pieces:
                digest.update(piece)
                yield piece

        return self.send(partner, hashed(), "application/octet-stream", lambda: mic_of(digest), {"Content-Length": str(size)})

    def receipt_of(self, partner, answer):
        """The receipt that came with the answer itself."""
        assert answer.code == 200, answer.body
        return self.check_receipt(partner, answer.headers["Content-Type"], answer.body)

    def until_receipt(self, message_id):
        return waiting.until(lambda: self.receipts.get(message_id), f"a receipt for {message_id}")

    # --- receiving ---

    def take(self, headers, stream):
        """A message: kept, and its receipt made, as body and header fields."""
        facts = {"message_id": headers["Message-ID"], "to": headers["AS2-To"], "result": "not understood", "mic": ""}
        try:
            mic = self.keep(headers, stream)
            facts.update(result="received", disposition="processed", mic=f"Received-Content-MIC: {mic}\r\n")
        except Refused as cause:
            facts["disposition"] = str(cause)
        entity = f"Content-Type: {REPORT}\r\n\r\n".encode() + RECEIPT.format(**facts).encode()
        kind, body = self.sign(entity)
        return body, [("Content-Type", kind), ("AS2-From", self.name), ("AS2-To", headers["AS2-From"]), ("AS2-Version", "1.2")]

    def keep(self, headers, stream):
        size = int(headers["Content-Length"])
        if not headers["Content-Type"].startswith("application/pkcs7-mime"):
            digest = hashlib.sha256()
            for piece in pieces_of(stream, size):
                digest.update(piece)
            self.messages[headers["Message-ID"]] = size
            return mic_of(digest)
        kind, body = self.decrypt(b"".join(pieces_of(stream, size)))
        entity = self.verify(headers["AS2-From"], kind, body)
        self.messages[headers["Message-ID"]] = entity.split(b"\r\n\r\n", 1)[1]
        return mic_of(hashlib.sha256(entity))

    def deliver(self, receipt, headers):
        """The receipt on a connection of its own, through our own p11gate, to where the sender wants it."""
        body, fields = receipt
        path = "/" + headers["Receipt-Delivery-Option"].split("/", 3)[3]
        connection, response = self.post(path, {**dict(fields), "Message-ID": f"<{uuid.uuid4()}@receipt>"}, body)
        response.read()
        connection.close()
