"""F14: no timeout ends a transfer that moves, however long it takes; one in which nothing moves for stall-timeout
ends with 426, and its session goes on. idle-timeout is none of a transfer's business."""

import concurrent.futures
import os
import select
import signal
import socket
import time

import clients
import ftp_backends
import ftp_recorder
import ftp_wire
import pytest

IDLE_S = 1
STALL_S = 2
LASTS_S = 2 * STALL_S  # a few hours, at another scale
SILENCE_S = 3 * IDLE_S
PACE_S = 0.2
PIECE = b"x" * 100


def hasty(configuration, backend):
    return configuration.listener("hasty", "ftps", backend.port, stall_timeout=f"{STALL_S}s")


def silence():
    """A dump that computes, a file that comes from tape: nothing is wrong."""
    select.select([], [], [], SILENCE_S)


def send_late(data):
    silence()
    data.sendall(PIECE)


@pytest.fixture(scope="module")
def tape():
    backend = ftp_recorder.Recorder()
    backend.doings["RETR"] = lambda talk, _: talk.transfer(send_late)
    yield backend
    backend.stop()


@pytest.fixture(scope="module")
def gate(gate_running, pyftpd, tape):
    clients.make_file(pyftpd.files / "large", 20 << 20)
    idle = {"idle_timeout": f"{IDLE_S}s"}

    def prepare(configuration):
        return {"hasty": hasty(configuration, pyftpd),
                "patient": configuration.listener("patient", "ftps", pyftpd.port, **idle),
                "for-ever": configuration.listener("for-ever", "ftps", pyftpd.port, stall_timeout="0", **idle),
                "tape": configuration.listener("tape", "ftps", tape.port, **idle)}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture
def own_backend(own_folder):
    made = ftp_backends.Pyftpd(own_folder / "its-own")
    yield made
    made.process.send_signal(signal.SIGCONT)
    made.stop()


@pytest.fixture
def connect(gate, pki, pyftpd, tape):
    with ftp_wire.logins(pki) as login:
        yield lambda listener="hasty": login(gate.ports[listener], tape if listener == "tape" else pyftpd)


def for_a_long_time(step):
    """The clients' own slowness is what is tested."""
    end = time.monotonic() + LASTS_S
    while time.monotonic() < end:
        step()
        select.select([], [], [], PACE_S)


def slow_upload(wire):
    data = wire.open_data("STOR in/slow")
    sent = []

    def step():
        data.sendall(PIECE)
        sent.append(PIECE)

    for_a_long_time(step)
    data.unwrap()
    assert wire.reply()[0] == 226
    return b"".join(sent)


def slow_download(wire):
    """A kernel with a large buffer tells of room in it only now and then: this one is small."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    plain.settimeout(ftp_wire.LIMIT_S)
    plain.connect(("127.0.0.1", wire.passive()))
    wire.send("RETR in/large")
    data = wire.wrap_data(plain)
    assert wire.reply()[0] in (125, 150)
    for_a_long_time(lambda: data.recv(16384))
    ftp_wire.receive_all(data)
    assert wire.reply()[0] == 226


def test_slow_transfers_outlast_every_timeout(connect, pyftpd):
    wires = connect(), connect()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        up, down = pool.submit(slow_upload, wires[0]), pool.submit(slow_download, wires[1])
        down.result()
        assert (pyftpd.files / "slow").read_bytes() == up.result()
    assert all(wire.say("NOOP")[0] == 200 for wire in wires)


def upload_with_a_pause(wire, name):
    data = wire.open_data(f"STOR in/{name}")
    data.sendall(b"1")
    silence()
    data.sendall(b"2")
    data.unwrap()
    assert wire.reply()[0] == 226


def download_from_tape(wire, _):
    data = wire.open_data("RETR tape")
    assert ftp_wire.receive_all(data) == PIECE
    assert wire.reply()[0] == 226


def test_a_pause_longer_than_idle_timeout_ends_no_transfer(connect, pyftpd):
    """Also where no timeout at all counts."""
    ways = {"patient": upload_with_a_pause, "for-ever": upload_with_a_pause, "tape": download_from_tape}
    wires = {name: connect(name) for name in ways}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: ways[name](wires[name], name), ways))
    assert [(pyftpd.files / name).read_bytes() for name in ("patient", "for-ever")] == [b"12", b"12"]
    assert all(wire.say("NOOP")[0] == 200 for wire in wires.values())


def stop_sending(wire):
    data = wire.open_data("STOR in/stalled")
    data.sendall(PIECE)
    return data


def stop_reading(wire):
    data = wire.open_data("RETR in/large")
    assert data.recv(1000)
    return data


@pytest.mark.parametrize("stall", [stop_sending, stop_reading])
def test_where_nothing_moves_the_transfer_is_426(connect, gate, stall):
    wire = connect()
    seen = len(gate.log("transfer", reason="stall-timeout"))
    data = stall(wire)
    assert wire.reply()[0] == 426
    line = gate.wait_for("transfer", reason="stall-timeout", count=seen + 1)
    assert int(line["ms"]) >= STALL_S * 1000
    with pytest.raises(ftp_wire.CUT):
        while True:
            if not data.recv(1 << 20):
                break
            data.sendall(PIECE)
    assert wire.say("NOOP")[0] == 200
    ftp_wire.receive_all(wire.open_data("LIST"))
    assert wire.reply()[0] == 226


def test_a_backend_may_take_its_time_for_the_last_word(make_gate, configuration, pki, own_backend):
    """Virus scanners and archives do; the client has nothing left to send."""
    port = hasty(configuration, own_backend)
    make_gate(configuration).start()
    wire = ftp_wire.Wire(pki, port, implicit=True)
    wire.reply()
    wire.login(own_backend)
    data = wire.open_data("STOR in/scanned")
    own_backend.process.send_signal(signal.SIGSTOP)
    data.sendall(PIECE)
    data.unwrap()
    readable, _, _ = select.select([wire.socket], [], [], 1.5 * STALL_S)
    assert not readable, wire.reply()
    own_backend.process.send_signal(signal.SIGCONT)
    assert wire.reply()[0] == 226
    assert (own_backend.files / "scanned").read_bytes() == PIECE
    wire.close()


def test_time_in_which_the_machine_stood_still_is_nobody_s_silence(connect, gate, pyftpd):
    """A virtual machine that is moved to another host, with the client's side of the network paused as well."""
    wire = connect()
    data = wire.open_data("STOR in/paused")
    data.sendall(PIECE)
    select.select([wire.socket], [], [], STALL_S / 2)  # some of the silence is real
    workers = gate.pids("worker")
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        select.select([wire.socket], [], [], 1.5 * STALL_S)
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
    assert wire.say("STAT")[0] == 211
    data.sendall(PIECE)
    data.unwrap()
    assert wire.reply()[0] == 226
    assert (pyftpd.files / "paused").read_bytes() == 2 * PIECE
