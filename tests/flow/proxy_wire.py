"""The PROXY protocol as a backend reads it: versions 1 and 2, written here from its specification, and servers
that want a header first."""

import socket
import struct
import threading
import types

import tcp_backend

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ALPN, AUTHORITY, CRC32C, SSL = 0x01, 0x02, 0x03, 0x20
SSL_VERSION, SSL_CN, SSL_CIPHER, SSL_CLIENT_CERT = 0x21, 0x22, 0x23, 0x28
CLIENT_SSL, CLIENT_CERT_CONN, CLIENT_CERT_SESS = 1, 2, 4


def exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise EOFError(f"the header was cut: {data!r}")
        data += piece
    return data


def tlvs(data):
    """type -> value; a type that comes twice is an error."""
    found = {}
    while data:
        kind, size = struct.unpack(">BH", data[:3])
        assert kind not in found and len(data) >= 3 + size, data
        found[kind], data = data[3:3 + size], data[3 + size:]
    return found


def crc32c(data):
    total = 0xffffffff
    for byte in data:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0x82f63b78 if total & 1 else 0)
    return total ^ 0xffffffff


def check_sum(header, found):
    if CRC32C in found:
        at = header.rindex(bytes([CRC32C, 0, 4]) + found[CRC32C]) + 3
        assert crc32c(header[:at] + bytes(4) + header[at + 4:]) == int.from_bytes(found[CRC32C], "big")


def read_v1(sock, line):
    while not line.endswith(b"\r\n"):
        assert len(line) < 107, line
        line += exactly(sock, 1)
    words = line.decode().split()
    if words[1] == "UNKNOWN":
        return types.SimpleNamespace(version=1, source=None, destination=None, tlvs={}, ssl=None)
    return types.SimpleNamespace(version=1, source=f"{words[2]}:{words[4]}", destination=f"{words[3]}:{words[5]}",
                                 tlvs={}, ssl=None)


def read_ssl(value):
    client, verify = struct.unpack(">BI", value[:5])
    return types.SimpleNamespace(client=client, verify=verify, **{
        name: inner.get(kind) for inner in [tlvs(value[5:])] for name, kind in
        (("version", SSL_VERSION), ("common_name", SSL_CN), ("cipher", SSL_CIPHER), ("certificate", SSL_CLIENT_CERT))})


def read_v2(sock, header):
    header += exactly(sock, 16 - len(header))
    assert header[:12] == SIGNATURE, header
    command, family, size = struct.unpack(">BBH", header[12:])
    header += exactly(sock, size)
    if command == 0x20:
        return types.SimpleNamespace(version=2, source=None, destination=None, tlvs={}, ssl=None)
    assert (command, family) == (0x21, 0x11), header
    source, destination, source_port, destination_port = struct.unpack(">4s4sHH", header[16:28])
    found = tlvs(header[28:])
    check_sum(header, found)
    return types.SimpleNamespace(
        version=2, source=f"{socket.inet_ntoa(source)}:{source_port}",
        destination=f"{socket.inet_ntoa(destination)}:{destination_port}", tlvs=found,
        ssl=read_ssl(found[SSL]) if SSL in found else None)


def read_header(sock):
    beginning = exactly(sock, 6)
    return read_v1(sock, beginning) if beginning == b"PROXY " else read_v2(sock, beginning)


class ProxiedServer:
    """Reads a header from each connection, keeps it (looks of a health check are not kept), and hands the
    connection to serve(sock)."""

    def __init__(self, serve):
        self.serve, self.headers = serve, []
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        for made in tcp_backend.connections(self.listening):
            threading.Thread(target=self.begin, args=(made,), daemon=True).start()

    def begin(self, made):
        with made:
            try:
                header = read_header(made)
                if header.source:
                    self.headers.append(header)
                self.serve(made)
            except OSError:
                pass

    def stop(self):
        self.listening.close()


def say_hello(sock):
    """Whatever comes is answered with a greeting."""
    while sock.recv(65536):
        sock.sendall(b"hello")


def answer_http(sock):
    while sock.recv(65536):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


def pipe_to(port):
    """A server that does not know the protocol, behind one that does."""
    def pump(one, other):
        try:
            while piece := one.recv(65536):
                other.sendall(piece)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(sock):
        with socket.create_connection(("127.0.0.1", port)) as behind:
            back = threading.Thread(target=pump, args=(behind, sock), daemon=True)
            back.start()
            pump(sock, behind)
            back.join()

    return serve
