"""Reloads that change the key, under 100 HTTPS connections that ask all the time and 50 FTPS transfers: the
new key is shown at once, nothing fails and nothing is cut. Reloads that cannot be done change nothing."""

import itertools
import os
import select
import signal
import socket
import threading

import clients
import figures
import ftp_wire
import gate as flow_gate
import load
import pki as pki_module
import pytest
import softhsm
import tls_wire
import waiting

RELOADS, PARTNERS, TRANSFERS = 20, 100, 50
PAUSE_S = 0.25  # between the requests of a connection
PIECE, PIECES, PIECE_S = 16384, 30, 0.05  # of a transfer, which so outlasts a reload
MEANWHILE = 100  # requests between two reloads
RELOAD_S = 60
REQUEST = b"POST /as2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nping"


def kind(number):
    return f"ec-{number}"


@pytest.fixture
def own_pki(own_folder):
    """With a key and certificate for each reload."""
    folder = own_folder / "pki"
    folder.mkdir()
    made = pki_module.Pki(folder)
    for number in range(RELOADS):
        made.servers[kind(number)] = made.authority.server(kind(number), "ec")
        made.server_files[kind(number)] = made.servers[kind(number)].write(folder, kind(number))
    return made


@pytest.fixture
def rotating(own_folder, own_pki):
    token = softhsm.Token(own_folder / "token", own_pki)
    for number in range(RELOADS):
        token.add_key(own_pki, kind(number), f"{number + 16:02x}")
    token.give_to_signer()
    return token


class Scene:
    """A p11gate that says little, and the configuration that it reads at each reload."""

    def __init__(self, make_gate, folder, pki, token, backends):
        web, files = backends
        self.pki, self.configuration = pki, flow_gate.Configuration(folder, pki, token, log={"level": "warning"})
        self.https = self.configuration.listener("https", "https", web.port, keys=["ec"])
        self.ftps = self.configuration.listener("ftps", "ftps", files.port, keys=["ec"])
        self.gate = make_gate(self.configuration, token.environment)
        self.gate.start(ready=False)
        waiting.until(lambda: waiting.connects(self.https) and self.shown(), "the first handshake")

    def shown(self):
        """The certificate of a full handshake; None when there is none."""
        try:
            with socket.create_connection(("127.0.0.1", self.https), tls_wire.LIMIT_S) as plain:
                with clients.client_context(self.pki).wrap_socket(plain, server_hostname="localhost") as made:
                    return made.getpeercert(binary_form=True)
        except OSError:
            return None

    def reload(self, text=None):
        self.gate.path.write_text(self.configuration.text() if text is None else text)
        self.gate.signal(signal.SIGHUP)

    def use_key(self, number):
        for listener in self.configuration.listeners:
            listener["key_alias"] = [softhsm.label(kind(number))]


@pytest.fixture
def scene(make_gate, own_folder, own_pki, rotating, web, pyftpd):
    return Scene(make_gate, own_folder, own_pki, rotating, (web, pyftpd))


class KeepAlive:
    """Asks on one connection for as long as it is kept. One that ended between two requests is made anew."""

    def __init__(self, pki, port):
        self.context, self.port, self.made = clients.client_context(pki), port, None
        self.ask()

    def connect(self):
        plain = socket.create_connection(("127.0.0.1", self.port), load.LIMIT_S)
        # An end without close_notify raises ssl.SSLEOFError.
        self.made = self.context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)

    def leave(self):
        self.made.close()
        self.made = None

    def head(self):
        """b"" at a clean end before the first byte."""
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = self.made.recv(65536)
            if not piece:
                assert not answer, "the answer was cut"
                return b""
            answer += piece
        return answer

    def answer(self):
        """The whole answer as (head, body)."""
        answer = self.head()
        if not answer:
            return None
        head, body = answer.lower().split(b"\r\n\r\n", 1)
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < length:
            piece = self.made.recv(65536)
            if not piece:
                raise EOFError("the body was cut")
            body += piece
        return head, body

    def has_ended(self):
        return self.made.pending() == 0 and select.select([self.made], [], [], 0)[0] and not self.made.recv(1)

    def ask(self):
        if self.made and self.has_ended():
            self.leave()
        if not self.made:
            self.connect()
        self.made.sendall(REQUEST)
        answer = self.answer()
        if answer is None:
            self.leave()
            return self.ask()
        if b"connection: close" in answer[0]:
            self.leave()
        return answer[0].startswith(b"http/1.1 200")


class Goodbye(EOFError):
    """421: the server lets this session go, between two transfers."""


class PoliteWire(ftp_wire.Wire):
    def reply(self):
        code, text = super().reply()
        if code == 421:
            raise Goodbye(text)
        return code, text


