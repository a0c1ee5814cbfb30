"""Every client in every way it can: implicit and explicit, TLS 1.2 and 1.3, PASV, EPSV and active mode, on listeners
that want no client certificate, request one, require one. docs/ftp-clients.md is this matrix; it is compared with what
was seen, and written anew with P11GATE_WRITE_DOCS=1."""

import itertools
import os

import clients
import ftp_clients
import gate as gate_module
import pytest

KINDS, TLS, CERTIFICATES = ("implicit", "explicit"), ("1.2", "1.3"), ("none", "request", "require")
PROTOCOLS = {"implicit": "ftps", "explicit": "ftp"}
SIZE = 300 * 1024  # more than a few records, and pget cuts it in three
PAGE = gate_module.SOURCE / "docs/ftp-clients.md"
WORKS = "works"
WAYS = list(itertools.product(KINDS, TLS))
ROWS = list(itertools.product([one.name for one in ftp_clients.CLIENTS], ftp_clients.MODES, CERTIFICATES))
HEAD = [*"""# FTPS clients

What the flow test `every_ftp_client_works` sees: each client uploads a file, gets it back and lists it, through p11gate, in
front of pyftpdlib. The column "certificate" is the listener's `client-certificate`; the client shows one where it is asked.
""".splitlines(), "", "| client | mode | certificate | " + " | ".join(f"{kind}, TLS {tls}" for kind, tls in WAYS) + " |",
        "|---" * (len(WAYS) + 3) + "|"]


@pytest.fixture(scope="module")
def gate(gate_running, pyftpd):
    def prepare(configuration):
        return {(kind, tls, certificate): configuration.listener(
                    f"{kind}-{tls}-{certificate}", PROTOCOLS[kind], pyftpd.port, tls_versions=tls,
                    client_certificate=certificate)
                for kind, tls, certificate in itertools.product(KINDS, TLS, CERTIFICATES)}

    with gate_running(prepare) as made:
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


@pytest.mark.parametrize("mode", ftp_clients.MODES)
@pytest.mark.parametrize("tls", TLS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_goes_and_comes_back(gate, client, sample, seen, tmp_path, kind, tls, mode):
    for certificate in CERTIFICATES:
        cell = ftp_clients.Cell(kind, tls, mode, certificate, gate.ports[kind, tls, certificate])
        why_not = client.reason_why_not(cell)
        if not why_not:
            name = f"{client.name.replace(' ', '-').replace(',', '')}-{kind}-{tls}-{mode}-{certificate}"
            back = tmp_path / name
            client.transfer(cell, sample, name, back)
            assert clients.digest(back) == clients.digest(sample)
            assert clients.digest(client.backend.files / name) == clients.digest(sample)
        seen[client.name, mode, certificate, kind, tls] = why_not or WORKS


def rows(seen):
    """Of the page: one for each client, mode and kind of listener that was run in every way."""
    made = []
    for row in ROWS:
        cells = [seen.get((*row, *way)) for way in WAYS]
        if all(cells):
            made.append("| " + " | ".join((*row, *cells)) + " |")
    return made


def test_the_page_tells_what_was_seen(seen):
    made = rows(seen)
    assert made, "nothing was run in every way"
    if os.environ.get("P11GATE_WRITE_DOCS"):
        PAGE.write_text("\n".join([*HEAD, *made, ""]))
    page = PAGE.read_text().splitlines()
    assert set(made) <= set(page)
    assert len(page) == len(HEAD) + len(ROWS)
