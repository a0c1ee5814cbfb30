"""as2_server.py PORT PKI-FOLDER INBOX: a tiny AS2 receiver in clear. Decrypts and verifies what is posted to /as2,
keeps it in INBOX and answers with a synchronous receipt (MDN, RFC 4130 section 7)."""

import base64
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, PKI, INBOX = int(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
RECEIPT = """--receipt\r
Content-Type: text/plain\r
\r
The message {message_id} was {result}.\r
--receipt\r
Content-Type: message/disposition-notification\r
\r
Reporting-UA: p11gate demo\r
Original-Recipient: rfc822; {to}\r
Final-Recipient: rfc822; {to}\r
Original-Message-ID: {message_id}\r
Disposition: automatic-action/MDN-sent-automatically; {disposition}\r
{mic}\r
--receipt--\r
"""


def cms(action, *options):
    return subprocess.run(["openssl", "cms", action, *options], check=True, capture_output=True).stdout


def unpack(body):
    """The signed content of an encrypted message; CalledProcessError when it is not what it should be."""
    with tempfile.TemporaryDirectory() as folder:
        encrypted, signed = os.path.join(folder, "encrypted"), os.path.join(folder, "signed")
        pathlib.Path(encrypted).write_bytes(body)
        decrypted = cms("-decrypt", "-inform", "DER", "-in", encrypted, "-recip", PKI / "as2-receiver.crt",
                        "-inkey", PKI / "as2-receiver.key")
        pathlib.Path(signed).write_bytes(decrypted)
        return cms("-verify", "-binary", "-inform", "SMIME", "-in", signed, "-CAfile", PKI / "ca.crt")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Quiet: p11gate's lines are what the demo shows."""

    def receipt(self, content):
        facts = {"message_id": self.headers["Message-ID"], "to": self.headers["AS2-To"], "result": "not understood",
                 "disposition": "failed/Failure: decryption-failed", "mic": ""}
        if content is not None:
            digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
            facts.update(result="received, decrypted and verified", disposition="processed",
                         mic=f"Received-Content-MIC: {digest}, sha-256\r\n")
        return RECEIPT.format(**facts).encode()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            content = unpack(body)
            (INBOX / hashlib.sha256(content).hexdigest()).write_bytes(content)
        except subprocess.CalledProcessError:
            content = None
        answer = self.receipt(content)
        self.send_response(200)
        self.send_header("AS2-From", self.headers["AS2-To"])
        self.send_header("AS2-To", self.headers["AS2-From"])
        self.send_header("Content-Type", 'multipart/report; report-type=disposition-notification; boundary="receipt"')
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
print("ready", flush=True)
server.serve_forever()
