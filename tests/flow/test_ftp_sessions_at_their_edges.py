"""FTP sessions that flood, stall, idle, break off or outlive something (F11, F13, F14)."""

import contextlib
import hashlib
import select
import signal
import socket
import ssl
import threading
import time

import clients
import ftp_backends
import ftp_recorder
import ftp_wire
import pytest

HUGE_BYTES = 50 << 20  # more than every buffer on the way
SMALL_BUFFER_BYTES = 64 << 10
TOO_MUCH_BYTES = 30 << 20  # of commands whose replies nobody reads
NOBODY_LISTENS = 1
TINY_BUFFER_BYTES = 4 << 10
UNREAD_BYTES, TAIL_BYTES = 300 << 10, 40 << 10
SILENCE_S = 2
A_WHILE_S = 0.25
FLUSH_LIMIT_S = 5  # how long p11gate waits for a client that acknowledges nothing


@pytest.fixture(scope="module")
def slow():
    """A backend that answers some commands when it is told to."""
    made = ftp_recorder.Recorder()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def gate(gate_running, pyftpd, slow):
    def prepare(configuration):
        port = pyftpd.port
        return {"implicit": configuration.listener("implicit", "ftps", port),
                "explicit": configuration.listener("explicit", "ftp", port),
                "login-soon": configuration.listener("login-soon", "ftps", port, login_timeout="2s"),
                "auth-soon": configuration.listener("auth-soon", "ftp", port, login_timeout="2s"),
                "idle-soon": configuration.listener("idle-soon", "ftps", port, idle_timeout="3s"),
                "slow": configuration.listener("slow", "ftps", slow.port, idle_timeout="3s"),
                "dead-end": configuration.listener("dead-end", "ftps", NOBODY_LISTENS)}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture(scope="module")
def huge(pyftpd):
    return clients.make_file(pyftpd.files / "huge", HUGE_BYTES)


@pytest.fixture
def greeted(pki):
    """greeted(gate, listener) -> a control connection behind its greeting and under TLS."""
    made = []

    def connect(gate, listener="implicit"):
        made.append(ftp_wire.Wire(pki, gate.ports[listener], implicit=listener != "explicit"))
        assert made[-1].reply()[0] == 220
        if listener == "explicit":
            made[-1].start_tls()
        return made[-1]

    yield connect
    for one in made:
        one.close()


@pytest.fixture
def logged_in(greeted, pyftpd):
    """The same behind its login."""
    def login(gate, listener="implicit", backend=pyftpd):
        made = greeted(gate, listener)
        made.login(backend)
        return made

    return login


@pytest.fixture
def wire(gate, logged_in):
    return logged_in(gate)


def is_over(wire):
    """The control connection ends, with close_notify."""
    return wire.rest == b"" and wire.socket.recv(10) == b""


# ---- many commands, and pieces of one ----

def test_five_hundred_commands_at_once_have_five_hundred_replies(wire):
    """F11, F13: however many may wait."""
    wire.socket.sendall(b"NOOP\r\n" * 500)
    assert [wire.reply()[0] for _ in range(500)] == [200] * 500


def test_a_command_may_come_byte_by_byte(wire):
    """F13: each in a TLS record of its own."""
    for byte in b"NOOP\r\n":
        wire.socket.sendall(bytes([byte]))
    assert wire.reply()[0] == 200


def send_until_nobody_reads(sock, batch):
    """How many batches went; the next one has been begun."""
    count = 0
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER_BYTES)
    sock.settimeout(0)
    while count * len(batch) < TOO_MUCH_BYTES:
        try:
            count += sock.send(batch) // len(batch)
        except ssl.SSLWantWriteError:
            if not select.select([], [sock], [], 1)[1]:
                break
    sock.settimeout(ftp_wire.LIMIT_S)
    return count


def test_a_client_that_reads_no_replies_is_not_read_either_until_it_does(gate, greeted):
    """F11: a reader stops instead of piling up replies; nothing is lost by that. (FEAT before the login is
    answered by p11gate itself.)"""
    wire = greeted(gate)
    batch = (b"FEAT " + b"x" * 120 + b"\r\n") * 100
    sent = send_until_nobody_reads(wire.socket, batch)
    assert sent * len(batch) < TOO_MUCH_BYTES
    for _ in range(sent * 100):
        assert wire.reply()[0] == 211
    wire.socket.sendall(batch + b"QUIT\r\n")
    assert [wire.reply()[0] for _ in range(101)] == [211] * 100 + [221]


