"""HTTP byte for byte: a backend that keeps everything it was sent, and what p11gate's own answers look like."""

import re
import socket
import struct
import threading

import tcp_backend
import waiting

PHRASES = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
           413: "Content Too Large", 417: "Expectation Failed", 431: "Request Header Fields Too Large",
           501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
           505: "HTTP Version Not Supported"}
FIELDS = {405: "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\n", 503: "Retry-After: 10\r\n"}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSED = OK.replace(b"2\r\n", b"2\r\nConnection: close\r\n")


def own_answer(code, fields=None):
    """All of what p11gate says itself."""
    words = f"{code} {PHRASES[code]}"
    fields = FIELDS.get(code, "") if fields is None else fields
    return (f"HTTP/1.1 {words}\r\nContent-Type: text/plain\r\nContent-Length: {len(words) + 1}\r\n{fields}"
            f"Connection: close\r\n\r\n{words}\n").encode()


def forwarded(host="a", proto="https", client="127.0.0.1"):
    """What p11gate adds to a request."""
    return (f"X-Forwarded-For: {client}\r\nX-Forwarded-Proto: {proto}\r\nForwarded: for={client};proto={proto};"
            f"host=\"{host}\"\r\nX-Forwarded-Host: {host}\r\n").encode()


class Seen:
    """One connection of the recorder: its bytes, and how it ended: "" (not yet), "fin" or "rst"."""

    def __init__(self, made):
        self.socket, self.data, self.end, self.answered = made, b"", "", 0

    def headers(self, name):
        """The values of a field in all requests; what counts as the field is for the test to say."""
        return [value.strip() for key, value in re.findall(rb"\r\n([^:\r\n]+):([^\r\n]*)", self.data)
                if key.lower() == name.lower().encode()]

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Recorder:
    """A server that answers each request it can see the end of, with react(seen, data so far). It frames nothing:
    the default answers every empty line behind a request without a body."""

    def __init__(self, react=None, tls=None):
        self.react, self.tls = react or self.answer_heads, tls
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listening.getsockname()[1]
        self.connections = []
        threading.Thread(target=self.accept, daemon=True).start()

    @staticmethod
    def answer_heads(seen, _):
        while match := re.search(rb"[A-Za-z]+ [^\r]*\r\n(?:[^\r]+\r\n)*\r\n", seen.data[seen.answered:]):
            seen.answered += match.end()
            head = match.group()
            if b"Content-Length: 0" in head or (b"Content-Length" not in head and b"Transfer-Encoding" not in head):
                seen.socket.sendall(OK)

    def accept(self):
        for made in tcp_backend.connections(self.listening):
            seen = Seen(made)
            self.connections.append(seen)
            threading.Thread(target=self.serve, args=(seen,), daemon=True).start()

    def serve(self, seen):
        try:
            if self.tls:
                seen.socket = self.tls.wrap_socket(seen.socket, server_side=True)
            while piece := seen.socket.recv(1 << 16):
                seen.data += piece
                self.react(seen, piece)
            seen.end = "fin"
            seen.socket.close()
        except OSError:
            seen.end = "rst"

    def until_ended(self, count):
        """The connections from number count on, when all of them have ended."""
        waiting.until(lambda: all(seen.end for seen in self.connections[count:]), "the backend's connections to end")
        return self.connections[count:]

    def stop(self):
        self.listening.close()
