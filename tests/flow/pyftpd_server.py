"""pyftpd_server.py PORT ROOT USER PASSWORD: one FTP server in clear."""

import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

PORT, ROOT, USER, PASSWORD = sys.argv[1:]


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()
    banner = "backend ready"


Handler.authorizer.add_user(USER, PASSWORD, ROOT, perm="elradfmwMT")
server = FTPServer(("127.0.0.1", int(PORT)), Handler, backlog=512)
server.max_cons_per_ip = 0
server.serve_forever()
