"""FTP transfers that are empty, early, late, given up or aborted (F11, F14 to F17)."""

import hashlib

import clients
import ftp_wire
import pytest
import waiting

HUGE_BYTES = 50 << 20  # more than every buffer on the way
FLUSH_LIMIT_MS = 5000  # how long p11gate waits for a client that acknowledges nothing
SMALL = b"a small file\n" * 8000


@pytest.fixture(scope="module")
def gate(gate_running, ftp_backend):
    def prepare(configuration):
        port = ftp_backend.port
        return {"strict": configuration.listener("strict", "ftps", port),
                "clear-data": configuration.listener("clear-data", "ftps", port, require_data_tls=False)}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture(scope="module")
def huge(ftp_backend):
    return clients.make_file(ftp_backend.files / "huge", HUGE_BYTES)


@pytest.fixture(scope="module")
def small(ftp_backend):
    (ftp_backend.files / "small").write_bytes(SMALL)


@pytest.fixture
def connect(gate, pki, ftp_backend):
    """connect(listener) -> a control connection behind its login."""
    with ftp_wire.logins(pki) as login:
        yield lambda listener="strict", **options: login(gate.ports[listener], ftp_backend, **options)


@pytest.fixture
def wire(connect):
    return connect()


@pytest.fixture
def clear_wire(connect):
    made = connect("clear-data", protect=False)
    assert made.say("PBSZ 0")[0] == 200
    assert made.say("PROT C")[0] == 200
    return made


def works(wire):
    """A whole transfer, in a session that has seen trouble."""
    ftp_wire.receive_all(wire.open_data("LIST"))
    return wire.reply()[0] == 226


def begins(wire, command):
    return wire.say(command)[0] in (125, 150)


# ---- nothing to carry, and ends that come early or late ----

def test_an_empty_file_goes_up(wire, ftp_backend):
    wire.open_data("STOR in/empty-up").unwrap()
    assert wire.reply()[0] == 226
    assert (ftp_backend.files / "empty-up").read_bytes() == b""


def test_an_empty_file_comes_down(wire, ftp_backend):
    (ftp_backend.files / "empty").touch()
    assert wire.open_data("RETR in/empty").recv(10) == b""
    assert wire.reply()[0] == 226


def test_an_upload_may_be_over_before_its_command(wire, ftp_backend):
    """F17: TLS begins when the client connects, whether or not there is a command."""
    data = wire.wrap_data(wire.connect_data(wire.passive()))
    data.sendall(b"early")
    ftp_wire.say_end(data)
    assert begins(wire, "STOR in/early")
    assert wire.reply()[0] == 226
    assert (ftp_backend.files / "early").read_bytes() == b"early"


def test_a_download_may_be_over_before_the_client_connects(wire, ftp_backend):
    """F14: the backend's 226 waits until the client has its end."""
    (ftp_backend.files / "short").write_bytes(b"short")
    port = wire.passive()
    assert begins(wire, "RETR in/short")
    data = wire.wrap_data(wire.connect_data(port))
    assert ftp_wire.receive_all(data) == b"short"
    assert wire.reply()[0] == 226


def test_a_refused_download_ends_its_data_connection_cleanly(wire):
    """F17: 550 without a byte of data."""
    data = wire.wrap_data(wire.connect_data(wire.passive()))
    # In TLS 1.3 a client believes that the handshake is done before the server does; a server that refuses at once
    # may be quicker than that.
    assert wire.say("NOOP")[0] == 200
    assert wire.say("RETR in/nothing")[0] == 550
    assert data.recv(10) == b""
    assert works(wire)


def close_only(data):
    data.close()


def unwrap_and_close(data):
    data.unwrap()
    data.close()


def reset(data):
    ftp_wire.linger_zero(data)
    data.close()


