"""ftp_server.py PORT FOLDER: a plain FTP server for user demo, password demo."""

import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

PORT, FOLDER = sys.argv[1:]


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()
    banner = "the FTP server behind"


Handler.authorizer.add_user("demo", "demo", FOLDER, perm="elradfmwMT")
server = FTPServer(("127.0.0.1", int(PORT)), Handler)
print("ready", flush=True)
server.serve_forever()
