"""A SoftHSM2 token of a test's own, in a folder that the signer's user can use."""

import os
import shutil
import subprocess

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "4711-edge-PIN-0815"
SO_PIN = "so-pin-of-the-test"
SIGNER_USER = "p11gate-signer"
KEY_IDS = {"rsa": "01", "ec": "02", "ec384": "03"}


def label(kind):
    return f"server-{kind}"


class Token:
    """Holds the keys of a pki's servers, each with its certificate, under labels server-rsa, server-ec, ..."""

    def __init__(self, folder, pki=None, name="edge"):
        self.folder, self.name = folder, name
        self.conf, self.objects = folder / "softhsm2.conf", folder / "tokens"
        folder.mkdir(parents=True)
        self.objects.mkdir()
        self.conf.write_text(f"directories.tokendir = {self.objects}\nobjectstore.backend = file\n"
                             "log.level = ERROR\nslots.removable = false\n")
        if pki:
            self.initialize(pki)

    @property
    def environment(self):
        return {"SOFTHSM2_CONF": str(self.conf)}

    def run(self, *command):
        subprocess.run([str(word) for word in command], check=True, capture_output=True, env={**os.environ, **self.environment})

    def initialize(self, pki):
        self.run("softhsm2-util", "--init-token", "--free", "--label", self.name, "--so-pin", SO_PIN, "--pin", PIN)
        for kind, number in KEY_IDS.items():
            self.add_key(pki, kind, number)
        self.give_to_signer()

    def add_key(self, pki, kind, number):
        certificate, key = pki.server_files[kind]
        self.run("softhsm2-util", "--import", key, "--token", self.name, "--label", label(kind), "--id", number,
                 "--pin", PIN)
        der = self.folder / f"{kind}.der"
        der.write_bytes(pki.servers[kind].der)
        self.run("pkcs11-tool", "--module", MODULE, "--token-label", self.name, "--login", "--pin", PIN,
                 "--write-object", der, "--type", "cert", "--label", label(kind), "--id", number)

    def add_identity(self, name, identity, number):
        """A pki.Certificate under a label of its own."""
        certificate, key = identity.write(self.folder, name)
        der = self.folder / f"{name}.der"
        der.write_bytes(identity.der)
        self.run("softhsm2-util", "--import", key, "--token", self.name, "--label", name, "--id", number, "--pin", PIN)
        self.run("pkcs11-tool", "--module", MODULE, "--token-label", self.name, "--login", "--pin", PIN,
                 "--write-object", der, "--type", "cert", "--label", name, "--id", number)
        key.unlink()
        self.give_to_signer()
        return certificate

    def add_key_that_asks(self, pki, kind, name, number):
        """For the PIN, before each signature."""
        der = self.folder / f"{name}.der"
        self.run("openssl", "pkey", "-in", pki.server_files[kind][1], "-outform", "DER", "-out", der)
        self.run("pkcs11-tool", "--module", MODULE, "--token-label", self.name, "--login", "--pin", PIN,
                 "--write-object", der, "--type", "privkey", "--label", name, "--id", number, "--always-auth")
        der.unlink()
        self.give_to_signer()

    def give_to_signer(self):
        self.folder.chmod(0o755)
        for path in [self.objects, *self.objects.rglob("*")]:
            shutil.chown(path, SIGNER_USER, SIGNER_USER)

    def take_away(self):
        self.objects.rename(self.folder / "taken")
        self.objects.mkdir()
        shutil.chown(self.objects, SIGNER_USER, SIGNER_USER)

    def bring_back(self):
        self.objects.rmdir()
        (self.folder / "taken").rename(self.objects)

    def flags(self):
        """The token's CKF_USER_PIN_* flags as pkcs11-tool words them: "user PIN count low", ..."""
        run = subprocess.run(["pkcs11-tool", "--module", MODULE, "--list-token-slots"], check=True, capture_output=True,
                             text=True, env={**os.environ, **self.environment})
        return run.stdout
