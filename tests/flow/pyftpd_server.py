"""pyftpd_server.py PORT ROOT VERDICTS USER PASSWORD: one FTP server in clear. Each upload adds a line to
VERDICTS: "complete NAME" when its data connection ended well, else "incomplete NAME"."""

import os
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

PORT, ROOT, VERDICTS, USER, PASSWORD = sys.argv[1:]


class Handler(FTPHandler):
    use_sendfile = False

    def note(self, verdict, path):
        with open(VERDICTS, "a", encoding="utf-8") as verdicts:
            verdicts.write(f"{verdict} {os.path.basename(path)}\n")

    def on_file_received(self, file):
        self.note("complete", file)

    def on_incomplete_file_received(self, file):
        self.note("incomplete", file)


Handler.authorizer = DummyAuthorizer()
Handler.authorizer.add_user(USER, PASSWORD, ROOT, perm="elradfmwMT")
Handler.banner = "backend ready"
server = FTPServer(("127.0.0.1", int(PORT)), Handler)
server.max_cons_per_ip = 0
server.serve_forever()
