"""Two keystores: while the token of one hangs, fails or is away, under load, handshakes with keys of the other stay as
quick as ever, and established connections and resumptions notice nothing on either."""

import clients
import load
import metrics_page
import pytest
import softhsm
import tls_wire
import waiting

CLIENTS = 4  # of each listener
ENOUGH = 40  # handshakes on the listener that must not suffer
HEALED_WITHIN_S = 15
QUICK_S = 1.5  # less than sign-timeout: nobody waited for the other token's deadline
SIGN_TIMEOUT = "2s"
FLOOD = 16  # more than the signers of a slow token take at once


@pytest.fixture
def gate(make_gate, configuration, echo, token, sick):
    configuration.keystores[0].update(module=sick.module, sign_timeout=SIGN_TIMEOUT)
    configuration.keystore("calm", token=f"pkcs11:token={token.name}", signers=2, module=softhsm.MODULE)
    ports = {"sick": configuration.listener("sick", "tls", echo.port, keys=["ec"]),
             "calm": configuration.listener("calm", "tls", echo.port, keys=["ec"], keystore="calm"),
             "admin": metrics_page.add(configuration)}
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
    stay = {"echo": load.Task(load.established_echo, pki, gate.ports["sick"]),
            "resumed": load.Task(load.resumed_handshakes, pki, gate.ports["sick"], 1)}
    storm = load.Task(load.full_handshakes, pki, gate.ports["sick"], CLIENTS)
    waiting.until(lambda: storm.done.value >= CLIENTS, "a crowd")
    sick.says(*words)
    calm = load.Task(load.full_handshakes, pki, gate.ports["calm"], CLIENTS)
    waiting.until(lambda: calm.done.value >= ENOUGH, "the calm keystore")
    attempts = calm.end()
    suffered = {"full": storm.end(), **{name: task.end() for name, task in stay.items()}}
    longest_s = load.longest_wait_s(attempts)
    load.show(f"one keystore: {words[0]}", suffered, f"the other: {len(attempts)}", f"failed: {load.failures(attempts)}",
              f"longest: {longest_s * 1000:.0f} ms")
    assert load.failures(suffered["full"]), "the token was not sick"
    assert load.failures(attempts) == 0
    assert longest_s < QUICK_S
    load.assert_undisturbed(suffered, stay, QUICK_S)
    sick.says()
    waiting.until(lambda: tls_wire.full_handshake(context, gate.ports["sick"]), "the sick token to heal", HEALED_WITHIN_S)


def waiting_at(gate, keystore):
    return metrics_page.read(gate.ports["admin"])[f'p11gate_sign_queue{{keystore="{keystore}"}}']


def test_who_waits_for_a_slow_token_is_counted_there(gate, pki, sick):
    """A flood: those who wait for their turn are seen at the one keystore, and nobody waits at the other."""
    sick.says("delay_ms 300")
    storm = load.Task(load.full_handshakes, pki, gate.ports["sick"], FLOOD)
    waiting.until(lambda: waiting_at(gate, "edge") > 0, "the queue to be seen")
    calm = load.Task(load.full_handshakes, pki, gate.ports["calm"], 1)
    waiting.until(lambda: calm.done.value >= ENOUGH, "the calm keystore")
    waiting.until(lambda: waiting_at(gate, "edge") > 0 and waiting_at(gate, "calm") == 0, "a queue at one of them only")
    attempts = calm.end()
    assert not load.failures(attempts)
    storm.end()
    sick.says()
    waiting.until(lambda: waiting_at(gate, "edge") == 0, "the queue to end")
