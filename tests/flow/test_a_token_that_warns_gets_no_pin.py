"""A token that says that few tries are left, or none, is not logged in to, at the start and while p11gate
runs, unless --force-login is given."""

import os
import shutil
import signal

import clients
import pytest
import sick_token
import softhsm
import tls_wire

OK, PIN_REFUSED = 0, 77
SPY = "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so"
FLAGS = ["COUNT_LOW", "FINAL_TRY", "LOCKED"]


@pytest.fixture
def sick(own_folder):
    return sick_token.SickToken(own_folder / "fake")


@pytest.fixture
def calls(own_folder):
    """What is called, written down by pkcs11-spy, which stands before the sick token."""
    made = own_folder / "calls"
    made.touch()
    shutil.chown(made, softhsm.SIGNER_USER)
    return made


@pytest.fixture
def gate(make_gate, configuration, echo, token, sick, calls):
    configuration.keystores[0].update(module=SPY, signers=1)
    port = configuration.listener("raw", "tls", echo.port, keys=["ec"])
    environment = {**token.environment, **sick.environment, "PKCS11SPY": str(sick.module), "PKCS11SPY_OUTPUT": str(calls)}
    gate = make_gate(configuration, environment)
    gate.port = port
    return gate


def logins(calls):
    return calls.read_text().count("C_Login")


@pytest.mark.parametrize("options", [[], ["-t"]], ids=["run", "check"])
@pytest.mark.parametrize("flag", FLAGS)
def test_no_login_at_the_start(gate, sick, calls, flag, options):
    sick.says(f"flag {flag}")
    gate.start(*options, ready=False)
    assert gate.wait_exit() == PIN_REFUSED, gate.text
    assert logins(calls) == 0
    assert "--force-login" in gate.text and "edge" in gate.text


@pytest.mark.parametrize("flag", FLAGS)
def test_forced_it_is_tried(gate, sick, calls, pki, flag):
    sick.says(f"flag {flag}")
    gate.start("--force-login")
    gate.wait_for("signer-ready")
    assert logins(calls) == 1
    assert tls_wire.full_handshake(clients.client_context(pki), gate.port)


@pytest.mark.parametrize("flag", FLAGS)
def test_no_login_of_a_new_signer_while_it_runs(gate, sick, calls, pki, flag):
    context = clients.client_context(pki)
    gate.start()
    gate.wait_for("signer-ready")
    established = tls_wire.Conversation(context, gate.port)
    sick.says(f"flag {flag}")
    os.kill(gate.pids("signer")[0], signal.SIGKILL)
    assert "--force-login" in gate.wait_for("keystore-pin-refused")["reason"]
    assert not tls_wire.full_handshake(context, gate.port)
    assert established.echo(b"still here")
    assert logins(calls) == 1
    gate.signal(signal.SIGTERM)
    established.close()
    assert gate.wait_exit() == OK
