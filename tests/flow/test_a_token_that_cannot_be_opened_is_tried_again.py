"""Signers that hang or crash before their login: replaced with back-off, and said once, not at each try."""

import clients
import pytest
import tls_wire
import waiting
from sick_token import SickToken

OPENING_S = 15  # what a signer has for C_Initialize and C_OpenSession
SLACK_S = 15
TRIES = 3  # before a keystore is called faulty


@pytest.fixture
def sick(own_folder):
    return SickToken(own_folder / "fake")


@pytest.fixture
def gate(make_gate, configuration, echo, token, sick):
    configuration.keystores[0].update(module=sick.module)
    port = configuration.listener("ec", "tls", echo.port, keys=["ec"])
    gate = make_gate(configuration, {**token.environment, **sick.environment})
    gate.ports = port
    return gate


def heals(gate, sick, pki):
    sick.says()
    assert gate.wait_for("keystore-up")
    waiting.until(lambda: tls_wire.full_handshake(clients.client_context(pki), gate.ports), "a full handshake")


def test_one_that_hangs_is_killed_after_15_seconds(gate, sick, pki):
    sick.says("hang C_OpenSession")
    gate.start(ready=False)
    killed = gate.wait_for("child-kill", OPENING_S + SLACK_S, process="signer")
    assert "open its token" in killed["reason"]
    heals(gate, sick, pki)


def test_one_that_crashes_is_said_once(gate, sick, pki):
    sick.says("crash C_Initialize")
    gate.start()
    waiting.until(lambda: gate.log("keystore-faulty"), "the trouble to be said")
    tried = gate.pids("signer")
    gate.until_pids("signer", lambda pids: pids and pids != tried)
    heals(gate, sick, pki)
    assert len(gate.log("keystore-faulty")) == len(gate.log("keystore-up")) == 1
    assert len(gate.log("child-exit", process="signer")) <= TRIES
