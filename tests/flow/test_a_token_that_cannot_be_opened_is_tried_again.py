"""Signers that hang or crash before they can sign: replaced with back-off, and said once, not at each try. While nobody can
sign, clients are told so (P5)."""

import os
import signal

import clients
import control
import ftp_wire
import pytest
import tls_wire
import waiting
from sick_token import SickToken

OPENING_S = 15  # what a signer has for C_Initialize and C_OpenSession
SLACK_S = 15
TRIES = 3  # before a keystore is called faulty
SIGN_TIMEOUT_S = 1


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


def kill_signers(gate, count):
    for pid in gate.pids("signer")[:count]:
        os.kill(pid, signal.SIGKILL)


def seconds(line):
    return float(line["time"].rstrip("Z").rsplit(":", 1)[1])


@pytest.mark.parametrize("function", ["C_OpenSession", "C_Login"])
def test_when_all_hang_nobody_can_sign(make_gate, configuration, pyftpd, token, sick, pki, function):
    """Which is known before one of them has been killed for it, and not when they are only replaced."""
    configuration.keystores[0].update(module=sick.module, sign_timeout=f"{SIGN_TIMEOUT_S}s")
    port = configuration.listener("ftp", "ftp", pyftpd.port, keys=["ec"])
    gate = make_gate(configuration, {**token.environment, **sick.environment}).start()
    gate.wait_for("signer-ready", count=2)
    sick.says(f"hang {function}")
    kill_signers(gate, 2)
    said = gate.wait_for("keystore-faulty")
    assert (said["ready"], len(gate.log("child-kill"))) == ("0", 0)
    gone = gate.log("child-exit", process="signer")[1]
    assert (seconds(said) - seconds(gone)) % 60 > SIGN_TIMEOUT_S
    assert not control.status(gate)["keystores"][0]["can_sign"]
    waiting.until(lambda: ftp_wire.auth_reply(pki, port) == 431, "the workers to know")
    sick.says()
    gate.wait_for("keystore-up", count=2)
    waiting.until(lambda: ftp_wire.auth_reply(pki, port) == 234, "the workers to know")
    assert len(gate.log("keystore-faulty")) == 1


def test_a_recovery_is_said_when_all_can_sign_again(gate, sick, pki):
    gate.start()
    gate.wait_for("signer-ready", count=2)
    for count in (1, 2):
        sick.says("crash C_Initialize")
        kill_signers(gate, 1)
        assert gate.wait_for("keystore-faulty", count=count)["ready"] == "1"
        assert tls_wire.full_handshake(clients.client_context(pki), gate.ports)
        sick.says()
        assert gate.wait_for("keystore-up", count=1 + count)["ready"] == "2"
    assert len(gate.log("keystore-faulty")) == 2 and not gate.log("keystore-down")


def test_the_last_one_that_goes_is_said(gate, sick, pki):
    gate.start()
    gate.wait_for("signer-ready", count=2)
    sick.says("crash C_Initialize")
    kill_signers(gate, 1)
    gate.wait_for("keystore-faulty")
    kill_signers(gate, 2)
    assert gate.wait_for("keystore-down")["ready"] == "0"
    assert not tls_wire.full_handshake(clients.client_context(pki), gate.ports)
    sick.says()
    assert gate.wait_for("keystore-up", count=2)
    waiting.until(lambda: tls_wire.full_handshake(clients.client_context(pki), gate.ports), "a full handshake")
