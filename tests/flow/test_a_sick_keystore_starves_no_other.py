"""Two keystores: while the token of one hangs, fails or is away, under load, handshakes with keys of the
other stay as quick as ever."""

import clients
import figures
import load
import pytest
import sick_token
import softhsm
import tls_wire
import waiting

CLIENTS = 4  # of each listener
ENOUGH = 40  # handshakes on the listener that must not suffer
HEALED_WITHIN_S = 15
QUICK_S = 1.5  # less than sign-timeout: nobody waited for the other token's deadline
SIGN_TIMEOUT = "2s"


@pytest.fixture
def sick(own_folder):
    made = sick_token.SickToken(own_folder / "fake")
    yield made
    made.says()


@pytest.fixture
def gate(make_gate, configuration, echo, token, sick):
    configuration.keystores[0].update(module=sick.module, sign_timeout=SIGN_TIMEOUT)
    configuration.keystore("calm", token=f"pkcs11:token={token.name}", signers=2, module=softhsm.MODULE)
    ports = {"sick": configuration.listener("sick", "tls", echo.port, keys=["ec"]),
             "calm": configuration.listener("calm", "tls", echo.port, keys=["ec"], keystore="calm")}
    gate = make_gate(configuration, {**token.environment, **sick.environment})
    gate.ports = ports
    gate.start()
    gate.wait_for("signer-ready", count=4)
    return gate


@pytest.mark.parametrize("words", [("hang C_Sign",), ("absent",), ("delay_ms 1900",), ("fail C_Sign 1000 CKR_GENERAL_ERROR",)],
                         ids=["hung", "away", "slow", "failing"])
def test_the_other_keystore_stays_quick(gate, pki, sick, words):
    context = clients.client_context(pki)
    assert tls_wire.full_handshake(context, gate.ports["sick"])
    sick.says(*words)
    storm = load.Task(load.full_handshakes, pki, gate.ports["sick"], CLIENTS)
    gate.wait_for("session-begin", count=2 * CLIENTS, listener="sick")
    calm = load.Task(load.full_handshakes, pki, gate.ports["calm"], CLIENTS)
    waiting.until(lambda: calm.done.value >= ENOUGH, "the calm keystore")
    attempts = calm.end()
    suffered = storm.end()
    longest_s = load.longest_wait_s(attempts)
    figures.show(f"other keystore {words[0]}", len(attempts), load.failures(attempts), f"{longest_s * 1000:.0f} ms at most",
                 f"{load.failures(suffered)} of {len(suffered)} failed on the sick one")
    assert load.failures(attempts) == 0
    assert longest_s < QUICK_S
    sick.says()
    waiting.until(lambda: tls_wire.full_handshake(context, gate.ports["sick"]), "the sick token to heal", HEALED_WITHIN_S)
