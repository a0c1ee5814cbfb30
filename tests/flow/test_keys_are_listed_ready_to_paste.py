"""p11gate keys: what it prints can be pasted into the configuration and works; p11gate -t says what each key can."""

import os
import pty
import re
import select
import shutil
import subprocess

import clients
import pytest
import sick_token
import softhsm
import tls_wire

LIMIT_S = 20
SETTING = re.compile(r'^\s+([\w-]+) = "([^"]*)";$', re.MULTILINE)


def listing(program, environment, *words):
    return subprocess.run([program, "keys", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=LIMIT_S, env={**os.environ, **environment})


def read_some(terminal):
    """b"" at the end: the other side has closed it."""
    assert select.select([terminal], [], [], LIMIT_S)[0], "nothing more is printed"
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def listing_at_a_terminal(program, environment, typed, *words):
    """What a person sees who types this when the PIN is asked for, and the exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(program, [program, "keys", *words], {**os.environ, **environment})
    seen = b""
    while b"PIN of token" not in seen or not seen.endswith(b": "):
        piece = read_some(terminal)
        assert piece, seen.decode()
        seen += piece
    os.write(terminal, typed.encode() + b"\n")
    while piece := read_some(terminal):
        seen += piece
    os.close(terminal)
    return seen.decode().replace("\r\n", "\n"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture(scope="module")
def shown(program, token):
    text, code = listing_at_a_terminal(program, token.environment, softhsm.PIN, "--module", softhsm.MODULE)
    assert code == 0, text
    return text


def block_of(text, key):
    """The lines from this key's to the next blank one."""
    return text[text.index(f'# key "{key}"'):].split("\n\n")[0]


def test_a_pasted_uri_works(shown, configuration, echo, token, make_gate, pki):
    found = dict(SETTING.findall(shown.split("# key")[0]))
    configuration.keystores[0].update(module=found["module"], token=found["token"])
    ports = {}
    for kind in ("rsa", "ec", "ec384"):
        alias = dict(SETTING.findall(block_of(shown, softhsm.label(kind))))["key-alias"]
        ports[kind] = configuration.listener(kind, "tls", echo.port, key_alias=alias)
    make_gate(configuration).start()
    for kind, port in ports.items():
        assert tls_wire.full_handshake(clients.client_context(pki), port), kind


@pytest.mark.parametrize("kind, what", [("rsa", "RSA 2048"), ("ec", "P-256"), ("ec384", "P-384")])
def test_each_key_is_shown_with_its_certificate(shown, kind, what):
    block = block_of(shown, softhsm.label(kind))
    assert f'"{softhsm.label(kind)}", {what}: TLS 1.2 and 1.3' in block
    assert "its certificate: " in block and f"server {kind}" in block
    assert "no certificate" not in block


def test_the_pin_is_not_shown(shown):
    assert softhsm.PIN not in shown


def test_a_certificate_of_another_key_is_of_no_key(program, own_token, pki):
    """The same id proves nothing."""
    own_token.run("softhsm2-util", "--import", pki.server_files["ec"][1], "--token", own_token.name, "--label",
                  "impostor", "--id", "77", "--pin", softhsm.PIN)
    own_token.run("pkcs11-tool", "--module", softhsm.MODULE, "--token-label", own_token.name, "--login", "--pin",
                  softhsm.PIN, "--write-object", own_token.folder / "ec384.der", "--type", "cert", "--id", "77")
    text, code = listing_at_a_terminal(program, own_token.environment, softhsm.PIN, "--module", softhsm.MODULE)
    assert code == 0
    assert "server ec384" not in block_of(text, "impostor")
    assert "server ec," in block_of(text, "impostor")


def test_without_a_terminal_only_public_objects_are_shown(program, token):
    result = listing(program, token.environment, "--module", softhsm.MODULE)
    assert result.returncode == 0, result.stderr
    assert "private keys are hidden before a login" in result.stdout
    assert "server rsa" in result.stdout and "# key" not in result.stdout


def test_a_wrong_pin_is_tried_once(program, own_token):
    words = ("--module", softhsm.MODULE)
    text, code = listing_at_a_terminal(program, own_token.environment, "wrong-pin", *words)
    assert code == 77 and "refused the PIN" in text
    text, code = listing_at_a_terminal(program, own_token.environment, softhsm.PIN, *words)
    assert code == 77 and "No login was tried" in text
    text, code = listing_at_a_terminal(program, own_token.environment, softhsm.PIN, "--force-login", *words)
    assert code == 0 and "# key" in text


@pytest.mark.parametrize("words, code, said", [
    (["--module", "/nonexistent.so"], 1, "the module cannot be loaded"),
    (["--module", softhsm.MODULE, "--token", "pkcs11:token=elsewhere"], 1, "none has an initialised token"),
    (["--module", softhsm.MODULE, "--token", "pkcs11:token=edge?pin-value=1234"], 1, "a PIN must not stand"),
    (["--pin", "1234"], 2, "usage:"),
    (["edge"], 2, "usage:"),
])
def test_what_cannot_be_is_explained(program, token, words, code, said):
    result = listing(program, token.environment, *words)
    assert result.returncode == code, result.stdout + result.stderr
    assert said in result.stderr


@pytest.fixture
def sickness(own_folder):
    return sick_token.SickToken(own_folder / "fake")


def check(gate):
    result = subprocess.run([gate.program, "-t", "-c", gate.path], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=LIMIT_S, env=gate.environment)
    return result.returncode, result.stdout + result.stderr


def test_the_check_tells_what_each_key_can(configuration, echo, make_gate):
    configuration.listener("tls", "tls", echo.port, keys=["rsa", "ec"])
    code, text = check(make_gate(configuration))
    assert code == 0, text
    rsa, ec = (next(line for line in text.splitlines() if f'key "{softhsm.label(kind)}"' in line)
               for kind in ("rsa", "ec"))
    assert "rsa_pkcs1_sha256" in rsa and "rsa_pss_rsae_sha512" in rsa and rsa.endswith("; TLS 1.2 and 1.3")
    assert "ecdsa_secp256r1_sha256" in ec and ec.endswith("; TLS 1.2 and 1.3")


def test_the_check_tells_what_is_missing(configuration, echo, make_gate, token, sickness):
    sickness.says("hide CKM_RSA_PKCS_PSS", "hide CKM_RSA_X_509")
    configuration.keystores[0]["module"] = sickness.module
    configuration.listener("tls", "tls", echo.port, keys=["rsa"])
    code, text = check(make_gate(configuration, {**token.environment, **sickness.environment}))
    assert code == 0, text
    assert "; TLS 1.2 only; TLS 1.3 is missing: the token has neither CKM_RSA_PKCS_PSS nor CKM_RSA_X_509" in text


@pytest.fixture
def directory(configuration, own_folder, pki, echo):
    """A folder of key files that is root's; the configuration uses it."""
    folder = own_folder / "keys"
    folder.mkdir(mode=0o700)
    for path in pki.server_files["ec"]:
        shutil.copy(path, folder / ("ec" + path.suffix))
    configuration.keystores[0].clear()
    configuration.keystores[0].update(alias="edge", directory=folder)
    configuration.listener("tls", "tls", echo.port, key_alias=["ec"])
    return folder


def test_the_check_is_made_as_the_signers_user(directory, configuration, make_gate):
    """Root can read everything; who is going to sign cannot: the check says so, not the first partner."""
    code, text = check(make_gate(configuration))
    assert code == 1, text
    assert str(directory) in text and "Permission denied" in text and "p11gate.conf:" in text
    shutil.chown(directory, softhsm.SIGNER_USER)
    for path in directory.iterdir():
        path.chmod(0o600)
    code, text = check(make_gate(configuration))
    assert code == 1, text
    assert "ec.key cannot be read" in text and "Permission denied" in text
    for path in directory.iterdir():
        shutil.chown(path, softhsm.SIGNER_USER)
    code, text = check(make_gate(configuration))
    assert code == 0, text