class Transfers:
    """Uploads, or downloads, one after the other: slowly, so that reloads come in the middle of them."""

    def __init__(self, task, scene, backend, number):
        self.halt, self.scene, self.backend = task.halt, scene, backend
        self.name, self.uploads, self.wire = f"up-{number}", number % 2 == 0, None
        self.reuse = number % 4 < 2  # the others make a full handshake for each data connection

    def login(self):
        self.wire = PoliteWire(self.scene.pki, self.scene.ftps, implicit=True)
        assert self.wire.reply()[0] == 220
        self.wire.login(self.backend)

    def pieces(self):
        for _ in range(PIECES):
            self.halt.wait(PIECE_S)
            yield bytes(PIECE)

    def upload(self):
        data = self.wire.open_data(f"STOR in/{self.name}", self.reuse)
        for piece in self.pieces():
            data.sendall(piece)
        data.unwrap()
        data.close()
        code, _ = self.wire.reply()
        return code == 226 and os.path.getsize(self.backend.files / self.name) == PIECES * PIECE

    def download(self):
        data, size = self.wire.open_data("RETR in/rotated", self.reuse), 0
        pace = self.pieces()
        while piece := data.recv(PIECE):
            size += len(piece)
            next(pace, None)
        data.close()
        return self.wire.reply()[0] == 226 and size == PIECES * PIECE

    def leave(self):
        self.wire.close()
        self.wire = None

    def transfer(self):
        try:
            if not self.wire:
                self.login()
            return self.upload() if self.uploads else self.download()
        except Goodbye:
            self.leave()
            return self.transfer()
        except (OSError, EOFError):
            self.leave()
            raise


def keep_asking(task, attempts, scene):
    load.many(task, attempts, PARTNERS, lambda: KeepAlive(scene.pki, scene.https).ask, PAUSE_S)


def keep_transferring(task, attempts, scene, backend):
    numbers, lock = itertools.count(), threading.Lock()

    def make():
        with lock:
            made = Transfers(task, scene, backend, next(numbers))
            made.login()
        return made.transfer

    load.many(task, attempts, TRANSFERS, make)


class Busy:
    """Everybody who must not be disturbed."""

    def __init__(self, scene, backend):
        clients.make_file(backend.files / "rotated", PIECES * PIECE)
        self.asking = load.Task(keep_asking, scene)
        self.transferring = load.Task(keep_transferring, scene, backend)

    def go_on(self):
        wanted = self.asking.done.value + MEANWHILE
        waiting.until(lambda: self.asking.done.value >= wanted, "requests meanwhile")

    def end(self):
        return self.asking.end(), self.transferring.end()

    def kill(self):
        self.asking.kill()
        self.transferring.kill()


@pytest.fixture
def busy(scene, pyftpd):
    made = Busy(scene, pyftpd)
    yield made
    made.kill()


def assert_undisturbed(what, busy, web):
    before_transfers = busy.transferring.done.value
    waiting.until(lambda: busy.transferring.done.value >= before_transfers + TRANSFERS, "transfers to end", RELOAD_S)
    requests, transfers = busy.end()
    figures.show(what, len(requests), f"{load.failures(requests)} failed", f"{load.longest_wait_s(requests) * 1000:.0f} ms at most",
                 len(transfers), f"{load.failures(transfers)} failed")
    assert load.failures(requests) == 0 and load.failures(transfers) == 0, load.causes(requests + transfers)
    # Each was asked once: none was lost with its connection and asked again.
    assert len(web.requests) == len(requests) + PARTNERS


def test_twenty_reloads_that_change_the_key(scene, busy, web):
    for number in range(RELOADS):
        scene.use_key(number)
        scene.reload()
        wanted = scene.pki.servers[kind(number)].der
        waiting.until(lambda wanted=wanted: scene.shown() == wanted, f"key {number}: {scene.gate.last_words()}", RELOAD_S)
        busy.go_on()
    assert not scene.gate.log("reload-failed")
    assert_undisturbed(f"{RELOADS} reloads", busy, web)


def broken(scene):
    """Ten texts that must not be taken."""
    good = scene.configuration.text()
    token = "pkcs11:token=edge"
    return [
        "", good[:-20], good + "nonsense = 1;\n", good + good,
        good.replace(softhsm.label("ec"), "no-such-key"),
        good.replace(token, "pkcs11:token=absent"),
        good.replace(softhsm.MODULE, "/nonexistent/module.so"),
        good.replace("edge.pin", "no.pin"),
        good.replace(f"127.0.0.1:{scene.ftps}", "192.0.2.1:990"),
        good.replace('"https"', '"htps"'),
    ]


def test_ten_reloads_that_cannot_be_done_change_nothing(scene, busy, web):
    before = scene.shown(), scene.gate.pids("worker"), scene.gate.pids("signer")
    for number, text in enumerate(broken(scene)):
        failed = len(scene.gate.log("reload-failed"))
        scene.reload(text)
        scene.gate.wait_for("reload-failed", RELOAD_S, count=failed + 1)
        busy.go_on()
        assert scene.shown() == before[0], number
    waiting.until(lambda: (scene.gate.pids("worker"), scene.gate.pids("signer")) == before[1:],
                  "nothing but what was there before")
    assert_undisturbed("10 reloads refused", busy, web)
