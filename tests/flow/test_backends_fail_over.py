"""Several backends behind a listener: who gets the next session, and what a session notices when one of them is
gone (H5): nothing, as long as another one is up. One worker, so that what it counts is all there is."""

import socket

import clients
import control
import ftp_backends
import ftp_wire
import http_backend
import http_wire
import pytest
import tls_partner
import waiting

CHECK = "200ms"
CLIENTS = [f"127.0.0.{last}" for last in range(2, 26)]


class Web:
    """An HTTP backend that can go and come back at its port."""

    def __init__(self):
        self.server = http_backend.HttpBackend()
        self.port, self.seen = self.server.port, []
        self.is_up = True

    def stop(self):
        if self.is_up:
            self.server.stop()
            self.seen += self.server.requests
        self.is_up = False

    def start(self):
        self.server = http_backend.HttpBackend(self.port)
        self.is_up = True

    def count(self):
        return len(self.seen) + (len(self.server.requests) if self.is_up else 0)

    def name(self):
        return f"127.0.0.1:{self.port}"


@pytest.fixture
def webs():
    made = [Web(), Web()]
    yield made
    for web in made:
        web.stop()


@pytest.fixture
def start(configuration, make_gate, webs):
    """start(options) -> (gate, port) of an https listener with both backends."""
    def make(**options):
        configuration.top["workers"] = 1
        backends = options.pop("backends", [web.name() for web in webs])
        port = configuration.listener("web", "https", backends, **{"health_check": CHECK, **options})
        return make_gate(configuration).start(), port

    return make


@pytest.fixture
def post(pki):
    """post(port, source) -> the code of the answer."""
    def do(port, source="127.0.0.1"):
        curl = clients.Curl(pki, options=["--interface", source, "-o", "/dev/null", "-w", "%{http_code}"])
        return int(curl("-d", "an order", f"https://localhost:{port}/as2").stdout)

    return do


def who_serves(webs, post, port, source="127.0.0.1"):
    """The number of the backend that saw the request."""
    before = [web.count() for web in webs]
    assert post(port, source) == 200
    return [web.count() > count for web, count in zip(webs, before)].index(True)


def test_h5_the_first_one_serves_until_it_is_gone_and_when_it_is_back(start, webs, post):
    gate, port = start()
    assert [who_serves(webs, post, port) for _ in range(3)] == [0, 0, 0]
    webs[0].stop()
    assert [who_serves(webs, post, port) for _ in range(3)] == [1, 1, 1]  # nobody waited for a health check
    down = gate.wait_for("backend-down", backend=webs[0].name())
    assert "refused" in down["reason"]
    assert [who_serves(webs, post, port) for _ in range(3)] == [1, 1, 1]
    webs[0].start()
    gate.wait_for("backend-up", backend=webs[0].name())
    assert who_serves(webs, post, port) == 0
    assert len(gate.log("backend-down")) == 1, gate.last_words()  # a change is one line


def test_h5_no_session_fails_while_one_of_them_is_up(start, webs, post):
    gate, port = start(health_check="1h")  # sessions alone find out
    for turn in range(4):
        webs[turn % 2].stop()
        assert [post(port) for _ in range(4)] == [200] * 4
        webs[turn % 2].start()
    assert not gate.log("request", reason="backend-unreachable")


def test_h5_all_down_is_503_at_once_and_over_as_soon_as_one_is_back(start, webs, post):
    gate, port = start(health_check="1h")
    for web in webs:
        web.stop()
    assert [post(port) for _ in range(3)] == [503] * 3
    gate.wait_for("backend-down", count=2)
    refused = gate.wait_for("request", code="503")
    assert refused["reason"] == "backend-unreachable"
    webs[1].start()
    assert [post(port) for _ in range(2)] == [200, 200]
    gate.wait_for("backend-up", backend=webs[1].name())


