"""A handshake with each key type, while no worker has the module mapped or the PIN anywhere in its memory."""

import clients
import pytest
import softhsm
import tls_wire
from process_memory import holds, mappings

KINDS = ("rsa", "ec", "ec384")
MARK = "a greeting that only this p11gate has"


@pytest.fixture
def gate(make_gate, configuration, echo, pyftpd):
    ports = {kind: configuration.listener(f"raw-{kind}", "tls", echo.port, keys=[kind]) for kind in KINDS}
    configuration.listener("greeting", "ftp", pyftpd.port, greeting=MARK)
    gate = make_gate(configuration).start()
    gate.ports = ports
    return gate


def test_every_key_type_signs_on_both_tls_versions(gate, pki):
    for kind in KINDS:
        for tls in ("1.2", "1.3"):
            assert tls_wire.full_handshake(clients.client_context(pki, tls), gate.ports[kind]), (kind, tls)
    workers, signers = gate.pids("worker"), gate.pids("signer")
    assert len(workers) == 2 and len(signers) == 2
    for pid in signers:
        assert "libsofthsm2" in mappings(pid)
    for pid in workers + gate.pids("housekeeper"):
        for library in ("libsofthsm2", "libp11", "p11-kit"):
            assert library not in mappings(pid)
    for pid in workers:
        assert holds(pid, MARK), "the search must be able to find what is there"
        assert not holds(pid, softhsm.PIN)


def test_workers_and_signers_have_users_of_their_own(gate):
    def user(pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return next(line.split()[1:] for line in status if line.startswith("Uid:"))

    workers, signers = {tuple(user(pid)) for pid in gate.pids("worker")}, {tuple(user(pid)) for pid in gate.pids("signer")}
    assert len(workers) == len(signers) == 1 and workers != signers
    assert "0" not in [*workers.pop(), *signers.pop()]


def test_the_pin_is_in_no_command_line_and_no_environment(gate):
    for pid in [gate.process.pid, *gate.children()]:
        for place in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{place}", "rb") as file:
                assert softhsm.PIN.encode() not in file.read()
    assert softhsm.PIN not in gate.text
