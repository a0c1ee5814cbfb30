"""The PIN from a file that nobody else can read, from a credential of systemd, or typed once at the terminal that p11gate
is started from."""

import os
import shutil
import signal

import clients
import control
import pytest
import softhsm
import tls_wire
import waiting
from terminal import Terminal, is_silent

CREDENTIAL = "edge-pin"


@pytest.fixture
def without_pin(make_gate, configuration, echo, token):
    """A gate that is not started, and whose keystore names no PIN."""
    del configuration.keystores[0]["pin_file"]
    port = configuration.listener("raw", "tls", echo.port, keys=["ec"])

    def make(environment=None, **options):
        configuration.keystores[0].update(options)
        gate = make_gate(configuration, {**token.environment, **(environment or {})})
        gate.ports = port
        return gate

    return make


def open_to_all(path):
    path.chmod(0o644)
    return f"is open to group or others (mode 0644): chmod 600 {path}"


def somebody_elses(path):
    shutil.chown(path, "nobody")
    return f"it must belong to root or to signer-user (chown root {path})"


def put_right(path):
    path.chmod(0o600)
    shutil.chown(path, "root")


@pytest.mark.parametrize("spoil", [open_to_all, somebody_elses])
@pytest.mark.parametrize("options", [[], ["-t"]], ids=["run", "check"])
def test_a_pin_file_that_others_can_reach_is_refused_at_the_start(make_gate, configuration, echo, spoil, options):
    configuration.listener("raw", "tls", echo.port)
    gate = make_gate(configuration)
    said = spoil(configuration.pin_file)
    assert gate.start(*options, ready=False).wait_exit() == 1
    assert said in gate.text and "p11gate.conf:" in gate.text and softhsm.PIN not in gate.text


def test_a_pin_file_that_others_can_reach_changes_nothing_at_a_reload(make_gate, configuration, echo, pki):
    port = configuration.listener("raw", "tls", echo.port)
    gate = make_gate(configuration).start()
    gate.wait_for("signer-ready", count=2)
    before = gate.children()
    for number, spoil in enumerate((open_to_all, somebody_elses), 1):
        said = spoil(configuration.pin_file)
        assert said in control.reload_fails(gate)
        assert said in gate.wait_for("reload-failed", count=number)["reason"]
        put_right(configuration.pin_file)
        assert gate.children() == before
        assert tls_wire.full_handshake(clients.client_context(pki), port)
    control.reload(gate)
    assert softhsm.PIN not in gate.text


@pytest.fixture
def credentials(own_folder):
    """What systemd makes: a folder with a file that belongs to root."""
    folder = own_folder / "credentials"
    folder.mkdir(mode=0o700)
    file = folder / CREDENTIAL
    file.write_text(softhsm.PIN)
    file.chmod(0o400)
    return folder


@pytest.mark.parametrize("mode", [0o400, 0o440])
def test_a_credential_is_read(without_pin, credentials, pki, mode):
    (credentials / CREDENTIAL).chmod(mode)
    gate = without_pin({"CREDENTIALS_DIRECTORY": str(credentials)}, pin_credential=CREDENTIAL).start()
    assert tls_wire.full_handshake(clients.client_context(pki), gate.ports)
    assert softhsm.PIN not in gate.text
    control.reload(gate)


@pytest.mark.parametrize("mode, folder, said", [
    (0o444, True, "open to group or others"),
    (0o460, True, "open to group or others"),
    (None, True, "No such file"),
    (0o400, False, "LoadCredential=edge-pin"),
])
def test_a_credential_that_is_no_good_is_explained(without_pin, credentials, mode, folder, said):
    if mode:
        (credentials / CREDENTIAL).chmod(mode)
    else:
        (credentials / CREDENTIAL).unlink()
    gate = without_pin({"CREDENTIALS_DIRECTORY": str(credentials) if folder else ""}, pin_credential=CREDENTIAL)
    gate.start(ready=False)
    assert gate.wait_exit() == 1
    assert said in gate.text and 'keystore "edge": pin-credential' in gate.text


def test_without_anything_it_says_what_to_set(without_pin):
    gate = without_pin().start(ready=False)
    assert gate.wait_exit() == 1
    assert "pin-file" in gate.text


def test_a_person_is_asked_once(without_pin, pki):
    gate = without_pin()
    terminal = Terminal(gate)
    waiting.until(lambda: is_silent(terminal), "the echo to be off")
    terminal.types(softhsm.PIN + "\n")
    gate.wait_for("signer-ready", count=2)
    gate.wait_for("ready")
    assert not is_silent(terminal)
    old = gate.pids("signer")
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    gate.until_pids("signer", lambda pids: len(pids) == 2 and not set(pids) & set(old))
    control.reload(gate)
    assert tls_wire.full_handshake(clients.client_context(pki), gate.ports)
    assert softhsm.PIN not in terminal.shown + gate.text
    assert gate.text.count("PIN of keystore") == 1


def test_who_types_nothing_ends_it_and_gets_the_echo_back(without_pin):
    gate = without_pin()
    terminal = Terminal(gate)
    waiting.until(lambda: is_silent(terminal), "the echo to be off")
    gate.signal(signal.SIGINT)
    assert gate.wait_exit() == 1
    assert not is_silent(terminal)
    assert "no PIN was typed" in gate.text