def test_h5_a_backend_that_does_not_answer_is_left_after_connect_timeout(start, webs, post, own_folder):
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    fillers = [socket.socket() for _ in range(3)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
    silent = f"127.0.0.1:{full.getsockname()[1]}"
    gate, port = start(backends=[silent, webs[1].name()], connect_timeout="300ms")
    assert post(port) == 200 and webs[1].count() == 1
    assert "timed out" in gate.wait_for("backend-down", backend=silent)["reason"]
    for made in (*fillers, full):
        made.close()


def test_least_sessions_go_to_who_has_the_fewest(start, webs, pki):
    gate, port = start(balance="least-sessions")
    kept = []
    for _ in range(6):
        kept.append(clients.client_context(pki).wrap_socket(socket.create_connection(("127.0.0.1", port), 20),
                                                           server_hostname="localhost"))
        kept[-1].sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert kept[-1].recv(12) == b"HTTP/1.1 200"
    assert [web.count() for web in webs] == [3, 3]
    for made in kept[0:6:2]:  # the first backend's
        made.close()
    gate.wait_for("session-end", count=3)
    for _ in range(3):
        kept.append(clients.client_context(pki).wrap_socket(socket.create_connection(("127.0.0.1", port), 20),
                                                           server_hostname="localhost"))
        kept[-1].sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert kept[-1].recv(12) == b"HTTP/1.1 200"
    assert [web.count() for web in webs] == [6, 3]
    for made in kept:
        made.close()


def test_a_source_keeps_its_backend_and_moves_only_when_that_is_gone(start, webs, post):
    gate, port = start(balance="source")
    first = {source: who_serves(webs, post, port, source) for source in CLIENTS}
    assert set(first.values()) == {0, 1}
    assert {source: who_serves(webs, post, port, source) for source in CLIENTS} == first
    webs[0].stop()
    assert {who_serves(webs, post, port, source) for source in CLIENTS} == {1}
    webs[0].start()
    gate.wait_for("backend-up", backend=webs[0].name())
    assert {source: who_serves(webs, post, port, source) for source in CLIENTS} == first


def test_a_drained_backend_gets_no_new_sessions_and_keeps_its_old_ones(start, webs, post, pki):
    gate, port = start()
    old = clients.client_context(pki).wrap_socket(socket.create_connection(("127.0.0.1", port), 20),
                                                  server_hostname="localhost")
    old.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert old.recv(12) == b"HTTP/1.1 200"
    while b'"connection"' not in old.recv(65536):
        pass
    assert control.ctl(gate, "disable", f"backend:{webs[0].name()}").returncode == 0
    waiting.until(lambda: who_serves(webs, post, port) == 1, "new sessions to go elsewhere")
    before = webs[0].count()
    old.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"HTTP/1.1 200" in old.recv(65536) and webs[0].count() == before + 1
    old.close()
    webs[1].stop()
    assert post(port) == 503  # not even then
    assert control.ctl(gate, "enable", f"backend:{webs[0].name()}").returncode == 0
    waiting.until(lambda: post(port) == 200, "the backend to be used again")


def test_h5_on_the_way_out_a_partner_who_is_not_himself_is_passed_over(configuration, make_gate, own_folder, pki):
    partners = []
    for number, authority in enumerate([pki.stranger, pki.authority]):
        folder = own_folder / f"partner-{number}"
        folder.mkdir()
        partners.append(tls_partner.Partner(folder, tls_partner.identity(authority)))
    port = configuration.listener("out", "http", [f"127.0.0.1:{partner.port}" for partner in partners],
                                  backend_tls={"truststore": "partners", "server_name": "localhost"})
    gate = make_gate(configuration).start()
    posted = clients.Curl(pki)("-d", "an order", "-w", "%{http_code}", f"http://localhost:{port}/as2")
    assert posted.stdout.endswith("200"), gate.last_words()
    assert gate.wait_for("request")["backend"] == f"127.0.0.1:{partners[1].port}"
    assert not gate.log("backend-down")  # he is there, after all
    for partner in partners:
        partner.stop()


# --- FTP ---


@pytest.fixture
def ftp_servers(own_folder):
    made = [ftp_backends.Pyftpd(own_folder / name) for name in ("a", "b")]
    for number, server in enumerate(made):
        (server.files / f"i-am-{number}").write_text("")
    yield made
    for server in made:
        server.stop()


@pytest.fixture
def start_ftp(configuration, make_gate):
    def make(backends, **options):
        configuration.top["workers"] = 1
        port = configuration.listener("files", "ftps", backends, **{"health_check": CHECK, **options})
        return make_gate(configuration).start(), port

    return make


def who_is_it(pki, server, port):
    wire = ftp_wire.Wire(pki, port, implicit=True)
    assert wire.reply()[0] == 220
    wire.login(server)
    return wire, [wire.say(f"SIZE /in/i-am-{number}")[0] for number in (0, 1)].index(213)


def test_h5_ftp_logins_go_to_the_one_that_is_up(start_ftp, ftp_servers, pki):
    gate, port = start_ftp([f"127.0.0.1:{server.port}" for server in ftp_servers])
    _, first = who_is_it(pki, ftp_servers[0], port)
    assert first == 0
    ftp_servers[0].stop()
    second, number = who_is_it(pki, ftp_servers[0], port)
    assert number == 1
    gate.wait_for("backend-down", backend=f"127.0.0.1:{ftp_servers[0].port}")
    assert who_is_it(pki, ftp_servers[0], port)[1] == 1
    ftp_servers[0].start()
    gate.wait_for("backend-up", backend=f"127.0.0.1:{ftp_servers[0].port}")
    assert who_is_it(pki, ftp_servers[0], port)[1] == 0
    assert second.say("PWD")[0] == 257  # where it is, it stays
    with second.open_data("STOR /in/late") as data:  # data connections go to the same one
        data.sendall(b"still there")
        ftp_wire.say_end(data)
    assert second.final_code() == 226
    waiting.until(lambda: (ftp_servers[1].files / "late").read_text() == "still there", "the file")
    for server in ftp_servers:
        server.stop()
    wire = ftp_wire.Wire(pki, port, implicit=True)
    assert wire.reply()[0] == 220 and wire.say("USER x")[0] == 421
    for server in ftp_servers:
        server.start()


def test_h5_a_backend_that_does_not_greet_is_down(start_ftp, ftp_servers, pki):
    def say_no(seen, _):
        pass

    class Refusing(http_wire.Recorder):
        def serve(self, seen):
            seen.socket.sendall(b"421 not now\r\n")
            seen.socket.close()

    refusing = Refusing(say_no)
    gate, port = start_ftp([f"127.0.0.1:{refusing.port}", f"127.0.0.1:{ftp_servers[1].port}"])
    assert "220" in gate.wait_for("backend-down", backend=f"127.0.0.1:{refusing.port}")["reason"]
    assert who_is_it(pki, ftp_servers[1], port)[1] == 1
