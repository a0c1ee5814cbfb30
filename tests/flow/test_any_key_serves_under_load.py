"""Whatever kind of key a token holds, it serves a crowd: full handshakes, resumptions and an established echo at the
same time, and a signer is killed in the middle. Not with keys that want the PIN each time: such a signer is always in
a login, and SoftHSM loses a token whose user is killed in one."""

import os
import signal
import subprocess

import figures
import load
import pytest
import softhsm
import waiting

CLIENTS = 4
SIGNERS = 2
WARM = 20
OBJECTS = 300


def tool(token, *options):
    token.run("pkcs11-tool", "--module", softhsm.MODULE, "--token-label", token.name, "--login", "--pin", softhsm.PIN,
              *options)


def der_key(pki, kind, folder):
    made = folder / f"{kind}-key.der"
    subprocess.run(["openssl", "pkey", "-in", pki.server_files[kind][1], "-outform", "DER", "-out", made], check=True)
    return made


def wants_the_pin_each_time(token, pki, folder, kind):
    tool(token, "--write-object", der_key(pki, kind, folder), "--type", "privkey", "--label", "each-time", "--id", "21",
         "--always-auth")
    return {"key_alias": ["each-time"], "certificate_file": [pki.server_files[kind][0]]}


def rsa_each_time(token, pki, folder):
    return wants_the_pin_each_time(token, pki, folder, "rsa")


def ec_each_time(token, pki, folder):
    return wants_the_pin_each_time(token, pki, folder, "ec")


def without_a_label(token, pki, folder):
    tool(token, "--write-object", der_key(pki, "ec", folder), "--type", "privkey", "--id", "22")
    return {"key_alias": ["pkcs11:id=%22"], "certificate_file": [pki.server_files["ec"][0]]}


def ed25519(token, pki, _folder):
    token.add_key(pki, "ed25519", "04")
    return {"key_alias": [softhsm.label("ed25519")]}


def among_many_objects(token, pki, folder):
    note = folder / "note"
    note.write_text("a data object\n")
    tool(token, "--write-object", note, "--type", "data", "--label", "note-0")
    source = max(token.objects.rglob("*.object"), key=lambda path: path.stat().st_mtime_ns)
    for number in range(OBJECTS):
        # SoftHSM takes every file of the folder for an object of its own.
        (source.parent / f"00000000-0000-0000-0000-{number:012d}.object").write_bytes(source.read_bytes())
    return {"key_alias": [softhsm.label("rsa"), softhsm.label("ec")]}


@pytest.mark.parametrize("prepare, killed", [(rsa_each_time, False), (ec_each_time, False), (without_a_label, True),
                                             (ed25519, True), (among_many_objects, True)])
def test_a_crowd_is_served(prepare, killed, make_gate, configuration, own_token, pki, echo, own_folder, request):
    options = prepare(own_token, pki, own_folder)
    own_token.give_to_signer()
    configuration.keystores[0].update(signers=SIGNERS)
    port = configuration.listener("raw", "tls", echo.port, **options)
    gate = make_gate(configuration, own_token.environment).start()
    gate.wait_for("signer-ready", count=SIGNERS)
    tasks = {"full": load.Task(load.full_handshakes, pki, port, CLIENTS),
             "resumed": load.Task(load.resumed_handshakes, pki, port, CLIENTS),
             "echo": load.Task(load.established_echo, pki, port)}
    for wanted in (WARM, 2 * WARM, 3 * WARM):
        waiting.until(lambda: tasks["full"].done.value >= wanted, f"{wanted} handshakes: {gate.last_words()}")
        if killed and wanted == WARM:
            os.kill(gate.pids("signer")[0], signal.SIGKILL)
    attempts = {name: task.end() for name, task in tasks.items()}
    figures.show(request.node.name, *(f"{name}: {len(made)}, failed {load.failures(made)}, "
                                     f"longest {load.longest_wait_s(made) * 1000:.0f} ms"
                                     for name, made in attempts.items()))
    assert {name: load.failures(made) for name, made in attempts.items()} == {"full": 0, "resumed": 0, "echo": 0}
