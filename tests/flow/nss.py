"""A token of NSS (softokn): a module that must be told where its database is in C_Initialize, and whose private keys
have no label."""

import shutil
import subprocess

import softhsm

MODULE = "/usr/lib/x86_64-linux-gnu/libsoftokn3.so"
TOKEN = "pkcs11:token=NSS%20Certificate%20DB"
TRANSPORT = "transport"


class Database:
    """Holds the key of a pki's server of this kind."""

    def __init__(self, folder, pki, kind):
        self.folder, self.pin = folder, folder.parent / "nss-pin"
        folder.mkdir()
        self.pin.write_text(softhsm.PIN + "\n")
        self.certificate, key = pki.server_files[kind]
        bundle = folder.parent / "nss.p12"
        self.run("certutil", "-N", "-d", f"sql:{folder}", "-f", self.pin)
        self.run("openssl", "pkcs12", "-export", "-inkey", key, "-in", self.certificate, "-name", "server", "-out", bundle,
                 "-passout", f"pass:{TRANSPORT}")
        self.run("pk12util", "-i", bundle, "-d", f"sql:{folder}", "-k", self.pin, "-W", TRANSPORT)
        listing = self.run("certutil", "-K", "-d", f"sql:{folder}", "-f", self.pin)
        number = listing.splitlines()[-1].split()[3]
        self.key = "pkcs11:id=" + "".join(f"%{number[at:at + 2]}" for at in range(0, len(number), 2))
        self.pin.chmod(0o600)
        for path in [folder, *folder.iterdir()]:
            shutil.chown(path, softhsm.SIGNER_USER)

    @property
    def init_args(self):
        return f"configdir='sql:{self.folder}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=readOnly"

    @staticmethod
    def run(*command):
        return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout
