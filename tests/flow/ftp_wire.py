"""FTP typed by hand: one line goes, one reply comes; data connections as sockets."""

import contextlib
import re
import socket
import ssl
import struct

import clients
import waiting

LIMIT_S = 20
# What a client sees of a connection that was not ended as it should be; a timeout is something else.
CUT = (ConnectionError, ssl.SSLError)


def linger_zero(sock):
    """close() then sends a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def say_end(data):
    """close_notify; the answer to it is not awaited."""
    data.settimeout(0)
    try:
        data.unwrap()
    except ssl.SSLWantReadError:
        data.settimeout(LIMIT_S)


def receive_all(data):
    """Everything up to the end; a cut raises."""
    return b"".join(iter(lambda: data.recv(1 << 20), b""))


def session_of(gate, wire):
    """Its name in the log. (Ports of clients come again: wire.client may have been somebody else's, too.)"""
    return waiting.until(lambda: gate.log("session-begin", client=wire.client), "the session's first line")[-1]["session"]


class Wire:
    """A control connection. Replies are (code, whole text)."""

    host = "127.0.0.1"

    def __init__(self, pki, port, implicit=False, tls=None, certificate=None, source="127.0.0.1"):
        self.context = clients.client_context(pki, tls, certificate)
        self.socket = socket.create_connection((self.host, port), LIMIT_S, (source, 0))
        # As log lines name it.
        self.client = ("[%s]:%d" if ":" in self.host else "%s:%d") % self.socket.getsockname()[:2]
        if implicit:
            self.socket = self.wrap(self.socket)
        self.rest = b""

    def wrap(self, sock, session=None):
        """An end without close_notify raises ssl.SSLEOFError here, where Python would take it for an end."""
        return self.context.wrap_socket(sock, server_hostname="localhost", session=session, suppress_ragged_eofs=False)

    def close(self):
        self.socket.close()

    def line(self):
        """The next line without its end; EOFError when the connection ends."""
        while b"\n" not in self.rest:
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError(f"the connection ended; left: {self.rest!r}")
            self.rest += piece
        line, self.rest = self.rest.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def reply(self):
        lines = [self.line()]
        code = lines[0][:3]
        while lines[-1][:4] != code + " ":
            lines.append(self.line())
        return int(code), "\n".join(lines)

    def final_code(self):
        """Of the next reply that is the last word about something."""
        code = self.reply()[0]
        return self.final_code() if code < 200 else code

    def send(self, text):
        self.socket.sendall(text.encode("latin-1") + b"\r\n")

    def say(self, text):
        self.send(text)
        return self.reply()

    def start_tls(self, word="TLS"):
        code, text = self.say(f"AUTH {word}")
        assert code == 234, text
        self.socket = self.wrap(self.socket)

    def login(self, backend, protect=True):
        """From the greeting to a private data channel."""
        assert self.say(f"USER {backend.user}")[0] == 331
        code, text = self.say(f"PASS {backend.password}")
        assert code == 230, text
        if protect:
            assert self.say("PBSZ 0")[0] == 200
            assert self.say("PROT P")[0] == 200
        assert self.say("TYPE I")[0] == 200

    def passive(self, verb="EPSV"):
        """The port of a new data connection."""
        code, text = self.say(verb)
        if verb == "EPSV":
            assert code == 229, text
            return int(re.search(r"\(\|\|\|(\d+)\|\)", text)[1])
        assert code == 227, text
        high, low = re.search(r"\d+,\d+,\d+,\d+,(\d+),(\d+)", text).groups()
        return int(high) * 256 + int(low)

    def connect_data(self, port):
        return socket.create_connection((self.host, port), LIMIT_S)

    def wrap_data(self, plain):
        """TLS on a data connection, with the session of this control connection."""
        return self.wrap(plain, self.socket.session)

    def open_data(self, command, reuse=True):
        """EPSV, the command, TLS: the data connection, ready. The 150 has been read."""
        plain = self.connect_data(self.passive())
        self.send(command)
        data = self.wrap(plain, self.socket.session if reuse else None)
        code, text = self.reply()
        assert code in (125, 150), text
        return data


def auth_reply(pki, port):
    """The code that AUTH TLS is answered with."""
    wire = Wire(pki, port)
    assert wire.reply()[0] == 220
    code = wire.say("AUTH TLS")[0]
    wire.close()
    return code


@contextlib.contextmanager
def logins(pki):
    """with logins(pki) as login: login(port, backend) -> a control connection behind its login, with TLS from the
    beginning."""
    made = []

    def login(port, backend, protect=True, **options):
        made.append(Wire(pki, port, implicit=True, **options))
        assert made[-1].reply()[0] == 220
        made[-1].login(backend, protect)
        return made[-1]

    yield login
    for one in made:
        one.close()
