"""Transfers that run when a reload makes a new generation end whole, up and down, also when drain-timeout is over
meanwhile; their session gets its 421 between transfers, and only when its time is up (F14)."""

import clients
import control
import ftp_wire
import pytest
import waiting

PIECE = bytes(range(256)) * 256
HUGE = 64 * 1024 * 1024  # more than all buffers on its way: it waits for its reader


@pytest.fixture
def start(make_gate, configuration, pyftpd):
    def made(drain_timeout):
        configuration.top["drain_timeout"] = drain_timeout
        port = configuration.listener("ftps", "ftps", pyftpd.port)
        gate = make_gate(configuration).start()
        gate.port, gate.configuration = port, configuration
        return gate

    return made


def session(gate, pki, pyftpd):
    wire = ftp_wire.Wire(pki, gate.port, implicit=True)
    assert wire.reply()[0] == 220
    wire.login(pyftpd)
    assert wire.say("CWD in")[0] == 250
    return wire


def another_generation(gate):
    """Returns when the old one drains."""
    old = gate.pids("worker")
    control.reload(gate)
    # Those that have sessions.
    assert set(old) & set(gate.pids("worker")) and set(gate.pids("worker")) - set(old)
    return old


class Transfers:
    """An upload in one session, a download in another; both stand still until finish()."""

    def __init__(self, gate, pki, pyftpd, folder):
        self.pyftpd, self.folder = pyftpd, folder
        clients.make_file(pyftpd.files / "huge", HUGE)
        self.up, self.down = session(gate, pki, pyftpd), session(gate, pki, pyftpd)
        self.upload = self.up.open_data("STOR slow")
        self.upload.sendall(PIECE)
        self.download = self.down.open_data("RETR huge")

    def finish(self):
        self.upload.sendall(PIECE)
        ftp_wire.say_end(self.upload)
        self.upload.close()
        (self.folder / "back").write_bytes(ftp_wire.receive_all(self.download))
        self.download.close()
        assert self.up.reply()[0] == self.down.reply()[0] == 226
        assert (self.pyftpd.files / "slow").read_bytes() == 2 * PIECE
        assert clients.digest(self.folder / "back") == clients.digest(self.pyftpd.files / "huge")


def test_with_time_left_the_sessions_stay(start, pki, pyftpd, tmp_path):
    gate = start("1h")
    transfers = Transfers(gate, pki, pyftpd, tmp_path)
    idle = session(gate, pki, pyftpd)
    another_generation(gate)
    transfers.finish()
    for wire in (idle, transfers.up, transfers.down):
        assert wire.say("NOOP")[0] == 200
        assert wire.say("QUIT")[0] == 221
        wire.close()
    gate.wait_for("generation-end", generation=1)


def test_with_its_time_up_a_session_ends_between_transfers(start, pki, pyftpd, tmp_path):
    gate = start("1s")
    transfers = Transfers(gate, pki, pyftpd, tmp_path)
    idle = session(gate, pki, pyftpd)
    another_generation(gate)
    # The idle session ends when the time is up; the others are in their transfers then.
    assert idle.reply()[0] == 421
    transfers.finish()
    assert transfers.up.reply()[0] == transfers.down.reply()[0] == 421
    for wire in (idle, transfers.up, transfers.down):
        wire.close()
    gate.wait_for("generation-end", generation=1)
    waiting.until(lambda: gate.log("transfer", reason="done", command="STOR"), "the upload's line")
    fresh = session(gate, pki, pyftpd)
    assert fresh.say("NOOP")[0] == 200
    fresh.close()
