"""A token that is slow, fails, hangs or vanishes: new full handshakes suffer, established connections and
resumptions do not, and everything heals by itself."""

import concurrent.futures

import clients
import ftp_wire
import pytest
import sick_token
import tls_wire
import waiting

HEALED_WITHIN_S = 10
SIGNERS = 2


@pytest.fixture
def sickness(own_folder):
    return sick_token.SickToken(own_folder / "fake")


@pytest.fixture
def prepared(make_gate, configuration, echo, pyftpd, token, sickness):
    """Not started yet: ports and the gate."""
    configuration.keystores[0].update(module=sickness.module, sign_timeout="1s")
    ports = {"rsa": configuration.listener("rsa", "tls", echo.port, keys=["rsa"]),
             "ec": configuration.listener("ec", "tls", echo.port, keys=["ec"]),
             "ftp": configuration.listener("ftp", "ftp", pyftpd.port)}
    gate = make_gate(configuration, {**token.environment, **sickness.environment})
    gate.ports = ports
    return gate


@pytest.fixture
def gate(prepared):
    prepared.start()
    prepared.wait_for("signer-ready", count=SIGNERS)
    return prepared


@pytest.fixture
def established(gate, pki):
    made = tls_wire.Conversation(clients.client_context(pki), gate.ports["ec"])
    assert made.echo(b"before")
    yield made
    made.close()


def handshakes(pki, port, count, tls=None):
    """How many of count that begin together succeed."""
    context = clients.client_context(pki, tls)
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return sum(pool.map(lambda _: tls_wire.full_handshake(context, port), range(count)))


def test_a_slow_token_delays_nobody_else(gate, established, pki, sickness):
    sickness.says("delay_ms 200")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        storm = pool.submit(handshakes, pki, gate.ports["ec"], 4)
        echoed = 0
        while not storm.done():
            assert established.echo(b"meanwhile")
            echoed += 1
        assert storm.result() == 4
    assert echoed > 4


@pytest.mark.parametrize("code", ["CKR_DEVICE_REMOVED", "CKR_SESSION_HANDLE_INVALID", "CKR_GENERAL_ERROR"])
def test_a_signature_that_fails_once_is_made_by_another_signer(gate, established, pki, sickness, code):
    sickness.says(f"fail C_Sign 1 {code}")
    assert handshakes(pki, gate.ports["ec"], 4) == 4
    assert established.echo(b"still here")


def test_a_hung_token_is_replaced_and_heals(gate, established, pki, sickness):
    old = gate.pids("signer")
    sickness.says("hang C_Sign")
    assert handshakes(pki, gate.ports["ec"], 2) == 0
    assert established.echo(b"still here")
    gate.until_pids("signer", lambda pids: pids and not set(pids) & set(old))
    sickness.says()
    waiting.until(lambda: handshakes(pki, gate.ports["ec"], 1), "a full handshake", HEALED_WITHIN_S)


def test_a_token_that_vanishes_is_431_and_comes_back(gate, established, pki, sickness):
    sickness.says("absent")
    # What shows that it is gone is a signature that fails.
    handshakes(pki, gate.ports["ec"], 2)

    def answer():
        wire = ftp_wire.Wire(pki, gate.ports["ftp"])
        assert wire.reply()[0] == 220
        code = wire.say("AUTH TLS")[0]
        wire.close()
        return code

    waiting.until(lambda: answer() == 431, "AUTH to be refused")
    assert established.echo(b"still here")
    sickness.says()
    waiting.until(lambda: answer() == 234, "the token to be found")
    assert handshakes(pki, gate.ports["ec"], 4) == 4


def test_a_wrong_signature_never_leaves(gate, pki, sickness):
    """RSA: a fault in one signature would give the key away."""
    sickness.says("corrupt C_Sign")
    assert handshakes(pki, gate.ports["rsa"], 2) == 0
    assert gate.wait_for("sign-failed")


def test_without_pss_rsa_is_capped_at_tls_1_2(prepared, pki, sickness):
    sickness.says("hide CKM_RSA_PKCS_PSS", "hide CKM_RSA_X_509")
    gate = prepared.start()
    assert gate.wait_for("key-without-pss")
    assert handshakes(pki, gate.ports["rsa"], 1, "1.2") == 1
    assert handshakes(pki, gate.ports["rsa"], 1, "1.3") == 0
    assert handshakes(pki, gate.ports["ec"], 1, "1.3") == 1