# ---- clients that say nothing ----

def test_a_client_that_does_not_log_in_is_told_421(gate, greeted):
    wire = greeted(gate, "login-soon")
    assert wire.reply()[0] == 421
    assert is_over(wire)
    assert gate.wait_for("session-end", client=wire.client, reason="login-timeout")


@pytest.mark.parametrize("listener, word", [("login-soon", "REIN"), ("auth-soon", "REIN"), ("auth-soon", "AUTH")])
def test_nobody_gets_more_time_by_beginning_anew(gate, pki, greeted, listener, word):
    """F7: REIN without a login before it, and AUTH behind it."""
    wire = greeted(gate, listener) if listener == "login-soon" else ftp_wire.Wire(pki, gate.ports[listener])
    assert listener == "login-soon" or wire.reply()[0] == 220
    until, code = time.monotonic() + 15, 0
    with contextlib.suppress(EOFError, OSError):  # the end may come in the middle of a handshake
        while code != 421 and time.monotonic() < until:
            select.select([wire.socket], [], [], A_WHILE_S)  # one session has a few new beginnings only
            if word == "AUTH" and wire.say("AUTH TLS")[0] == 234:
                wire.socket = wire.wrap(wire.socket)
            code = wire.say("REIN")[0]
            if word == "AUTH" and code == 220:
                wire.socket = wire.socket.unwrap()
    assert code in (220, 421)
    assert gate.wait_for("session-end", client=wire.client, reason="login-timeout")


def test_an_idle_client_is_told_421(gate, logged_in):
    wire = logged_in(gate, "idle-soon")
    assert wire.reply()[0] == 421
    assert is_over(wire)
    assert gate.wait_for("session-end", client=wire.client, reason="idle-timeout")


def test_a_session_is_not_idle_while_its_transfer_stands_still(gate, logged_in, huge):
    """F14: nothing moves here until another session, which began later, has been idle for too long."""
    wire = logged_in(gate, "idle-soon")
    data = wire.open_data("RETR in/huge")
    start = data.recv(1000)
    assert logged_in(gate, "idle-soon").reply()[0] == 421
    assert hashlib.sha256(start + ftp_wire.receive_all(data)).hexdigest() == clients.digest(huge)
    assert wire.reply()[0] == 226
    assert wire.reply()[0] == 421


def test_who_waits_for_the_backend_is_not_idle(gate, greeted, logged_in, slow):
    """F14: a checksum of a large file, a login that LDAP decides; the clock is another session that is idle."""
    done = threading.Event()
    checking, coming = logged_in(gate, "slow", slow), greeted(gate, "slow")
    slow.doings = {verb: lambda talk, _: (done.wait(60), talk.say("230 At last")) for verb in ("XSHA256", "PASS")}
    checking.send("XSHA256 file")
    assert coming.say("USER typed")[0] == 331
    coming.send("PASS typed password")
    try:
        assert logged_in(gate, "idle-soon").reply()[0] == 421
    finally:
        done.set()
    for wire in (checking, coming):
        assert wire.reply() == (230, "230 At last")
        assert wire.say("PWD")[0] == 257
    assert [checking.reply()[0], coming.reply()[0]] == [421, 421]


# ---- the last word about a download ----

def download_unread(wire, name):
    """The data connection of a client whose kernel takes next to nothing, behind 150."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TINY_BUFFER_BYTES)
    plain.settimeout(ftp_wire.LIMIT_S)
    plain.connect(("127.0.0.1", wire.passive()))
    wire.send(f"RETR in/{name}")
    data = wire.wrap_data(plain)
    assert wire.reply()[0] in (125, 150)
    return data


def test_226_does_not_come_before_the_client_has_its_file(gate, wire, pyftpd):
    """F14: the backend has said it long before."""
    content = clients.make_file(pyftpd.files / "unread", UNREAD_BYTES).read_bytes()
    data = download_unread(wire, "unread")
    assert not select.select([wire.socket], [], [], SILENCE_S)[0]
    assert ftp_wire.receive_all(data) == content
    assert wire.reply()[0] == 226


def test_226_comes_without_a_client_that_never_reads_a_tail(gate, wire, pyftpd):
    """F14: once p11gate's kernel has it all, it is waited for no longer than 5 s."""
    clients.make_file(pyftpd.files / "tail", TAIL_BYTES)
    begun = time.monotonic()
    data = download_unread(wire, "tail")
    assert wire.reply()[0] == 226
    assert time.monotonic() - begun > FLUSH_LIMIT_S - 0.1
    data.close()


