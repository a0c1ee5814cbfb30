"""Whatever kind of key, token or module it is, it serves a crowd: full handshakes, resumptions and an established echo
at the same time, and a signer is killed in the middle. Not with keys that want the PIN each time: such a signer is
always in a login, and SoftHSM loses a token whose user is killed in one."""

import os
import pathlib
import shutil
import signal
import subprocess

import clients
import load
import nss
import pytest
import sick_token
import softhsm
import tls_wire
import waiting

CLIENTS = 4
SIGNERS = 2
WARM = 20
OBJECTS = 2000
SIGALGS = {"rsa": "RSA-PSS+SHA256", "ec": "ECDSA+SHA256", "ed25519": "ed25519"}


class Scene:
    """What a row prepares: the keystore, the token in it, the listener's options, the environment."""

    def __init__(self, configuration, token, pki, folder):
        self.configuration, self.token, self.pki, self.folder = configuration, token, pki, folder
        self.keystore, self.environment = configuration.keystores[0], dict(token.environment)
        self.kinds = []  # of keys, each of which has clients of its own

    def tool(self, *options):
        self.token.run("pkcs11-tool", "--module", softhsm.MODULE, "--token-label", self.token.name, "--login", "--pin",
                       softhsm.PIN, *options)

    def der_key(self, kind):
        made = self.folder / f"{kind}-key.der"
        subprocess.run(["openssl", "pkey", "-in", self.pki.server_files[kind][1], "-outform", "DER", "-out", made],
                       check=True)
        return made

    def sick_token(self, *lines):
        sick = sick_token.SickToken(self.folder / "fake")
        sick.says(*lines)
        self.environment.update(sick.environment)
        self.keystore.update(module=sick.module)


def wants_the_pin_each_time(scene, kind):
    scene.tool("--write-object", scene.der_key(kind), "--type", "privkey", "--label", "each-time", "--id", "21",
               "--always-auth")
    return {"key_alias": ["each-time"], "certificate_file": [scene.pki.server_files[kind][0]]}


def rsa_each_time(scene):
    return wants_the_pin_each_time(scene, "rsa")


def ec_each_time(scene):
    return wants_the_pin_each_time(scene, "ec")


def without_a_label(scene):
    scene.tool("--write-object", scene.der_key("ec"), "--type", "privkey", "--id", "22")
    return {"key_alias": ["pkcs11:id=%22"], "certificate_file": [scene.pki.server_files["ec"][0]]}


def by_a_full_uri(scene):
    label = softhsm.label("ec")
    return {"key_alias": [f"pkcs11:token={scene.token.name};object={label};id=%02;type=private"]}


def ed25519(scene):
    """It stands beside RSA and EC keys, which go on serving (TRAPS 5): each has clients that take no other."""
    scene.token.add_key(scene.pki, "ed25519", "04")
    scene.kinds = list(SIGALGS)
    return {"key_alias": [softhsm.label(kind) for kind in scene.kinds]}


def among_thousands_of_objects(scene):
    note = scene.folder / "note"
    note.write_text("a data object\n")
    scene.tool("--write-object", note, "--type", "data", "--label", "note-0")
    source = max(scene.token.objects.rglob("*.object"), key=lambda path: path.stat().st_mtime_ns)
    for number in range(OBJECTS):
        # SoftHSM takes every file of the folder for an object of its own.
        (source.parent / f"00000000-0000-0000-0000-{number:012d}.object").write_bytes(source.read_bytes())
    return {"key_alias": [softhsm.label("rsa"), softhsm.label("ec")]}


def pss_without_raw_rsa(scene):
    scene.sick_token("hide CKM_RSA_X_509")
    return {"key_alias": [softhsm.label("rsa")]}


def neither_pss_nor_raw_rsa(scene):
    """TLS 1.2 only, and said at the start (T6)."""
    scene.sick_token("hide CKM_RSA_X_509", "hide CKM_RSA_PKCS_PSS")
    return {"key_alias": [softhsm.label("rsa")]}


def a_folder_of_files(scene):
    folder = scene.folder / "keys"
    folder.mkdir()
    for kind in ("rsa", "ec"):
        for path in map(pathlib.Path, scene.pki.server_files[kind]):
            copy = shutil.copy(path, folder / (kind + path.suffix))
            os.chmod(copy, 0o600)
            shutil.chown(copy, softhsm.SIGNER_USER)
    shutil.chown(folder, softhsm.SIGNER_USER)
    scene.keystore.clear()
    scene.keystore.update(alias="edge", directory=folder)
    return {"key_alias": ["rsa", "ec"]}


def a_module_with_init_args(scene):
    database = nss.Database(scene.folder / "nss", scene.pki, "ec")
    scene.keystore.update(module=nss.MODULE, token=nss.TOKEN, init_args=database.init_args)
    return {"key_alias": [database.key], "certificate_file": [database.certificate]}


KILLED = [without_a_label, by_a_full_uri, ed25519, among_thousands_of_objects, pss_without_raw_rsa, neither_pss_nor_raw_rsa,
          a_folder_of_files, a_module_with_init_args]


def handshakes_of(task, attempts, pki, port, kind):
    """Clients that know one signature algorithm; they must see the certificate of that key."""
    def one():
        done = clients.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-sigalgs", SIGALGS[kind], "-CAfile",
                            pki.ca_file])
        assert f"subject=CN = server {kind}\n" in done.stdout, done.stdout + done.stderr
        return "Verify return code: 0 (ok)" in done.stdout

    load.paced(task, attempts, one)


@pytest.mark.parametrize("prepare, killed", [(rsa_each_time, False), (ec_each_time, False),
                                             *((row, True) for row in KILLED)])
def test_a_crowd_is_served(prepare, killed, make_gate, configuration, own_token, pki, echo, own_folder):
    scene = Scene(configuration, own_token, pki, own_folder)
    options = prepare(scene)
    own_token.give_to_signer()
    scene.keystore.update(signers=SIGNERS)
    port = configuration.listener("raw", "tls", echo.port, **options)
    gate = make_gate(configuration, scene.environment).start()
    gate.wait_for("signer-ready", count=SIGNERS)
    tasks = {"full": load.Task(load.full_handshakes, pki, port, CLIENTS),
             "resumed": load.Task(load.resumed_handshakes, pki, port, CLIENTS),
             "echo": load.Task(load.established_echo, pki, port),
             **{kind: load.Task(handshakes_of, pki, port, kind) for kind in scene.kinds}}
    for wanted in (WARM, 2 * WARM, 3 * WARM):
        waiting.until(lambda wanted=wanted: tasks["full"].done.value >= wanted
                      and all(tasks[kind].done.value >= wanted // 4 for kind in scene.kinds),
                      f"{wanted} handshakes: {gate.last_words()}")
        if killed and wanted == WARM:
            os.kill(gate.pids("signer")[0], signal.SIGKILL)
    if prepare is neither_pss_nor_raw_rsa:
        made = tls_wire.Conversation(clients.client_context(pki), port)
        assert made.tls.version() == "TLSv1.2"
        made.close()
    attempts = {name: task.end() for name, task in tasks.items()}
    load.show(prepare.__name__, attempts, *(f"{kind}: {len(attempts[kind])}" for kind in scene.kinds))
    assert {name: load.causes(made) for name, made in attempts.items()} == {name: [] for name in attempts}