@pytest.mark.parametrize("leave", [close_only, unwrap_and_close, reset])
def test_a_client_that_knows_the_size_may_leave_when_it_has_everything(connect, gate, ftp_backend, leave):
    """F14: nobody waits for what such a client does not read any more."""
    name = f"known-{leave.__name__}"
    (ftp_backend.files / name).write_bytes(SMALL)
    wire = connect()
    data = wire.open_data(f"RETR in/{name}")
    received = b""
    while len(received) < len(SMALL):
        received += data.recv(65536)
    leave(data)
    assert received == SMALL
    assert wire.reply()[0] == 226
    assert int(gate.wait_for("transfer", path=f"in/{name}", code=226)["ms"]) < FLUSH_LIMIT_MS


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_the_session_of_the_control_connection_never_runs_out(connect, small, ftp_backend, tls):
    """F16: fresh tickets come before the client has used up the old ones."""
    wire = connect(tls=tls)
    for turn in range(25):
        data = wire.open_data(f"STOR in/turn-{tls}")
        assert data.session_reused, turn
        data.sendall(b"%d" % turn)
        data.unwrap()
        assert wire.reply()[0] == 226
        data = wire.open_data("RETR in/small")
        assert data.session_reused, turn
        assert ftp_wire.receive_all(data) == SMALL
        assert wire.reply()[0] == 226


# ---- in the middle of a transfer ----

def test_stat_is_answered_during_a_transfer(wire, huge):
    """F11: by p11gate itself."""
    data = wire.open_data("RETR in/huge")
    assert data.recv(1000)
    assert wire.say("STAT")[0] == 211


def test_other_commands_wait_in_order_for_the_end_of_the_transfer(wire, huge):
    """F11: more of them than p11gate keeps in its queue."""
    data = wire.open_data("RETR in/huge")
    wire.socket.sendall(b"NOOP\r\n" * 100 + b"PWD\r\n")
    assert hashlib.sha256(ftp_wire.receive_all(data)).hexdigest() == clients.digest(huge)
    assert [wire.reply()[0] for _ in range(102)] == [226] + [200] * 100 + [257]


def test_abor_behind_telnet_signs_ends_the_transfer(wire, gate, huge):
    """F11: 426 for the transfer and 226 for ABOR, and the client sees that its file is not whole."""
    data = wire.open_data("RETR in/huge")
    assert data.recv(1000)
    wire.socket.sendall(b"\xff\xf4\xff\xf2ABOR\r\n")
    assert [wire.reply()[0], wire.reply()[0]] == [426, 226]
    with pytest.raises(ftp_wire.CUT):
        ftp_wire.receive_all(data)
    session = gate.wait_for("session-begin", client=wire.client)["session"]
    assert gate.wait_for("transfer", session=session, code=426, reason="aborted")
    assert works(wire)


def test_abor_without_a_transfer_is_226(wire):
    assert wire.say("ABOR")[0] == 226


def test_a_download_that_the_client_gives_up_is_426(wire, huge):
    data = wire.open_data("RETR in/huge")
    assert data.recv(1000)
    data.close()
    assert wire.reply()[0] == 426
    assert works(wire)


def test_an_upload_ends_with_its_control_connection(wire, gate, ftp_backend):
    """F15: what the backend has of it is no complete file."""
    name = "widowed"
    data = wire.open_data(f"STOR in/{name}")
    data.sendall(SMALL)
    waiting.until(lambda: (ftp_backend.files / name).stat().st_size, "the upload to be under way")
    wire.close()
    assert gate.wait_for("transfer", path=f"in/{name}", code=0, reason="client-cut")
    with pytest.raises(ftp_wire.CUT):
        data.recv(1)
    if hasattr(ftp_backend, "verdict"):
        assert ftp_backend.verdict(name) == "incomplete"


# ---- where the listener allows data in clear ----

def test_a_clear_upload_is_complete_when_it_ends(clear_wire, ftp_backend):
    with clear_wire.connect_data(clear_wire.passive()) as data:
        assert begins(clear_wire, "STOR in/clear-up")
        data.sendall(b"no secret")
    assert clear_wire.reply()[0] == 226
    assert (ftp_backend.files / "clear-up").read_bytes() == b"no secret"


def test_a_clear_upload_that_is_reset_is_426(clear_wire, ftp_backend):
    """F15: the one cut that clear data can show."""
    data = clear_wire.connect_data(clear_wire.passive())
    assert begins(clear_wire, "STOR in/clear-cut")
    data.sendall(b"no secret")
    reset(data)
    assert clear_wire.reply()[0] == 426
    if hasattr(ftp_backend, "verdict"):
        assert ftp_backend.verdict("clear-cut") == "incomplete"


def test_a_clear_download_comes_whole(clear_wire, small):
    data = clear_wire.connect_data(clear_wire.passive())
    assert begins(clear_wire, "RETR in/small")
    assert ftp_wire.receive_all(data) == SMALL
    data.close()
    assert clear_wire.reply()[0] == 226