# ---- ends ----

@pytest.mark.parametrize("listener", ["implicit", "explicit"])
def test_quit_ends_with_221_and_close_notify(gate, greeted, listener):
    wire = greeted(gate, listener)
    assert wire.say("QUIT")[0] == 221
    assert is_over(wire)


def test_a_backend_that_cannot_be_reached_is_421(gate, greeted):
    wire = greeted(gate, "dead-end")
    assert wire.reply()[0] == 421
    assert is_over(wire)
    assert gate.wait_for("session-end", client=wire.client, reason="backend-unreachable")


def test_a_backend_that_dies_is_421(gate_running, logged_in, new_folder):
    mortal = ftp_backends.Pyftpd(new_folder() / "mortal")
    with gate_running(lambda configuration: {"implicit": configuration.listener("implicit", "ftps", mortal.port)}) as gate:
        wire = logged_in(gate, backend=mortal)
        mortal.process.kill()
        assert wire.reply()[0] == 421
        assert is_over(wire)
        wire.close()
    mortal.process.wait()


def test_stopping_waits_for_transfers_and_not_for_idle_sessions(gate_running, logged_in, pyftpd, huge):
    """F14: 421 between transfers."""
    with gate_running(lambda configuration: {"implicit": configuration.listener("implicit", "ftps", pyftpd.port)}) as gate:
        idle, busy = logged_in(gate), logged_in(gate)
        data = busy.open_data("RETR in/huge")
        start = data.recv(1000)
        gate.signal(signal.SIGTERM)
        assert idle.reply()[0] == 421
        assert hashlib.sha256(start + ftp_wire.receive_all(data)).hexdigest() == clients.digest(huge)
        assert [busy.reply()[0], busy.reply()[0]] == [226, 421]
        for one in (idle, busy, data):
            one.close()
        assert gate.wait_exit() == 0


def test_a_passive_port_that_nobody_uses_holds_no_stop(gate_running, logged_in, pyftpd):
    """F14: NOOP is no transfer; whoever wants one begins it within data-connect-timeout."""
    def prepare(configuration):
        return {"implicit": configuration.listener("implicit", "ftps", pyftpd.port, data_connect_timeout="1s")}

    with gate_running(prepare, stop_timeout="10m") as gate:
        wire = logged_in(gate)
        wire.passive()
        gate.signal(signal.SIGTERM)
        until = time.monotonic() + ftp_wire.LIMIT_S
        while wire.say("NOOP")[0] == 200:
            assert time.monotonic() < until
            select.select([wire.socket], [], [], 0.1)
        assert gate.wait_for("session-end", client=wire.client, reason="stopping")
        wire.close()
        assert gate.wait_exit() == 0


def behind_a_passive_command(wire):
    wire.send("EPSV")


def with_a_passive_port(wire):
    wire.passive()


def with_a_data_connection(wire):
    return wire.connect_data(wire.passive())


def with_a_transfer_that_awaits_its_data_connection(wire):
    wire.passive()
    wire.send("LIST")


def with_a_transfer_that_awaits_tls(wire):
    data = wire.connect_data(wire.passive())
    wire.send("LIST")
    return data


def with_tls_on_the_data_connection(wire):
    return wire.wrap_data(wire.connect_data(wire.passive()))


def in_a_download(wire):
    return wire.open_data("RETR in/huge")


def in_an_upload(wire):
    return wire.open_data("STOR in/broken-off")


def until_it_ends(data):
    """However it ends; a connection that lives on raises TimeoutError."""
    try:
        ftp_wire.receive_all(data)
    except ftp_wire.CUT:
        data.close()


@pytest.mark.parametrize("place", [
    behind_a_passive_command, with_a_passive_port, with_a_data_connection, with_a_transfer_that_awaits_its_data_connection,
    with_a_transfer_that_awaits_tls, with_tls_on_the_data_connection, in_a_download, in_an_upload,
], ids=lambda place: place.__name__)
def test_a_session_may_break_off(gate, logged_in, wire, huge, place):
    """Everywhere: the data connection goes with it, and other sessions do not notice."""
    data = place(wire)
    wire.close()
    assert gate.wait_for("session-end", client=wire.client)
    if data:
        until_it_ends(data)
    assert logged_in(gate).say("NOOP")[0] == 200
