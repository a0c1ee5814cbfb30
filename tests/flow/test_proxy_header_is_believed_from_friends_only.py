"""accept-proxy-from: a load balancer's PROXY v1 or v2 header says who the client is, and everything counts that
address (access, limits, bans, log); from anybody else a header is garbage."""

import contextlib
import ipaddress
import socket
import ssl
import struct

import clients
import ftp_recorder
import pytest

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FRIEND, STRANGER = "127.0.0.1", "127.0.0.2"
REFUSED = (ConnectionError, EOFError, OSError)


def v1(source="203.0.113.9", destination="192.0.2.1", ports=(1234, 990)):
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {destination} {ports[0]} {ports[1]}\r\n".encode()


def v2(source="203.0.113.9", destination="192.0.2.1", ports=(1234, 990), more=b"", command=1):
    packed = [ipaddress.ip_address(one).packed for one in (source, destination)]
    body = packed[0] + packed[1] + struct.pack("!HH", *ports) + more
    return SIGNATURE + bytes([0x20 | command, 0x11 if len(packed[0]) == 4 else 0x21]) + struct.pack("!H", len(body)) + body


@pytest.fixture(scope="module")
def backend():
    made = ftp_recorder.Recorder()
    yield made
    made.stop()


def on_ipv6(configuration, port):
    configuration.listeners[-1]["bind"] = f"[::1]:{port}"
    return port


@pytest.fixture(scope="module")
def gate(gate_running, backend, web_for_all):
    def prepare(configuration):
        friends = {"accept_proxy_from": [FRIEND], "handshake_timeout": "3s"}
        return {
            "ftp": configuration.listener("ftp", "ftp", backend.port, deny=["203.0.113.66", "2001:db8:bad::/48"],
                                          max_sessions_per_ip=2, max_login_failures=2, ban_time="10m", **friends),
            "ipv6": on_ipv6(configuration, configuration.listener(
                "ipv6", "ftp", backend.port, accept_proxy_from=["::1"], secure_clients_only=False)),
            "https": configuration.listener("https", "https", web_for_all.port, **friends),
            "deny-friend": configuration.listener("deny-friend", "ftp", backend.port, deny=[FRIEND], **friends),
        }

    with gate_running(prepare) as made:
        yield made


def connect(gate, listener, header=b"", source=FRIEND):
    made = socket.create_connection(("127.0.0.1", gate.ports[listener]), 20, (source, 0))
    made.sendall(header)
    return made


def code(made):
    """Of the next line, which is the last that has come."""
    data = b""
    while not data.endswith(b"\n"):
        piece = made.recv(200)
        if not piece:
            raise EOFError
        data += piece
    return int(data[:3])


HEADERS = [
    (v1(), "203.0.113.9:1234"),
    (v1("2001:db8::9", "2001:db8::1"), "[2001:db8::9]:1234"),
    (v2(), "203.0.113.9:1234"),
    (v2("2001:db8::9", "2001:db8::1"), "[2001:db8::9]:1234"),
    (v2(more=b"\x05\0\x03abc"), "203.0.113.9:1234"),
    (v2("::ffff:203.0.113.9", "::ffff:192.0.2.1"), "203.0.113.9:1234"),
]


@pytest.mark.parametrize("header, client", HEADERS)
def test_the_header_says_who_it_is(gate, header, client):
    begun = len(gate.log("session-begin", listener="ftp", client=client))
    with connect(gate, "ftp", header) as made:
        assert code(made) == 220
    gate.wait_for("session-end", listener="ftp", client=client, count=begun + 1)


@pytest.mark.parametrize("header", [v1(), v2()])
def test_it_may_come_in_pieces(gate, header):
    with connect(gate, "ftp") as made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in header:
            made.sendall(bytes([byte]))
        assert code(made) == 220


def test_no_address_is_invented_for_a_client_of_the_other_family(gate, backend):
    """F9: IPv4 behind a load balancer that comes by IPv6, and no passive-address."""
    with socket.create_connection(("::1", gate.ports["ipv6"]), 20) as made:
        made.sendall(v1())
        assert code(made) == 220
        for command, wanted in ((f"USER {backend.user}", 331), (f"PASS {backend.password}", 230), ("PASV", 425), ("EPSV", 229)):
            made.sendall(command.encode() + b"\r\n")
            assert code(made) == wanted, command
    assert gate.wait_for("passive-address-unknown")["reason"] == "passive-address is not set, and the connection's own is IPv6"


