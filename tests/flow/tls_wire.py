"""A TLS client by hand: handshakes that are counted, and ends that are made apart (close_notify without
FIN, FIN without close_notify), which a plain socket of Python's does not offer."""

import socket
import ssl

import ftp_wire

LIMIT_S = 20


class Conversation:
    def __init__(self, context, port):
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT_S)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.step(self.tls.do_handshake)

    def flush(self):
        self.socket.sendall(self.outgoing.read())

    def step(self, call, *args):
        """Runs a TLS call, with as much input as it wants."""
        while True:
            try:
                result = call(*args)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                piece = self.socket.recv(65536)
                if piece:
                    self.incoming.write(piece)
                else:
                    self.incoming.write_eof()

    def send(self, data):
        self.step(self.tls.write, data)

    def receive(self):
        """Some bytes; b"" at a clean end. A cut raises ssl.SSLEOFError."""
        try:
            return self.step(self.tls.read, 65536)
        except ssl.SSLZeroReturnError:
            return b""

    def receive_all(self):
        pieces = []
        while piece := self.receive():
            pieces.append(piece)
        return b"".join(pieces)

    def echo(self, data):
        self.send(data)
        back = b""
        while len(back) < len(data):
            piece = self.receive()
            if not piece:
                raise EOFError("the conversation ended")
            back += piece
        return back == data

    def say_end(self):
        """close_notify; the other direction goes on."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()

    def cut(self):
        """FIN without close_notify."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        ftp_wire.linger_zero(self.socket)
        self.socket.close()

    def close(self):
        self.socket.close()


def handshake(context, port):
    """The connection is closed again."""
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as made:
            return made.version() is not None


def full_handshake(context, port):
    """True when it succeeded."""
    try:
        return handshake(context, port)
    except OSError:
        return False
