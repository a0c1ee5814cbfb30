"""H5: 1,000 keep-alive connections at once, 100 requests each, every answer right, every backend connection its own."""

import resource
import selectors
import socket
import threading
import time

import clients
import figures
import http_wire
import pytest
import waiting

CONNECTIONS, REQUESTS = 1000, 100
PAYLOAD = b"x" * 200


class EchoingServer:
    """Answers each POST with its own path, from one thread. paths: connection -> those of its requests."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listening.getsockname()[1]
        self.selector, self.paths, self.kept = selectors.EpollSelector(), {}, {}
        self.selector.register(self.listening, selectors.EVENT_READ)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.listening:
                    made, _ = self.listening.accept()
                    self.selector.register(made, selectors.EVENT_READ)
                    self.paths[made], self.kept[made] = [], b""
                else:
                    self.read(key.fileobj)

    def read(self, made):
        piece = made.recv(65536)
        if not piece:
            self.selector.unregister(made)
            made.close()
        self.kept[made] += piece
        while (end := self.kept[made].find(b"\r\n\r\n")) >= 0 and len(self.kept[made]) >= end + 4 + len(PAYLOAD):
            path = self.kept[made].split(b" ", 2)[1]
            self.kept[made] = self.kept[made][end + 4 + len(PAYLOAD):]
            self.paths[made].append(path)
            made.sendall(answer(path))


def path_of(number, turn):
    return b"/%d/%d" % (number, turn)


def request(path):
    return b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (path, len(PAYLOAD), PAYLOAD)


def answer(path):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path)


def connect(context, port):
    plain = socket.create_connection(("127.0.0.1", port), clients.LIMIT_S)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname="localhost")


def receive(made, expected):
    got = b""
    while len(got) < len(expected):
        piece = made.recv(65536)
        assert piece, "the connection ended"
        got += piece
    assert got == expected


@pytest.fixture(autouse=True)
def enough_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_connections(make_gate, configuration, pki):
    server = EchoingServer()
    port = configuration.listener("web", "https", server.port, keys=("ec",))
    # 100,000 lines would be this test's own load.
    configuration.top["log"] = {"level": "warning"}
    gate = make_gate(configuration).start(ready=False)
    waiting.until_port(port)
    context = clients.client_context(pki, "1.3")
    made = [connect(context, port) for _ in range(CONNECTIONS)]
    begun = time.monotonic()
    for turn in range(REQUESTS):
        # All of them are under way at once.
        for number, one in enumerate(made):
            one.sendall(request(path_of(number, turn)))
        for number, one in enumerate(made):
            receive(one, answer(path_of(number, turn)))
    figures.show("1,000 connections, requests a second", round(CONNECTIONS * REQUESTS / (time.monotonic() - begun)))
    assert len(server.paths) == CONNECTIONS
    assert sorted(server.paths.values()) == sorted([path_of(number, turn) for turn in range(REQUESTS)]
                                                   for number in range(CONNECTIONS))
    for one in made:
        one.close()
    assert [line for line in gate.lines if line["level"] != "info"] == []