def hello(gate, header, source=FRIEND):
    """Header and ClientHello in one segment; the answer to a request, and the TLS version."""
    context = ssl._create_unverified_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with connect(gate, "https", source=source) as plain:
        first = header

        def step(call, *words):
            nonlocal first
            while True:
                try:
                    result = call(*words)
                    break
                except ssl.SSLWantReadError:
                    plain.sendall(first + outgoing.read())
                    first = b""
                    piece = plain.recv(65536)
                    if not piece:
                        raise EOFError from None
                    incoming.write(piece)
            plain.sendall(first + outgoing.read())
            first = b""
            return result

        step(tls.do_handshake)
        step(tls.write, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return step(tls.read, 65536)


@pytest.mark.parametrize("header", [v1(), v2(), v2(more=b"\x05\x08\0" + bytes(2048))])
def test_tls_behind_it_in_one_segment(gate, header):
    assert hello(gate, header).startswith(b"HTTP/1.1 200")
    assert gate.wait_for("session-begin", listener="https", client="203.0.113.9:1234")


def test_commands_behind_it_in_one_segment(gate):
    with connect(gate, "ftp", v2("203.0.113.10") + b"NOOP\r\nNOOP\r\n") as made:
        lines = made.makefile("rb")
        assert [lines.readline()[:3] for _ in range(3)] == [b"220", b"200", b"200"]


def test_a_health_check_of_the_proxy_is_the_proxys(gate):
    """LOCAL and UNKNOWN: who connects is who it is."""
    local = SIGNATURE + b"\x20\0\0\0"
    for header in (local, b"PROXY UNKNOWN\r\n"):
        with connect(gate, "ftp", header) as made:
            assert code(made) == 220
            client = "%s:%d" % made.getsockname()
        assert gate.wait_for("session-end", listener="ftp", client=client)


def test_access_lists_ask_the_client_not_the_proxy(gate):
    with connect(gate, "ftp", v1("203.0.113.66")) as made:
        assert code(made) == 421
    assert gate.wait_for("session-refused", client="203.0.113.66:1234", reason="not-allowed")
    for mapped in (v2("::ffff:203.0.113.66", "::1"), v1("2001:db8:bad::1", "2001:db8::1")):
        with connect(gate, "ftp", mapped) as made:
            assert code(made) == 421
    with connect(gate, "deny-friend", v1("203.0.113.66")) as made:
        assert code(made) == 220


def test_limits_count_the_client(gate):
    with contextlib.ExitStack() as stack:
        codes = [code(stack.enter_context(connect(gate, "ftp", v1("203.0.113.20")))) for _ in range(4)]
        assert codes == [220, 220, 421, 421]
        assert code(stack.enter_context(connect(gate, "ftp", v1("203.0.113.21")))) == 220


def fail(gate, pki, source):
    with connect(gate, "ftp", v1(source)) as made:
        assert code(made) == 220
        made.sendall(b"AUTH TLS\r\n")
        assert code(made) == 234
        with clients.client_context(pki).wrap_socket(made, server_hostname="localhost") as tls:
            tls.sendall(b"USER nobody\r\n")
            assert code(tls) == 331
            tls.sendall(b"PASS wrong\r\n")
            assert code(tls) in (530, 421)


def test_bans_hit_the_client(gate, pki):
    for _ in range(2):
        fail(gate, pki, "203.0.113.30")
    assert gate.wait_for("ban", client="203.0.113.30")
    with connect(gate, "ftp", v1("203.0.113.30")) as made:
        assert code(made) == 421
    with connect(gate, "ftp", v1("203.0.113.31")) as made:
        assert code(made) == 220


GARBAGE = [
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n", b"PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n", b"PROXY TCP4 " + b"1" * 120,
    b"USER anonymous\r\n", b"\x16\x03\x01\x02\0", SIGNATURE + b"\x31\x11\0\x0c" + bytes(12),
    SIGNATURE + b"\x21\x11\0\x04" + bytes(4), SIGNATURE[:-1] + b"x" + bytes(20),
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_what_is_no_header_is_closed(gate, garbage):
    refused = len(gate.log("session-refused", reason="bad-request"))
    with pytest.raises(REFUSED), connect(gate, "https", garbage) as made:
        if not made.recv(100):
            raise EOFError
    line = gate.wait_for("session-refused", reason="bad-request", count=refused + 1)
    assert line["detail"].startswith("PROXY header: ")


def test_who_says_nothing_is_not_waited_for(gate):
    with pytest.raises(REFUSED), connect(gate, "https", v1()[:9]) as made:
        if not made.recv(100):
            raise EOFError
    assert gate.wait_for("session-refused", listener="https", reason="handshake-timeout")


@pytest.mark.parametrize("header", [v1(), v2()])
def test_from_a_stranger_it_is_garbage(gate, header):
    with pytest.raises(REFUSED):
        hello(gate, header, STRANGER)
    assert gate.wait_for("session-end", listener="https", reason="handshake-failed")
    # In clear FTP its words are commands: unknown ones, and nobody is logged as whom it names.
    with connect(gate, "ftp", v1("203.0.113.77"), STRANGER) as made:
        client = "%s:%d" % made.getsockname()
        assert code(made) == 220
    assert gate.wait_for("session-end", listener="ftp", client=client)
    assert not gate.log("session-begin", client="203.0.113.77:1234")


def test_a_proxy_without_a_header_is_not_served(gate):
    with pytest.raises(REFUSED):
        hello(gate, b"")
