"""The PIN under load: signers that replace killed ones log in by themselves, wherever the PIN came from; a PIN that the
token refuses by now is tried once by all signers together, one that may be the last is not tried: full handshakes end,
and nobody else notices."""

import os
import signal

import load
import pytest
import sick_token
import softhsm
import terminal
import waiting

CLIENTS = 2
SIGNERS = 3
WARM = 20
CREDENTIAL = "edge-pin"
NEW_PIN = "4712-another-PIN"


@pytest.fixture
def sick(own_folder):
    return sick_token.SickToken(own_folder / "fake")


def from_a_file(_configuration, _folder):
    return {}


def from_a_credential(configuration, folder):
    del configuration.keystores[0]["pin_file"]
    configuration.keystores[0].update(pin_credential=CREDENTIAL)
    credentials = folder / "credentials"
    credentials.mkdir(mode=0o700)
    (credentials / CREDENTIAL).write_text(softhsm.PIN)
    (credentials / CREDENTIAL).chmod(0o400)
    return {"CREDENTIALS_DIRECTORY": str(credentials)}


def from_a_person(configuration, _folder):
    del configuration.keystores[0]["pin_file"]
    return {}


def start(gate, source):
    if source is not from_a_person:
        return gate.start()
    person = terminal.Terminal(gate)
    waiting.until(lambda: terminal.is_silent(person), "the echo to be off")
    person.types(softhsm.PIN + "\n")
    gate.wait_for("ready")
    return gate


class Scene:
    def __init__(self, gate, pki, port):
        self.gate = gate
        self.tasks = {"full": load.Task(load.full_handshakes, pki, port, CLIENTS),
                      "resumed": load.Task(load.resumed_handshakes, pki, port, CLIENTS),
                      "echo": load.Task(load.established_echo, pki, port)}

    def until_more(self, name, count=WARM):
        task = self.tasks[name]
        wanted = task.done.value + count
        waiting.until(lambda: task.done.value >= wanted, f"{count} more of {name}: {self.gate.last_words()}")

    def kill_a_signer(self):
        os.kill(self.gate.pids("signer")[0], signal.SIGKILL)

    def end(self, name):
        attempts = {kind: task.end() for kind, task in self.tasks.items()}
        load.show(name, attempts)
        assert load.failures(attempts["resumed"]) == 0 and load.failures(attempts["echo"]) == 0
        return attempts


@pytest.fixture
def scene(make_gate, configuration, own_token, pki, echo, own_folder, sick):
    made = []

    def begin(source=from_a_file):
        environment = source(configuration, own_folder)
        configuration.keystores[0].update(module=sick.module, signers=SIGNERS)
        port = configuration.listener("raw", "tls", echo.port)
        gate = make_gate(configuration, {**own_token.environment, **sick.environment, **environment})
        start(gate, source)
        gate.wait_for("signer-ready", count=SIGNERS)
        made.append(Scene(gate, pki, port))
        made[-1].until_more("full")
        return made[-1]

    yield begin
    for one in made:
        for task in one.tasks.values():
            task.kill()


@pytest.mark.parametrize("source", [from_a_file, from_a_credential, from_a_person])
def test_new_signers_log_in_by_themselves(scene, source):
    one = scene(source)
    old = one.gate.pids("signer")
    for pid in old:
        os.kill(pid, signal.SIGKILL)
        one.until_more("full")
    one.gate.until_pids("signer", lambda pids: len(pids) == SIGNERS and not set(pids) & set(old))
    one.gate.wait_for("signer-ready", count=2 * SIGNERS)
    assert load.failures(one.end(source.__name__)["full"]) == 0
    assert softhsm.PIN not in one.gate.text


def test_a_pin_that_was_changed_is_tried_once(scene, own_token):
    one = scene()
    own_token.run("pkcs11-tool", "--module", softhsm.MODULE, "--token-label", own_token.name, "--login", "--pin", softhsm.PIN,
                  "--change-pin", "--new-pin", NEW_PIN)
    own_token.give_to_signer()
    for _ in range(SIGNERS):
        one.kill_a_signer()
        if one.gate.pids("signer"):
            one.until_more("echo")
    assert "PIN" in one.gate.wait_for("keystore-pin-refused")["reason"]
    waiting.until(lambda: not one.gate.pids("signer"), "the last signer to be gone")
    one.until_more("resumed")
    one.until_more("echo")
    one.end("the PIN was changed")
    assert len(one.gate.log("keystore-pin-refused")) == 1
    assert "count low" in own_token.flags() and "final try" not in own_token.flags()


@pytest.mark.parametrize("flag", ["COUNT_LOW", "FINAL_TRY", "LOCKED"])
def test_a_warning_token_gets_no_pin(scene, sick, own_token, flag):
    one = scene()
    sick.says(f"flag {flag}")
    one.kill_a_signer()
    one.gate.wait_for("keystore-pin-refused")
    # Those that are logged in go on.
    one.until_more("full")
    one.until_more("resumed")
    assert load.failures(one.end(f"flag {flag}")["full"]) == 0
    assert len(one.gate.pids("signer")) == SIGNERS - 1
    assert "count low" not in own_token.flags()
