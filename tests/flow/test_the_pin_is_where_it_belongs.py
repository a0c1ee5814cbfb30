"""The PIN of each source is in one page of the supervisor that core dumps leave out, nowhere in other processes, and gone
when its keystore is; no process that has had it leaves a core (P4)."""

import pathlib
import shutil

import control
import process_memory
import pytest
import softhsm
import terminal
import waiting

OTHER_PIN = "4713-the-PIN-of-core"
CREDENTIAL = "core-pin"


@pytest.fixture
def other_token(own_folder, pki):
    """With a PIN of its own."""
    made = softhsm.Token(own_folder / "core", pki, "core")
    made.run("pkcs11-tool", "--module", softhsm.MODULE, "--token-label", made.name, "--login", "--pin", softhsm.PIN,
             "--change-pin", "--new-pin", OTHER_PIN)
    made.give_to_signer()
    return made


def secret(path, text):
    path.write_text(text)
    path.chmod(0o400)
    return path


def from_a_file(folder):
    return {"pin_file": secret(folder / "core.pin", OTHER_PIN + "\n")}, {}


def from_a_credential(folder):
    credentials = folder / "credentials"
    credentials.mkdir(mode=0o700)
    secret(credentials / CREDENTIAL, OTHER_PIN)
    return {"pin_credential": CREDENTIAL}, {"CREDENTIALS_DIRECTORY": str(credentials)}


def from_a_person(_folder):
    return {}, {}


def start(gate, source):
    if source is not from_a_person:
        return gate.start()
    person = terminal.Terminal(gate)
    waiting.until(lambda: terminal.is_silent(person), "the echo to be off")
    person.types(OTHER_PIN + "\n")
    gate.wait_for("ready")
    return gate


@pytest.fixture
def key_folder(own_folder, pki):
    """What needs no PIN."""
    made = own_folder / "keys"
    made.mkdir()
    for path in map(pathlib.Path, pki.server_files["ec"]):
        copy = pathlib.Path(shutil.copy(path, made / ("ec" + path.suffix)))
        copy.chmod(0o600)
        shutil.chown(copy, softhsm.SIGNER_USER)
    shutil.chown(made, softhsm.SIGNER_USER)
    return made


@pytest.fixture
def prepared(make_gate, configuration, other_token, own_folder, echo):
    """prepared(source) -> a gate with a keystore that has its PIN from there."""
    def make(source):
        options, environment = source(own_folder)
        configuration.keystores.clear()
        configuration.keystores.append({"alias": "core", "module": softhsm.MODULE, "token": "pkcs11:token=core",
                                        "signers": 2, **options})
        configuration.listener("raw", "tls", echo.port, keys=["ec"], keystore="core")
        gate = start(make_gate(configuration, {**other_token.environment, **environment}), source)
        gate.wait_for("signer-ready", count=2)
        return gate
    return make


def core_limits(pid):
    line = next(line for line in pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines()
                if line.startswith("Max core file size"))
    return line.split()[4:6]


def owner(pid):
    """Root's, when it may not be dumped."""
    return pathlib.Path(f"/proc/{pid}/mem").stat().st_uid


@pytest.mark.parametrize("source", [from_a_file, from_a_credential, from_a_person])
def test_in_one_page_until_its_keystore_goes(prepared, configuration, key_folder, source):
    gate = prepared(source)
    supervisor, others = gate.process.pid, list(gate.children())
    flags = process_memory.flags_where(supervisor, OTHER_PIN)
    assert len(flags) == 1 and "dd" in flags[0], flags
    assert len(others) == 5 and not [pid for pid in others if process_memory.holds(pid, OTHER_PIN)]
    for pid in [supervisor, *others]:
        assert core_limits(pid) == ["0", "0"], gate.children()[pid]
        assert owner(pid) == 0
    configuration.keystores[:] = [{"alias": "core", "directory": key_folder}]
    configuration.listeners[0]["key_alias"] = ["ec"]
    gate.path.write_text(configuration.text())
    control.reload_as_it_is(gate)
    waiting.until(lambda: not process_memory.holds(supervisor, OTHER_PIN), "the PIN to be gone")
    assert not [pid for pid in gate.children() if process_memory.holds(pid, OTHER_PIN)]


def test_no_core_while_a_person_is_asked(make_gate, configuration, token, echo):
    del configuration.keystores[0]["pin_file"]
    configuration.listener("raw", "tls", echo.port, keys=["ec"])
    gate = make_gate(configuration, token.environment)
    person = terminal.Terminal(gate)
    waiting.until(lambda: terminal.is_silent(person), "the echo to be off")
    assert core_limits(gate.process.pid) == ["0", "0"]
    person.types("\x04")
