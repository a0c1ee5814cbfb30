"""A signer inside a login is not killed before the deadline of that login, whatever sign-timeout is and whatever p11gate
is told meanwhile (TRAPS 9): a software token may be lost otherwise. Keys that want the PIN each time log in for each
signature."""

import signal
import threading

import clients
import control
import pytest
import spied_token
import tls_wire
import waiting

LOGIN_MS = 3500  # longer than sign-timeout and 1 s, and than what a signer that stops has without a login
DRAINED_LOGIN_MS = 6000  # a generation ends when its sessions have
OK = 0


@pytest.fixture
def spied(own_folder):
    return spied_token.SpiedToken(own_folder / "fake")


@pytest.fixture
def gate(make_gate, configuration, own_token, spied, pki, echo):
    own_token.add_key_that_asks(pki, "ec", "each-time", "21")
    configuration.keystores[0].update(module=spied_token.SPY, signers=2, sign_timeout="1s")
    port = configuration.listener("raw", "tls", echo.port, key_alias=["each-time"],
                                  certificate_file=[pki.server_files["ec"][0]], handshake_timeout="3s")
    gate = make_gate(configuration, {**own_token.environment, **spied.environment}).start()
    gate.port = port
    gate.wait_for("signer-ready", count=2)
    assert tls_wire.full_handshake(clients.client_context(pki), port)
    return gate


class Login:
    """One that takes so long, for a handshake that is refused meanwhile, as is another that waits for its turn."""

    def __init__(self, gate, spied, pki, ms):
        self.spied, self.before = spied, spied.logins()
        spied.says(f"delay_ms {ms} C_Login")
        self.partners = [threading.Thread(target=tls_wire.full_handshake, args=(clients.client_context(pki), gate.port))
                         for _ in range(2)]
        for partner in self.partners:
            partner.start()
        # The one has begun, the other waits for its turn. What pkcs11-spy writes of a call is to be read when it is over.
        waiting.until(lambda: control.status(gate)["keystores"][0]["signers"].get("logging_in") == 2, "both signers")
        assert spied.logins() == self.before
        spied.says()

    def ended(self):
        return self.spied.logins() > self.before and not self.spied.unfinished()


def nothing(_gate, _configuration):
    """Time passes."""


def a_term(gate, _configuration):
    gate.signal(signal.SIGTERM)


def two_terms(gate, _configuration):
    gate.signal(signal.SIGTERM)
    gate.wait_for("stop")
    gate.signal(signal.SIGTERM)
    gate.wait_for("stop", count=2)


def a_reload_that_replaces_the_signers(gate, configuration):
    configuration.keystores[0].update(sign_timeout="900ms")
    gate.path.write_text(configuration.text())
    gate.signal(signal.SIGHUP)


@pytest.mark.parametrize("meanwhile, ms", [(nothing, LOGIN_MS), (a_term, LOGIN_MS), (two_terms, LOGIN_MS),
                                           (a_reload_that_replaces_the_signers, DRAINED_LOGIN_MS)])
def test_no_login_is_cut_off(gate, configuration, spied, pki, meanwhile, ms):
    login = Login(gate, spied, pki, ms)
    meanwhile(gate, configuration)
    waiting.until(login.ended, "the login to end")
    for partner in login.partners:
        partner.join()
    if meanwhile is nothing:
        assert any("logins of other signers" in line["reason"] for line in gate.log("sign-failed"))
        assert not gate.log("child-exit", process="signer")
    if meanwhile in (nothing, a_reload_that_replaces_the_signers):
        waiting.until(lambda: tls_wire.full_handshake(clients.client_context(pki), gate.port), "a handshake")
        gate.signal(signal.SIGTERM)
    assert gate.wait_exit() == OK
    assert not gate.log("child-kill", process="signer")
    assert spied.unfinished() == 0
