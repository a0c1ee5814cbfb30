"""Every client in every way it can: implicit and explicit, TLS 1.2 and 1.3, PASV, EPSV and active mode, on listeners
that want no client certificate, request one, require one. The first table of docs/ftp-clients.md is this matrix."""

import itertools
import os

import ftp_clients
import ftp_matrix
import ftp_wire
import pytest

SIZE = 300 * 1024  # more than a few records, and pget cuts it in three
ROWS = list(itertools.product([one.name for one in ftp_clients.CLIENTS], ftp_matrix.MODES, ftp_matrix.CERTIFICATES))
TABLE = ftp_matrix.Table("Clients", "In front of pyftpdlib. Test: `every_ftp_client_works`.", ("client", "mode", "certificate"),
                         ROWS)


@pytest.fixture(scope="module")
def gate(gate_running, pyftpd):
    with gate_running(lambda configuration: ftp_matrix.listeners(configuration, pyftpd.port)) as made:
        yield made


@pytest.fixture(scope="module")
def sample(scratch):
    """Without letters that openssl s_client would take for commands (Q, R, K) at the beginning of what it reads."""
    made = scratch / "matrix-sample"
    made.write_text(os.urandom(SIZE // 2).hex())
    return made


@pytest.fixture(scope="module")
def seen():
    """(client, mode, certificate, kind, tls) -> works, or why not."""
    return {}


@pytest.fixture(scope="module", params=ftp_clients.CLIENTS, ids=lambda made: made.name)
def client(request, pki, pyftpd, new_folder):
    made = request.param(pki, pyftpd, new_folder())
    yield made
    if hasattr(made, "stop"):
        made.stop()


@pytest.mark.parametrize("mode", ftp_matrix.MODES)
@pytest.mark.parametrize("tls", ftp_matrix.TLS)
@pytest.mark.parametrize("kind", ftp_matrix.KINDS)
def test_a_file_goes_and_comes_back(gate, client, sample, seen, tmp_path, kind, tls, mode):
    for certificate, what in ftp_matrix.see_all(client, gate, kind, tls, mode, sample, tmp_path).items():
        seen[client.name, mode, certificate, kind, tls] = what


@pytest.mark.parametrize("mode", ftp_matrix.MODES)
def test_no_other_mode_would_have_worked(gate, pki, pyftpd, mode):
    wire = ftp_wire.Wire(pki, gate.ports["implicit", "1.3", mode, "none"], implicit=True)
    assert wire.reply()[0] == 220
    wire.login(pyftpd)
    for command in ("PASV", "EPSV", "PORT 127,0,0,1,200,1", "EPRT |1|127.0.0.1|51201|"):
        assert (wire.say(command)[0] == 502) == (command.split()[0] in ftp_matrix.DENIED[mode]), command
    wire.close()


def test_the_page_tells_what_was_seen(seen):
    TABLE.check(seen)
