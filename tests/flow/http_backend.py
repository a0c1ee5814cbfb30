"""An HTTP server in clear, as it stands behind p11gate. It answers each request with a JSON text of what it
saw; some paths ask for other behaviour (see ANSWERS). Bodies are hashed as they come, never kept."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE_BYTES = 256 * 1024


class Server(ThreadingHTTPServer):
    """With room for a crowd that comes at once: python's own backlog is 5."""

    request_queue_size, daemon_threads = 512, True


class Quiet(BaseHTTPRequestHandler):
    """What the tests' HTTP servers have alike."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Quiet: tests look at what was recorded."""

    def send_text(self, code, body=b"", headers=()):
        self.send_response(code)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Handler(Quiet):
    disable_nagle_algorithm = True

    def handle_expect_100(self):
        if self.path == "/refuse-early":
            self.close_connection = True
            self.send_text(417, b"no thanks")
            return False
        return super().handle_expect_100()

    def pieces_of(self, left):
        while left:
            piece = self.rfile.read(min(left, PIECE_BYTES))
            if not piece:
                raise ConnectionError("the body was cut")
            left -= len(piece)
            yield piece

    def pieces(self):
        """The decoded body."""
        if self.headers["Transfer-Encoding"] != "chunked":
            yield from self.pieces_of(int(self.headers["Content-Length"] or 0))
            return
        while (size := int(self.rfile.readline(), 16)) > 0:
            yield from self.pieces_of(size)
            self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b""):
            self.record["trailers"] = True

    def read_body(self):
        digest, size = hashlib.sha256(), 0
        for piece in self.pieces():
            digest.update(piece)
            size += len(piece)
            self.record["bytes"] = size
        self.record.update(bytes=size, sha256=digest.hexdigest(), whole=True)

    def begin(self):
        self.record = {"method": self.command, "path": self.path, "version": self.request_version, "whole": False,
                       "headers": [[name.lower(), value] for name, value in self.headers.items()],
                       "connection": self.client_address[1]}
        self.server.requests.append(self.record)

    def answer_record(self):
        self.send_text(200, json.dumps(self.record).encode())

    def answer_chunked(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in (b"first ", b"second ", b"third"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def answer_until_close(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"all of it")
        self.close_connection = True

    def answer_in_part(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"not all of it")
        self.close_connection = True

    def answer_badly(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!")
        self.close_connection = True

    def answer_nothing(self):
        self.close_connection = True

    def answer_when_told(self):
        self.server.may_answer.wait(60)
        self.answer_record()

    def answer_big(self):
        chunked = self.path == "/big-chunked"
        self.send_response(200)
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(self.server.big_bytes))))
        self.end_headers()
        piece = (b"%x\r\n%s\r\n" % (PIECE_BYTES, bytes(PIECE_BYTES))) if chunked else bytes(PIECE_BYTES)
        for number in range(self.server.big_bytes // PIECE_BYTES):
            self.wfile.write(piece)
            self.record["sent"] = (number + 1) * PIECE_BYTES
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def do_POST(self):
        self.begin()
        if self.path == "/close-before-body":
            self.close_connection = True
            return
        if self.path == "/answer-before-body":
            self.send_text(413, b"too large", [("Connection", "close")])
            self.close_connection = True
            return
        self.read_body()
        ANSWERS.get(self.path, Handler.answer_record)(self)

    do_GET = do_PUT = do_HEAD = do_POST


ANSWERS = {
    "/chunked": Handler.answer_chunked,
    "/until-close": Handler.answer_until_close,
    "/in-part": Handler.answer_in_part,
    "/bad-framing": Handler.answer_badly,
    "/nothing": Handler.answer_nothing,
    "/when-told": Handler.answer_when_told,
    "/big": Handler.answer_big,
    "/big-chunked": Handler.answer_big,
}


class HttpBackend:
    """Runs in threads of the test; requests is a list of dicts in the order they came."""

    def __init__(self, port=0):
        self.server = Server(("127.0.0.1", port), Handler)
        self.server.requests = self.requests = []
        self.server.may_answer = self.may_answer = threading.Event()
        self.server.big_bytes = 5 * 1024 * 1024
        self.server.handle_error = lambda *_: None
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def headers(self, name, request=-1):
        """The values of a header field in a request."""
        return [value for key, value in self.requests[request]["headers"] if key == name.lower()]

    def stop(self):
        self.may_answer.set()
        self.server.shutdown()
        self.server.server_close()
