"""A token that counts wrong PINs in silence, without a flag: all signers together try one once, also those of several
keystores, however these name the token, and with keys that want the PIN for each signature (P4)."""

import os
import re
import signal
import threading

import clients
import pytest
import softhsm
import spied_token
import tls_wire
import waiting

PIN_REFUSED = 77
SIGNERS = 4
NEW_PIN = "4712-another-PIN"


@pytest.fixture
def spied(own_folder):
    made = spied_token.SpiedToken(own_folder / "fake")
    made.says("flag NONE")
    return made


@pytest.fixture
def prepared(make_gate, configuration, own_token, spied, pki, echo):
    """prepared(names) -> a gate that is not started, with a keystore and a listener for each name of the token."""
    def make(names, **options):
        ports = []
        configuration.keystores.clear()
        for number, name in enumerate(names):
            alias = f"keystore-{number}"
            configuration.keystore(alias, module=spied_token.SPY, token=name, signers=SIGNERS)
            listener = {"keystore": alias, "keys": ["ec"], **options}
            ports.append(configuration.listener(f"raw-{number}", "tls", echo.port, **listener))
        gate = make_gate(configuration, {**own_token.environment, **spied.environment})
        gate.ports = ports
        return gate
    return make


def serial(token):
    return re.search(r"serial num\s*: (\S+)", token.flags()).group(1)


def two_names(token):
    return {"one keystore": [f"pkcs11:token={token.name}"],
            "two keystores": [f"pkcs11:token={token.name}"] * 2,
            "two names": [f"pkcs11:token={token.name}", f"pkcs11:serial={serial(token)}"]}


NAMES = ["one keystore", "two keystores", "two names"]


def change_pin(token):
    token.run("pkcs11-tool", "--module", softhsm.MODULE, "--token-label", token.name, "--login", "--pin", softhsm.PIN,
              "--change-pin", "--new-pin", NEW_PIN)
    token.give_to_signer()


@pytest.mark.parametrize("options", [[], ["-t"]], ids=["run", "check"])
@pytest.mark.parametrize("names", NAMES)
def test_at_the_start(prepared, own_token, spied, names, options):
    change_pin(own_token)
    gate = prepared(two_names(own_token)[names])
    gate.start(*options, ready=False)
    assert gate.wait_exit() == PIN_REFUSED
    assert spied.refused_logins() == spied.logins() == 1


@pytest.mark.parametrize("names", NAMES)
def test_while_it_runs(prepared, own_token, spied, names):
    keystores = two_names(own_token)[names]
    gate = prepared(keystores).start()
    gate.wait_for("signer-ready", count=SIGNERS * len(keystores))
    change_pin(own_token)
    for pid in gate.pids("signer"):
        os.kill(pid, signal.SIGKILL)
    gate.wait_for("keystore-pin-refused", count=len(keystores))
    waiting.until(lambda: not gate.pids("signer"), "no signer to be left")
    assert spied.refused_logins() == 1


@pytest.mark.parametrize("names", NAMES)
def test_of_a_key_that_wants_it_each_time(prepared, own_token, spied, pki, names):
    """Every signer is asked at the same moment."""
    own_token.add_key_that_asks(pki, "ec", "each-time", "21")
    keystores = two_names(own_token)[names]
    gate = prepared(keystores, key_alias=["each-time"], certificate_file=[pki.server_files["ec"][0]]).start()
    gate.wait_for("signer-ready", count=SIGNERS * len(keystores))
    assert all(tls_wire.full_handshake(clients.client_context(pki), port) for port in gate.ports)
    spied.says("flag NONE", "fail C_Login 1000 CKR_PIN_INCORRECT", "delay_ms 200 C_Login")
    partners = [threading.Thread(target=tls_wire.full_handshake, args=(clients.client_context(pki), port))
                for port in gate.ports for _ in range(3 * SIGNERS)]
    for partner in partners:
        partner.start()
    gate.wait_for("keystore-pin-refused", count=len(keystores))
    waiting.until(lambda: not gate.pids("signer"), "every signer to be asked")
    for partner in partners:
        partner.join()
    assert spied.refused_logins() == 1
