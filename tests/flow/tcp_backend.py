"""A TCP server in clear that echoes, and says how many bytes it saw when its client has ended; and what servers that are
written by hand begin with."""

import socketserver
import threading


def connections(listening):
    """Each that comes, until the listening socket is closed."""
    while True:
        try:
            made, _ = listening.accept()
        except OSError:
            return
        yield made


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        total = 0
        while True:
            try:
                data = self.request.recv(65536)
            except ConnectionResetError:
                return
            if not data:
                break
            total += len(data)
            self.request.sendall(data)
        self.request.sendall(b"saw %d bytes" % total)


class EchoBackend:
    def __init__(self):
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo)
        self.server.daemon_threads = True
        self.server.socket.listen(512)
        self.server.handle_error = lambda *_: None
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
